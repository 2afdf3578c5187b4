import Foundation
import Testing

@testable import Flows

@Suite("Hostile density files")
struct HostileDistributionTests {
  private let largest = "9223372036854775807"

  private func model() -> NormalizingFlow<Float> {
    let base = Mixture<Float>(
      [
        ProductDistribution([
          StudentT(dimension: 1, degreesOfFreedom: 3, isLearnable: true), Uniform(dimension: 1),
        ]),
        MultivariateGaussian(dimension: 2, isLearnable: true),
        LowRankGaussian(
          mean: .zeros([2]), factor: .ones([2, 3]), diagonal: .ones([2]), isLearnable: true),
        ProductDistribution([
          Gamma(concentration: .ones([1]), rate: .ones([1])),
          Beta(alpha: .ones([1]), beta: .ones([1])),
        ]),
      ], isLearnable: true)
    return NormalizingFlow(base: base, flow: Composition(dimension: 2))
  }

  private func text() throws -> String {
    try #require(try model().safetensors().metadata["flows.model"])
  }

  /// Builds the model of a description, and uses it where it is accepted.
  private func use(_ description: String) throws {
    var file = try model().safetensors()
    file.metadata["flows.model"] = description
    let model = try NormalizingFlow<Float>(file)
    let context =
      model.contextDimension > 0 ? Tensor<Float>.zeros([3, model.contextDimension]) : nil
    _ = model.logDensity(of: .zeros([3, model.dimension]), context: context)
    var generator = PhiloxGenerator(seed: 1)
    _ = model.sample(3, context: context, using: &generator)
    _ = (model.base.support, model.base.kinks, model.base.logDensityBound)
  }

  private func kind(_ part: String, _ other: String) throws -> FlowsError.Kind? {
    let text = try text()
    try #require(text.contains(part), "\(text)")
    return errorKind { try use(text.replacingOccurrences(of: part, with: other)) }
  }

  @Test("are accepted as they are")
  func original() throws { try use(text()) }

  @Test("describe sizes and parts that do not fit")
  func sizes() throws {
    for size in ["0", "-1", "3", "1048576", "1048577", largest, "-\(largest)", "1e999"] {
      #expect(try kind("\"factors\":3", "\"factors\":\(size)") != nil || size == "3")
      #expect(try kind("\"dimension\":2", "\"dimension\":\(size)") != nil)
      #expect(try kind("\"dimension\":1", "\"dimension\":\(size)") != nil)
    }
    #expect(try kind("\"factors\":3", "\"factors\":1048576") == .malformedFile)
    #expect(try kind("\"Mixture\"", "\"ProductDistribution\"") != nil)
    #expect(try kind("\"ProductDistribution\"", "\"Mixture\"") != nil)
    #expect(try kind("\"Uniform\"", "\"Gaussian\"") != nil)
    #expect(try kind("\"Uniform\"", "\"Cauchy\"") == .unsupported)
    #expect(try kind("\"StudentT\"", "\"NormalizingFlow\"") != nil)
  }

  @Test("describe more factors than the file has numbers for")
  func factors() {
    for factors in [4096, 1_048_576] {
      let description = """
        {"dimension":1,"flow":{"type":"Composition","configuration":{"dimension":1}},
        "base":{"type":"LowRankGaussian",
        "configuration":{"dimension":1,"factors":\(factors),"isLearnable":true}}}
        """
      #expect(errorKind { try use(description) } == .malformedFile, "\(factors)")
    }
    let configuration = LowRankGaussian<Float>(
      mean: .zeros([3]), factor: .ones([3, 4]), diagonal: .ones([3])
    ).configuration
    #expect(configuration.scalarCount == 34)
  }

  @Test("have no parts")
  func empty() {
    for type in ["Mixture", "ProductDistribution"] {
      let description = """
        {"dimension":2,"flow":{"type":"Composition","configuration":{"dimension":2}},
        "base":{"type":"\(type)","configuration":{"isLearnable":true},"parts":[]}}
        """
      #expect(errorKind { try use(description) } == .malformedFile)
    }
  }

  @Test("come to an error or to a model that works")
  func mutations() throws {
    var mutator = Mutator(
      seed: 73,
      fragments: [
        largest, "-1", "0", "1048576", "true", "null", "[]", "{}", "\"", ",", "\"parts\":[]",
        "\"Mixture\"", "\"ProductDistribution\"", "\"factors\":0", "\"dimension\":1", "\"Beta\"",
      ])
    let found = try mutator.feed([Array(text().utf8)], rounds: 600) {
      try use(String(decoding: $0, as: UTF8.self))
    }
    #expect(found.refused > 150)
  }

  @Test("hold tensors that are not numbers, and do not hang")
  func tensors() throws {
    let file = try model().safetensors()
    for value: Float in [.nan, .infinity, -.infinity, 1e30, -1e30] {
      var copy = SafetensorsFile()
      copy.metadata = file.metadata
      for name in file.names {
        let tensor = try file.tensor(name, as: Float.self)
        try copy.add(name, Tensor(repeating: value, shape: tensor.shape))
      }
      let model = try NormalizingFlow<Float>(copy)
      var generator = PhiloxGenerator(seed: 1)
      _ = model.sample(50, using: &generator)
      _ = model.logDensity(of: .ones([3, 2]))
    }
  }
}
