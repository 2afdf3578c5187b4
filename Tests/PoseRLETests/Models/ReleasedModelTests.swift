import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Published models against PyTorch")
struct ReleasedModelTests {
  static let files = ["rle-official.pth", "rle-official-legacy.pth", "rle-mmpose.pth"]

  private struct Golden {
    let file: WeightsFile

    init(_ name: String) throws {
      file = try Checkpoint.file(
        name.hasPrefix("rle-official") ? "rle-official.safetensors" : "rle-mmpose.safetensors")
    }

    subscript(_ name: String) -> Tensor<Double> {
      get throws { try file.tensor("golden." + name, as: Double.self) }
    }

    /// The pictures, each of whose 48 × 64 pixels stands for 4 × 4 of the crop.
    func images() throws -> [PixelImage] {
      let pixels = try self["pixels"]
      let bytes = pixels.scalars.map { UInt8($0) }
      return (0..<pixels.shape[0]).map { image in
        PixelImage(
          width: 192, height: 256, channels: 3,
          bytes: (0..<256 * 192).flatMap { place -> ArraySlice<UInt8> in
            let start = ((image * 64 + place / 192 / 4) * 48 + place % 192 / 4) * 3
            return bytes[start..<start + 3]
          })
      }
    }
  }

  private func crops(_ golden: Golden, _ input: ImageInput) throws -> Tensor<Float> {
    let crop = try Crop(x: 0, y: 0, width: 192, height: 256, padding: 1)
    return .concatenated(try golden.images().map { $0.cropped([crop], to: input) })
  }

  /// Means in the file's own coordinates are those of the centre, or of the corner.
  private func origin(_ name: String) -> Double { name.hasPrefix("rle-official") ? 0 : 0.5 }

  @Test("features, means, scales, keypoints, scores", arguments: files)
  func outputs(name: String) throws {
    let golden = try Golden(name)
    let path = try Checkpoint.path(name)
    func check<S: TensorScalar>(_: S.Type, tolerance: Double) throws {
      let model = try PoseModel<S>(released: path)
      let images = Tensor<S>(try crops(golden, model.architecture.input))
      for model in [model, model.folded] {
        let prediction = model(images)
        let mean = Tensor<Double>(prediction.mean)
        let scale = Tensor<Double>(prediction.scale)
        let found: [(String, Tensor<Double>)] = [
          ("features", Tensor(model.backbone(images))), ("mean", mean + origin(name)),
          ("scale", scale), ("keypoints", (mean + 0.5) * Tensor([192, 256])),
          ("scores", 1 - scale.mean(axis: 2)),
        ]
        for (part, value) in found {
          let error = relativeError(value, try golden[part])
          #expect(error < tolerance, "\(part): \(error)")
        }
      }
    }
    // Pixels become numbers in single precision.
    try check(Double.self, tolerance: 1e-5)
    try check(Float.self, tolerance: 1e-4)
  }

  // Confidences average as scales do, 1 − σ̂: what the published code does with left and right scales,
  // which it does not swap, is seen in neither.
  @Test("with a flip test by the published rule, and a box of an image", arguments: files)
  func prediction(name: String) throws {
    let golden = try Golden(name)
    let model = try PoseModel<Float>(released: Checkpoint.path(name))
    let isOfficial = origin(name) == 0
    #expect(model.architecture.normalizesFeatures == isOfficial)
    // The fixtures' flows have networks of 8 units.
    var likelihood: KeypointLikelihood = isOfficial ? .residualReleased : .residualMMPose
    likelihood.flow.hidden = [8, 8]
    #expect(model.loss.likelihood == likelihood)
    let images = try crops(golden, model.architecture.input)
    let rule: FlipRule = isOfficial ? .released(cropWidth: 192) : .mmpose(inputWidth: 192)
    let pictures = try golden.images().map { ($0, SIMD4<Double>(0, 0, 192, 256)) }
    for prefix in ["", "flip_"] {
      let predictor = PosePredictor(model, flipTest: prefix == "flip_", flipRule: rule)
      let predictions = predictor(images)
      let places = predictions.reported.inPixels(of: .standard).values
      let keypoints = try golden[prefix + "keypoints"]
      let errors = (
        relativeError(places, keypoints),
        relativeError(predictions.jointScores, try golden[prefix + "scores"])
      )
      #expect(errors.0 < 1e-4 && errors.1 < 1e-4, "\(prefix): \(errors)")
      let poses = try predictor.predict(pictures, padding: 1)
      let found = Tensor(
        shape: keypoints.shape,
        scalars: poses.flatMap { $0.keypoints.flatMap { [$0.position.x, $0.position.y] } })
      #expect(relativeError(found, keypoints) < 1e-4)
    }
    let mirrored = images.gathering((0..<192).reversed(), axis: 2)
    #expect(
      relativeError(model.backbone(mirrored), try golden["flip_features"]) < 1e-4)
  }

  @Test("that do not fit are refused with the file and the array")
  func refused() throws {
    let backbone = try Checkpoint.path("resnet18.pth")
    let none = try #require(throws: PoseError.self) { try PoseModel<Float>(released: backbone) }
    #expect(none.kind == .modelMismatch && none.file == backbone)
    let path = try Checkpoint.path("rle-official.pth")
    let joints = try #require(throws: PoseError.self) {
      try PoseModel<Float>(released: path, skeleton: .lsp14)
    }
    #expect(joints.kind == .modelMismatch && joints.file == path && joints.path != nil)
    let model = try #require(throws: PoseError.self) { try PoseModel<Float>(contentsOf: path) }
    #expect(model.file == path)
  }

  @Test("are the same after they were saved by this library")
  func saved() throws {
    let folder = ScratchFolder()
    let model = try PoseModel<Float>(released: Checkpoint.path("rle-official.pth"))
    try model.save(to: folder.path("m.safetensors"))
    let read = try PoseModel<Float>(contentsOf: folder.path("m.safetensors"))
    #expect(read.architecture == model.architecture)
    #expect(read.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))
    #expect(model.architecture.likelihood.flow.hidden == [8, 8])
    var generator = PhiloxGenerator(seed: 1)
    let errors = Tensor<Float>.normal([50, 2], using: &generator)
    #expect(
      read.loss.errorDensity(joint: 0).logDensity(of: errors)
        == model.loss.errorDensity(joint: 0).logDensity(of: errors))
  }
}
