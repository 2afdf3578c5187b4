import Foundation
import Testing

@testable import Flows

/// A flow of zuko or nflows computed in double precision, as `make_flow_goldens.py` writes it.
enum PeerGolden: String, CaseIterable, Sendable {
  case zukoMAF = "zuko_maf"
  case zukoMAFContext = "zuko_maf_context"
  case zukoMAFRandomOrders = "zuko_maf_randperm"
  case zukoNSF = "zuko_nsf"
  case zukoNSFContext = "zuko_nsf_context"
  case zukoNSFTwoPasses = "zuko_nsf_passes2"
  case zukoCouplings = "zuko_nice_rqs"
  case zukoCouplingsContext = "zuko_nice_rqs_context"
  case nflowsMAF = "nflows_maf"
  case nflowsMAFContext = "nflows_maf_context"
  case nflowsAutoregressive = "nflows_rqs_autoregressive"
  case nflowsCouplings = "nflows_rqs_coupling"
  case nflowsScaledCouplings = "nflows_rqs_coupling_scaled"

  var isZuko: Bool { rawValue.hasPrefix("zuko") }

  func file() throws -> SafetensorsFile { try peerFixture(rawValue) }

  func flow<S: TensorScalar>(_ file: SafetensorsFile, as type: S.Type = S.self) throws
    -> NormalizingFlow<S>
  {
    isZuko
      ? try NormalizingFlow(zukoWeights: file)
      : try NormalizingFlow(
        nflowsWeights: file, bound: 3, hasHiddenFeatures: self == .nflowsScaledCouplings)
  }
}

/// A file of `Fixtures/Peers`.
func peerFixture(_ name: String) throws -> SafetensorsFile {
  let url = try #require(
    Bundle.module.url(
      forResource: name, withExtension: "safetensors", subdirectory: "Fixtures/Peers"))
  return try SafetensorsFile(contentsOf: url.path)
}

/// What the library computed, with which a flow is compared.
struct PeerResults {
  let input, logDensity, latent, gradient: Tensor<Double>
  let sampleLatent, sample, sampleLogDensity: Tensor<Double>
  /// The rows after each transform from data to latent, and its log-determinants.
  let trace, traceLogDet: Tensor<Double>
  let context, sampleContext: Tensor<Double>?

  init(_ file: SafetensorsFile) throws {
    input = try file.tensor("input")
    logDensity = try file.tensor("log_density")
    latent = try file.tensor("latent")
    gradient = try file.tensor("gradient")
    sampleLatent = try file.tensor("sample_latent")
    sample = try file.tensor("sample")
    sampleLogDensity = try file.tensor("sample_log_density")
    trace = try file.tensor("trace")
    traceLogDet = try file.tensor("trace_log_det")
    let hasContext = file.names.contains("context")
    context = hasContext ? try file.tensor("context") : nil
    sampleContext = hasContext ? try file.tensor("sample_context") : nil
  }

  /// The largest deviation of each result, as ``GoldenResults`` measures it.
  func deviations<S>(_ flow: NormalizingFlow<S>) -> [(result: String, deviation: Double)] {
    let (x, z) = (Tensor<S>(input), Tensor<S>(sampleLatent))
    let c = context.map { Tensor<S>($0) }
    let sampleC = sampleContext.map { Tensor<S>($0) }
    let found = Flows.gradient(at: x) { flow.logDensity(of: $0, context: c).sum() }
    let data = flow.toData(z, context: sampleC)
    let sampleDensity = flow.base.logDensity(of: z, context: nil) - data.logDet
    return [
      ("log-density", GoldenResults.deviation(flow.logDensity(of: x, context: c), logDensity)),
      ("latent", GoldenResults.deviation(flow.toLatent(x, context: c).value, latent)),
      ("gradient", GoldenResults.deviation(found, gradient)),
      ("data of latent rows", GoldenResults.deviation(data.value, sample)),
      ("log-density of samples", GoldenResults.deviation(sampleDensity, sampleLogDensity)),
    ]
  }

  /// The largest deviation of each transform, given the rows before it.
  func stepDeviations<S>(_ flow: NormalizingFlow<S>) -> [Double] {
    let c = context.map { Tensor<S>($0) }
    var rows = input
    return flow.flow.flows.reversed().enumerated().map { index, step in
      let found = step.inverse(Tensor(rows), context: step.contextDimension > 0 ? c : nil)
      let (values, logDets) = (trace.slice(index..<index + 1, axis: 0), traceLogDet)
      rows = values.reshaped(to: input.shape)
      let logDet = logDets[rows: index..<index + 1].flattened()
      return Swift.max(
        GoldenResults.deviation(found.value, rows), GoldenResults.deviation(found.logDet, logDet))
    }
  }
}
