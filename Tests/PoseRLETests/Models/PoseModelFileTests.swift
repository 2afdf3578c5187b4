import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: files")
struct PoseModelFileTests {
  private static let key = "poserle.architecture"

  /// A small model with a flow for each joint.
  private func model() -> PoseModel<Float> {
    var generator = PhiloxGenerator(seed: 5)
    let likelihood = KeypointLikelihood(
      shape: .direct, flow: KeypointFlow(layers: 2, hidden: [3], sharing: .perJoint))
    return PoseModel(
      TinyPose.architecture(likelihood, skeleton: MemorySource.four, side: 16, width: 2),
      using: &generator)
  }

  @Test("a saved model is the same model, flows, running averages and calibration included")
  func roundTrip() throws {
    let folder = ScratchFolder()
    let file = folder.path("m.safetensors")
    let persons = try TinyPose.persons(24)
    let trainer = try PoseTrainer(
      persons, architecture: TinyPose.architecture(), options: TinyPose.options())
    try trainer.run()
    let input = trainer.model.architecture.input
    let model = try CropPipeline(persons, input: input, seed: 0).calibrated(trainer.model)
    #expect(model.calibration != .identity && model.calibration.levelMaps.count == 1)
    try model.save(to: file)
    let read = try PoseModel<Float>(contentsOf: file)
    #expect(read.architecture == model.architecture)
    #expect(read.calibration == model.calibration)
    #expect(read.namedTensors.map(\.name) == model.namedTensors.map(\.name))
    #expect(read.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))
    #expect(read.backbone.stem.normalization?.runningMean != .zeros([4]))
    let images = try CropPipeline(persons, input: input, seed: 0).batch([0, 1, 2]).images
    #expect(read(images).mean == model(images).mean)
    let (a, b) = (PosePredictor(model)(images), PosePredictor(read)(images))
    #expect(a.reported == b.reported && a.prediction.logScale == b.prediction.logScale)
    let double = try PoseModel<Double>(contentsOf: file)
    #expect(relativeError(model(images).mean, double(Tensor<Double>(images)).mean) < 1e-4)
    let evaluations = try [model, read].map {
      try CropPipeline(persons, input: input, seed: 0).evaluate(PosePredictor($0))
    }
    #expect(evaluations[0].meanError == evaluations[1].meanError)
    #expect(evaluations[0].coverage.map(\.calibrated) == evaluations[1].coverage.map(\.calibrated))
  }

