import Foundation
import Testing

@testable import Flows

@Suite("Files of residual densities")
struct ResidualDensityFileTests {
  private typealias Density = ResidualDensity<Laplace<Float>, NormalizingFlow<Float>>

  private func density(_ normalization: ResidualNormalization = .exact) -> Density {
    var generator = PhiloxGenerator(seed: 91)
    return ResidualDensity(
      base: Laplace(location: Tensor([0.5, -1]), scale: Tensor([2, 0.3]), isLearnable: true),
      shape: .rle(using: &generator), normalization: normalization)
  }

  private func rows() -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: 92)
    return .normal([50, 2], using: &generator)
  }

  @Test(
    "hold the same bits",
    arguments: [ResidualNormalization.exact, .omitted, .given(-1.234_567_890_123_456_7)])
  func roundTrip(normalization: ResidualNormalization) throws {
    try withTemporaryFolder { folder in
      let (model, path) = (density(normalization), folder + "/density.safetensors")
      try model.save(to: path)
      let loaded = try ResidualDensity<Laplace<Float>, NormalizingFlow<Float>>.load(from: path)
      #expect(loaded.normalization == normalization)
      #expect(loaded.namedTensors.map(\.name) == model.namedTensors.map(\.name))
      #expect(loaded.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))
      #expect(loaded.logDensity(of: rows()) == model.logDensity(of: rows()))
      let again = folder + "/again.safetensors"
      try loaded.save(to: again)
      #expect(
        FileManager.default.contents(atPath: path) == FileManager.default.contents(atPath: again))
    }
  }

  @Test("hold densities in and around others")
  func nested() throws {
    let inner = density(.omitted)
    let outer = ResidualDensity(base: Gaussian<Float>(dimension: 2), shape: inner)
    let same = try ResidualDensity<Gaussian<Float>, Density>(outer.safetensors())
    #expect(same.logDensity(of: rows()) == outer.logDensity(of: rows()))
    #expect(same.shape.normalization == .omitted)
    let flow = NormalizingFlow(
      base: density(), flow: Composition(dimension: 2, [ActNorm<Float>(dimension: 2)]))
    let loaded = try NormalizingFlow<Float>(flow.safetensors())
    #expect(loaded.base is Density)
    #expect(loaded.logDensity(of: rows()) == flow.logDensity(of: rows()))
  }

  @Test("are refused where they make no sense")
  func refused() throws {
    let file = try density(.given(2)).safetensors()
    func message(_ from: String, _ to: String) -> String {
      var copy = file
      let text = copy.metadata["flows.model"] ?? ""
      copy.metadata["flows.model"] = text.replacingOccurrences(of: from, with: to)
      #expect(text.contains(from), "\(text.prefix(300))")
      return errorText { try Density(copy) }
    }
    #expect(message("\"normalization\":2", "\"normalization\":\"some\"").contains("\"some\""))
    #expect(
      message("{\"dimension\":2,\"isLearnable\":true}", "{\"dimension\":3,\"isLearnable\":true}")
        .contains("expected parts of the same columns, got 3 and 2"))
    #expect(
      errorText { try ResidualDensity<Gaussian<Float>, NormalizingFlow<Float>>(file) }
        .contains("expected a ResidualDensity<Gaussian<Float>"))
  }
}
