import Foundation
import Testing

@testable import Flows

/// A flow computed by PyTorch in double precision, as `make_goldens.py` writes it.
enum Golden: String, CaseIterable, Sendable {
  /// The flow of RLE in two columns.
  case rle2d
  /// The flow of RLE in three columns.
  case rle3d
  /// Eight masked couplings, networks 4→32→24→4.
  case realnvp4d
  /// Eight couplings of one network each, SiLU, the soft bound, and a Gaussian that is not standard.
  case joint4d

  /// Those in the layout that the importer reads.
  static let masked: [Golden] = [.rle2d, .rle3d, .realnvp4d]

  /// The names of what is not a weight.
  static let results: Set<String> = ["input", "log_density", "latent", "gradient"]

  /// The number of columns.
  var columns: Int {
    switch self {
    case .rle2d: 2
    case .rle3d: 3
    case .realnvp4d, .joint4d: 4
    }
  }

  /// The fixture.
  func file() throws -> SafetensorsFile {
    let url = try #require(
      Bundle.module.url(
        forResource: rawValue, withExtension: "safetensors", subdirectory: "Fixtures"))
    return try SafetensorsFile(contentsOf: url.path)
  }

  /// The flow with the weights of a file.
  func flow<S: TensorScalar>(from file: SafetensorsFile) throws -> NormalizingFlow<S> {
    guard self == .joint4d else { return try NormalizingFlow(rleWeights: file) }
    var generator = PhiloxGenerator(seed: 0)
    let base = Gaussian<S>(
      location: try file.tensor("loc"), scale: exp(try file.tensor("log_scale")),
      isLearnable: true)
    var couplings: [AffineCoupling<S>] = []
    for index in 0..<8 {
      var coupling = AffineCoupling<S>(
        dimension: 4, mask: .alternating(index), hidden: [24, 24], activation: .silu,
        networks: .joint, scale: .soft(bound: 1), using: &generator)
      for layer in 0..<3 {
        let name = "net.\(index).\(2 * layer)"
        coupling.scaleNetwork.layers[layer].weight = try file.tensor(name + ".weight").transposed()
        coupling.scaleNetwork.layers[layer].bias = try file.tensor(name + ".bias")
      }
      couplings.append(coupling)
    }
    return NormalizingFlow(base: base, flow: Composition(dimension: 4, couplings))
  }
}

/// What PyTorch computed, with which a flow is compared.
struct GoldenResults {
  let input: Tensor<Double>
  let logDensity: Tensor<Double>
  let latent: Tensor<Double>
  let gradient: Tensor<Double>

  init(_ file: SafetensorsFile) throws {
    input = try file.tensor("input")
    logDensity = try file.tensor("log_density")
    latent = try file.tensor("latent")
    gradient = try file.tensor("gradient")
  }

  /// The worst deviation of the log-densities.
  func logDensityDeviation<S>(_ flow: NormalizingFlow<S>) -> Double {
    Self.deviation(flow.logDensity(of: Tensor(input)), logDensity)
  }

  /// The worst deviation of the latent rows.
  func latentDeviation<S>(_ flow: NormalizingFlow<S>) -> Double {
    Self.deviation(flow.toLatent(Tensor(input)).value, latent)
  }

  /// The worst deviation of the gradients of the mean log-density by the rows, times their number.
  func gradientDeviation<S>(_ flow: NormalizingFlow<S>) -> Double {
    let found = Flows.gradient(at: Tensor<S>(input)) { flow.logDensity(of: $0).mean() }
    return Self.deviation(found * S(input.shape[0]), gradient)
  }

  /// The worst deviation of the rows that the latent rows are mapped to.
  func inputDeviation<S>(_ flow: NormalizingFlow<S>) -> Double {
    Self.deviation(flow.toData(Tensor(latent)).value, input)
  }

  /// The largest difference, relative to the largest scalar of its row or to 1 where that is larger.
  ///
  /// A NaN counts as an infinite difference.
  static func deviation<S>(_ found: Tensor<S>, _ expected: Tensor<Double>) -> Double {
    guard found.shape == expected.shape else { return .infinity }
    let columns = expected.count / expected.shape[0]
    let (a, b) = (found.scalars, expected.scalars)
    var worst = 0.0
    for start in stride(from: 0, to: b.count, by: columns) {
      let row = start..<(start + columns)
      let scale = row.reduce(1) { Swift.max($0, Swift.abs(b[$1])) }
      for index in row {
        let difference = Swift.abs(Double(a[index]) - b[index]) / scale
        worst = difference.isNaN ? .infinity : Swift.max(worst, difference)
      }
    }
    return worst
  }
}

extension SafetensorsFile {
  /// A copy in double precision with arrays changed.
  func changing(_ change: (String, inout Tensor<Double>) throws -> Void) throws -> SafetensorsFile {
    var copy = SafetensorsFile()
    for name in names {
      var tensor = try tensor(name, as: Double.self)
      try change(name, &tensor)
      try copy.add(name, tensor)
    }
    return copy
  }

  /// A copy in double precision under other names; nil leaves an array out.
  func renaming(_ name: (String) -> String?) throws -> SafetensorsFile {
    var copy = SafetensorsFile()
    for old in names {
      if let new = name(old) { try copy.add(new, tensor(old, as: Double.self)) }
    }
    return copy
  }
}
