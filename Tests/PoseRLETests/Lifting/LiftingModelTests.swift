import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Lifting: model")
struct LiftingModelTests {
  static func architecture(
    _ likelihood: KeypointLikelihood, width: Int = 8
  ) throws -> LiftingArchitecture {
    let data = try LiftingPoses.dataset(motions: 1, seed: 1)
    return LiftingArchitecture(
      skeleton: data.skeleton, imageWidth: data.imageWidth, imageHeight: data.imageHeight,
      likelihood: likelihood, width: width, blocks: 1, scaleLogit: -3)
  }

  @Test("features do not change with the distance but for root and size")
  func features() throws {
    let data = try LiftingPoses.dataset(motions: 1, seed: 1)
    var generator = PhiloxGenerator(seed: 1)
    let model = LiftingModel<Double>(try Self.architecture(.laplace), using: &generator)
    let keypoints = Tensor<Double>(data.keypoints)
    let features = model.features(of: keypoints)
    #expect(features.shape == [30, 13])
    #expect(features.isFinite)
    // Twice as large about its own root.
    let root = keypoints.slice(0..<1, axis: 1)
    let near = model.features(of: root + (keypoints - root) * 2)
    let difference = near - features
    for pose in 0..<30 {
      for column in 0..<12 { #expect(abs(difference[pose, column]) < 1e-4) }
      #expect(abs(difference[pose, 12] - log(Tensor<Double>(2)).scalar) < 1e-4)
    }
    #expect(model.features(of: .zeros([1, 6, 2])).isFinite)
  }

  @Test("at the start scales are those asked for, and the root lies at zero")
  func start() throws {
    let data = try LiftingPoses.dataset(motions: 1, seed: 1)
    var generator = PhiloxGenerator(seed: 1)
    let model = LiftingModel<Float>(try Self.architecture(.laplace), using: &generator)
    let prediction = model(data.keypoints)
    #expect(prediction.mean.shape == [30, 6, 3])
    #expect(prediction.scale.scalars.allSatisfy { abs($0 - 0.047_425_87) < 1e-6 })
    #expect(prediction.mean.slice(0..<1, axis: 1).scalars.allSatisfy { $0 == 0 })
  }

  @Test("derivatives of the loss agree with central differences")
  func derivatives() throws {
    var generator = PhiloxGenerator(seed: 4)
    let data = try LiftingPoses.dataset(motions: 1, seed: 1).poses([0, 7, 19])
    var model = LiftingModel<Double>(try Self.architecture(.direct, width: 5), using: &generator)
    model.network.scale.weight = .normal([5, 18], using: &generator) * 0.1
    let features = model.features(of: Tensor<Double>(data.keypoints))
    let labels = KeypointLabels(
      positions: Tensor<Double>(data.positions), weights: model.weights(poses: 3))
    func loss(_ model: LiftingModel<Double>) -> Tensor<Double> {
      model.loss(model.network(features), labels)
    }
    let gradient = valueAndGradient(at: model, loss).gradient
    func check(
      _ name: String, _ path: WritableKeyPath<LiftingModel<Double>, Tensor<Double>>
    ) {
      let count = model[keyPath: path].count
      for index in stride(from: 0, to: count, by: Swift.max(1, count / 5)) {
        func shifted(_ step: Double) -> Double {
          var other = model
          var scalars = other[keyPath: path].scalars
          scalars[index] += step
          other[keyPath: path] = Tensor(shape: other[keyPath: path].shape, scalars: scalars)
          return loss(other).scalar
        }
        let expected = (shifted(1e-6) - shifted(-1e-6)) / 2e-6
        let found = gradient[keyPath: path].scalars[index]
        #expect(
          abs(found - expected) < 1e-5 * Swift.max(1, abs(expected)), "\(name)[\(index)]")
      }
    }
    check("input", \.network.input.weight)
    check("first", \.network.blocks[0].first.weight)
    check("second", \.network.blocks[0].second.weight)
    check("mean", \.network.mean.weight)
    check("scale", \.network.scale.weight)
  }

  @Test("a saved model is the same model, flows included")
  func file() throws {
    let folder = ScratchFolder()
    let data = try LiftingPoses.dataset(motions: 1, seed: 1)
    var generator = PhiloxGenerator(seed: 9)
    var model = LiftingModel<Float>(try Self.architecture(.residual), using: &generator)
    model.network.standardize(model.features(of: data.keypoints))
    try model.save(to: folder.path("m.safetensors"))
    let read = try LiftingModel<Float>(contentsOf: folder.path("m.safetensors"))
    #expect(read.architecture == model.architecture)
    #expect(read.namedTensors.map(\.name) == model.namedTensors.map(\.name))
    #expect(
      read.namedTensors.map(\.tensor.scalars) == model.namedTensors.map(\.tensor.scalars))
    #expect(read(data.keypoints).mean.scalars == model(data.keypoints).mean.scalars)

    var other = SafetensorsFile()
    try other.add("weight", Tensor<Float>.ones([2]))
    try other.write(to: folder.path("other.safetensors"))
    let error = #expect(throws: PoseError.self) {
      try LiftingModel<Float>(contentsOf: folder.path("other.safetensors"))
    }
    #expect(error?.kind == .modelMismatch)
    #expect(error?.file?.hasSuffix("other.safetensors") == true)
    #expect(throws: PoseError.self) {
      try LiftingModel<Float>(contentsOf: folder.path("none.safetensors"))
    }
  }
}
