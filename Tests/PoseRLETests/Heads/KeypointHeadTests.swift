import FlowChecks
import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Heads")
struct KeypointHeadTests {
  typealias Configuration = KeypointHead<Double>.Configuration

  @Test(
    "gradients are central differences",
    arguments: [
      Configuration(features: 6, joints: 2, hasShear: true),
      Configuration(features: 6, joints: 2, normalizesFeatures: false, hasShear: true),
      Configuration(features: 5, joints: 3, dimension: 3, hasShear: true),
    ])
  func gradients(configuration: Configuration) throws {
    var generator = PhiloxGenerator(seed: 4)
    var head = KeypointHead<Double>(configuration, using: &generator)
    // Weights that matter, shears among them.
    let shape = try #require(head.shears).weight.shape
    head.shears?.weight = .normal(shape, using: &generator)
    let features = Tensor<Double>.normal([3, configuration.features], using: &generator)
    func loss(_ head: KeypointHead<Double>, _ features: Tensor<Double>) -> Tensor<Double> {
      let output = head(features)
      let parts = [output.mean, output.scaleLogit, output.shear ?? .zeros([0])]
      return parts.map { sin($0 + 1).sum() }.reduce(Tensor(0), +)
    }
    let byFeatures = gradient(at: features) { loss(head, $0) }
    let step = 1e-6
    let differences = (0..<features.count).map { index in
      var (above, below) = (features, features)
      above.withMutableScalars { $0[index] += step }
      below.withMutableScalars { $0[index] -= step }
      return (loss(head, above).scalar - loss(head, below).scalar) / (2 * step)
    }
    #expect(
      deviation(
        "features", found: byFeatures.scalars, expected: differences, tolerance: 1e-8) == nil)
    let byHead = gradient(at: head) { loss($0, features) }
    for (name, tensor) in byHead.namedTensors {
      #expect(tensor.scalars.contains { $0 != 0 }, "\(name) has no gradient")
    }
    #expect(
      byHead.namedTensors.map(\.name) == [
        "coordinates.weight", "coordinates.bias", "scales.weight", "scales.bias", "shears.weight",
        "shears.bias",
      ])
  }

  private func extremes<S: TensorScalar>(_: S.Type) throws {
    var generator = PhiloxGenerator(seed: 5)
    let head = KeypointHead<S>(
      .init(features: 4, joints: 2), using: &generator)
    let bias = try #require(head.coordinates.bias)
    let direction = Tensor<S>([[1, -2, 0, 0.5]])
    let expected = head(direction).mean
    let (large, small) = (S.greatestFiniteMagnitude / 4, S.leastNormalMagnitude * 2)
    for length in [S(1) / 1024, 1024, large, small] {
      let mean = head(direction * length).mean
      #expect(
        deviation("length \(length)", found: mean, expected: expected, tolerance: 1e-6) == nil)
    }
    for features in [Tensor<S>.zeros([1, 4]), Tensor([[S.leastNonzeroMagnitude, 0, 0, 0]])] {
      #expect(head(features).mean.flattened() == bias)
      let byFeatures = gradient(at: features) { head($0).mean.sum() }
      #expect(byFeatures == .zeros([1, 4]))
      let byHead = gradient(at: head) { $0(features).mean.sum() }
      #expect(byHead.coordinates.weight == .zeros([4, 4]))
      #expect(byHead.coordinates.bias == .ones([4]))
    }
    // One row without a direction leaves the others alone.
    let both = Tensor.concatenated([Tensor.zeros([1, 4]), direction])
    #expect(head(both).mean[rows: 1..<2] == expected)
    // Unlike zero, a NaN stays visible.
    #expect(!head(Tensor([[S.nan, 0, 0, 1]])).mean.isFinite)
  }

  @Test("features without a direction, and of any length")
  func extremes() throws {
    try extremes(Double.self)
    try extremes(Float.self)
  }

  @Test("fresh weights")
  func initialWeights() throws {
    var generator = PhiloxGenerator(seed: 6)
    let released = KeypointHead<Double>(
      .init(features: 512, joints: 17, hasShear: true), using: &generator)
    let bound = 0.01 * (6.0 / (512 + 34)).squareRoot()
    for layer in [released.coordinates, released.scales] {
      let largest = abs(layer.weight).flattened().max(axis: 0).scalar
      #expect(largest <= bound && largest > 0.99 * bound)
      let biases = try #require(layer.bias).scalars
      #expect(biases.allSatisfy { abs($0) <= 1 / 512.0.squareRoot() && $0 != 0 })
    }
    #expect(released.shears?.weight == .zeros([512, 17]))
    let plain = KeypointHead<Double>(
      .init(features: 512, joints: 17, normalizesFeatures: false), using: &generator)
    for layer in [plain.coordinates, plain.scales] {
      #expect(layer.bias == .zeros([34]))
      // 17,408 draws: the deviation of √(mean square) is 0.01 / √(2 · 17408) = 5.4e-5.
      let deviation = sqrt(layer.weight.squared().mean()).scalar
      #expect(abs(deviation - 0.01) < 3e-4)
    }
    #expect(released.parameterCount == 2 * (512 * 34 + 34) + 512 * 17 + 17)
    let spatial = KeypointHead<Float>(
      .init(features: 8, joints: 18, dimension: 3, hasShear: true), using: &generator)
    let output = spatial(.ones([2, 8]))
    #expect(output.mean.shape == [2, 18, 3])
    #expect(output.scaleLogit.shape == [2, 18, 3])
    #expect(output.shear?.shape == [2, 18, 3])
  }

  @Test("another convention moves x and y alone")
  func convention() {
    var generator = PhiloxGenerator(seed: 7)
    let head = KeypointHead<Double>(
      .init(features: 3, joints: 2, dimension: 3), using: &generator)
    let moved = head.converted(from: Centered.self, to: CornerOrigin.self)
    let features = Tensor<Double>([[1, 2, 3]])
    let difference = moved(features).mean - head(features).mean
    #expect(
      deviation(
        "shift", found: difference.flattened(), expected: Tensor([0.5, 0.5, 0, 0.5, 0.5, 0]),
        tolerance: 1e-15) == nil)
    #expect(moved(features).scaleLogit == head(features).scaleLogit)
  }
}