  /// The file with another text for its architecture or calibration.
  private func rewrite(
    _ file: String, to copy: String, key: String = key, _ change: (String) -> String
  ) throws {
    var content = try SafetensorsFile(contentsOf: file)
    content.metadata[key] = change(try #require(content.metadata[key]))
    try content.write(to: copy)
  }

  @Test("what cannot be is refused before memory is asked for")
  func sizes() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    try model().save(to: file)
    func refused(
      _ old: String, _ new: String, _ kind: PoseError.Kind, _ part: String,
      key: String = Self.key, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try rewrite(file, to: copy, key: key) { text in
        #expect(text.contains(old), "\(text)", sourceLocation: sourceLocation)
        return text.replacing(old, with: new)
      }
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try PoseModel<Float>(contentsOf: copy)
      }
      #expect(error?.kind == kind, "\(error?.description ?? "")", sourceLocation: sourceLocation)
      #expect(error?.file == copy, sourceLocation: sourceLocation)
      #expect(
        error?.description.contains(part) == true, "\(error?.description ?? "")",
        sourceLocation: sourceLocation)
    }
    try refused("\"width\":2}", "\"width\":4096}", .modelMismatch, "weights or more")
    try refused("\"width\":2}", "\"width\":4097}", .invalidData, "4096")
    try refused("\"width\":2}", "\"width\":0}", .invalidData, "width")
    try refused("\"stages\":[1,1]", "\"stages\":[1000,1000]", .modelMismatch, "weights or more")
    try refused("\"stages\":[1,1]", "\"stages\":[1,1,1]", .modelMismatch, "weights or more")
    try refused("\"stages\":[1,1]", "\"stages\":[]", .invalidData, "stages")
    try refused("\"stages\":[1,1]", "\"stages\":[1,-1]", .invalidData, "stages")
    try refused("\"stages\":[1,1]", "\"stages\":[1]", .modelMismatch, "shape")
    try refused("\"layers\":2", "\"layers\":1000", .modelMismatch, "weights or more")
    try refused("\"layers\":2", "\"layers\":1", .invalidData, "couplings")
    try refused("\"hidden\":[3]", "\"hidden\":[60000,60000]", .modelMismatch, "weights or more")
    try refused("\"hidden\":[3]", "\"hidden\":[4]", .modelMismatch, "shape")
    try refused("\"height\":16", "\"height\":0", .malformedFile, "positive width")
    try refused("\"height\":16", "\"height\":-16", .malformedFile, "positive width")
    try refused("\"height\":16", "\"height\":70000", .invalidData, "65536")
    try refused("\"depth\":2000", "\"depth\":0", .malformedFile, "depth")
    try refused("\"deviation\":[0.25]", "\"deviation\":[0]", .invalidData, "deviation")
    try refused("\"mean\":[0.45]", "\"mean\":[0.45,0.45,0.45]", .invalidData, "mean")
    try refused("\"channels\":1", "\"channels\":2", .invalidData, "channels")
    try refused("[null,", "[99,", .malformedFile, "keypoint")
    try refused("\"basic\"", "\"bottleneck\"", .modelMismatch, "shape")
    try refused("{", "", .malformedFile, "JSON")
    let calibration = "poserle.calibration"
    try refused("\"scales\":[1]", "\"scales\":[0]", .malformedFile, "scales", key: calibration)
    try refused(
      "\"scales\":[1]", "\"scales\":[1,2]", .modelMismatch, "one for each of 4", key: calibration)
    try refused(
      "\"levelMaps\":[]", "\"levelMaps\":[[2]]", .malformedFile, "ranks", key: calibration)
  }

  @Test("an array that is not there or cannot be used is named")
  func arrays() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    try model().save(to: file)
    let content = try SafetensorsFile(contentsOf: file)
    func refused(_ array: String, _ part: String, _ replacement: Tensor<Float>?) throws {
      var other = SafetensorsFile()
      other.metadata = content.metadata
      for name in content.names {
        if name != array {
          try other.add(name, try content.tensor(name, as: Float.self))
        } else if let replacement {
          try other.add(name, replacement)
        }
      }
      // Enough weights in all, so that it is the array that is missed.
      try other.add("more", Tensor<Float>.zeros([10_000]))
      try other.write(to: copy)
      let error = #expect(throws: PoseError.self) { try PoseModel<Float>(contentsOf: copy) }
      #expect(error?.kind == .modelMismatch)
      #expect(error?.path == array && error?.file == copy, "\(error?.description ?? "")")
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    try refused("backbone.conv1.weight", "expected an array of this name", nil)
    try refused("backbone.layer2.0.bn1.runningMean", "expected an array of this name", nil)
    try refused("backbone.bn1.scale", "expected the shape [2], found [3]", .zeros([3]))
    try refused("backbone.bn1.runningVariance", "negative", Tensor([1, -1]))
    try refused("backbone.bn1.shift", "finite", Tensor([0, .nan]))
  }

  @Test("1,000 corrupted files are read or refused, and never end the program")
  func corruptions() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    try model().save(to: file)
    var mutations = try FileMutations(of: file, seed: 23)
    var (accepted, refused) = (0, 0)
    for _ in 0..<1_000 {
      try mutations.next().write(to: URL(fileURLWithPath: copy))
      do {
        let model = try PoseModel<Float>(contentsOf: copy)
        let architecture = model.architecture
        let images = Tensor<Float>.zeros([1, 8, 8, architecture.input.channels])
        #expect(model(images).mean.shape == [1, architecture.skeleton.count, 2])
        accepted += 1
      } catch {
        #expect((error as? PoseError)?.file == copy, "\(error)")
        refused += 1
      }
    }
    #expect(accepted > 50 && refused > 500, "\(accepted) accepted, \(refused) refused")
  }
}
