import FlowChecks
import Flows
import Foundation
import PoseRLE
import Testing

/// Files of `make_checkpoint_goldens.py`: backbones and models of RLE as PyTorch saves them.
enum Checkpoint {
  static func path(_ name: String) throws -> String {
    let folder = try #require(
      Bundle.module.url(
        forResource: "Checkpoints", withExtension: nil, subdirectory: "Fixtures"))
    return folder.appendingPathComponent(name).path
  }

  static func file(_ name: String) throws -> WeightsFile { try WeightsFile.open(path(name)) }
}

@Suite("Checkpoints of PyTorch")
struct CheckpointTests {
  @Test("of backbones are the same in three formats", arguments: ["resnet18", "resnet50"])
  func backbones(name: String) throws {
    let reference = try Checkpoint.file(name + ".safetensors")
    let weights = Set(reference.names.filter { !$0.hasPrefix("golden.") })
    #expect(weights.count == (name == "resnet18" ? 122 : 320))
    for other in [name + ".pth", name + "-legacy.pth"] {
      let file = try Checkpoint.file(other)
      #expect(Set(file.names) == weights)
      for name in weights {
        #expect(
          try file.tensor(name, as: Float.self) == reference.tensor(name, as: Float.self),
          "\(name)")
      }
      let first: Tensor<Float> = try file.convolutionWeights("conv1.weight")
      #expect(first.shape == [7, 7, 3, 4])
    }
    let expected = try reference.tensor("golden.features", as: Double.self)
    let map = try reference.tensor("golden.layer4", as: Double.self)
    let pooled = map.mean(axes: [1, 2])
    #expect(deviation("pooled", found: pooled, expected: expected, tolerance: 1e-6) == nil)
  }

  @Test(
    "of RLE give PyTorch's keypoints and scores from its features",
    arguments: ["rle-official.pth", "rle-official-legacy.pth", "rle-mmpose.pth"])
  func heads(name: String) throws {
    let golden = try Checkpoint.file(
      name.hasPrefix("rle-official") ? "rle-official.safetensors" : "rle-mmpose.safetensors")
    let path = try Checkpoint.path(name)
    let weights = try ReleasedWeights<Double>(contentsOf: path, joints: 17)
    #expect(weights.layout == (name.hasPrefix("rle-official") ? .released2D : .mmpose))
    #expect(weights.planarFlow != nil && weights.spatialFlow == nil)
    let features = try golden.tensor("golden.features", as: Double.self)
    let output = weights.head(in: Centered.self)(features)
    let size = Tensor<Double>([192, 256])
    let scale = sigmoid(output.scaleLogit)
    for (part, found) in [
      ("scale", scale), ("keypoints", (output.mean + 0.5) * size),
      ("scores", 1 - scale.mean(axis: 2)),
    ] {
      let expected = try golden.tensor("golden." + part, as: Double.self)
      #expect(deviation(part, found: found, expected: expected, tolerance: 1e-9) == nil)
    }
    let single = try ReleasedWeights<Float>(contentsOf: path).head
    #expect(single.configuration.features == 64)
    #expect(single.configuration.joints == 17)
    let backbone = try Checkpoint.file(name).stateDictionary
    let prefix = name.hasPrefix("rle-official") ? "preact" : "backbone"
    #expect(backbone.within(prefix).names.count == 318)
  }

  @Test("of RLE that cannot be used name file and array")
  func errors() throws {
    let path = try Checkpoint.path("rle-mmpose.pth")
    let joints = try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(contentsOf: path, joints: 18)
    }
    #expect(joints.file == path && joints.path == "head.fc.weight")
    let backbone = try Checkpoint.path("resnet18.pth")
    let layout = try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(contentsOf: backbone)
    }
    #expect(layout.kind == .modelMismatch && layout.file == backbone)
  }
}
