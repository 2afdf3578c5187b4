import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Lifting: files that lie")
struct LiftingCorruptionTests {
  private static let key = "poserle.lifting"

  /// A small model with a flow, in a file.
  private func save(to file: String) throws -> LiftingDataset {
    let data = try LiftingPoses.dataset(motions: 1, seed: 1)
    var generator = PhiloxGenerator(seed: 9)
    let likelihood = KeypointLikelihood(
      shape: .direct, flow: KeypointFlow(layers: 2, hidden: [3], sharing: .perJoint))
    let model = LiftingModel<Float>(
      try LiftingModelTests.architecture(likelihood, width: 4), using: &generator)
    try model.save(to: file)
    return data
  }

  /// The file with another text for its architecture.
  private func rewrite(_ file: String, to copy: String, _ change: (String) -> String) throws {
    var content = try SafetensorsFile(contentsOf: file)
    let text = try #require(content.metadata[Self.key])
    content.metadata[Self.key] = change(text)
    try content.write(to: copy)
  }

  @Test("sizes are compared before memory is asked for")
  func sizes() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    _ = try save(to: file)
    func refused(
      _ old: String, _ new: String, _ kind: PoseError.Kind, _ part: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      try rewrite(file, to: copy) { text in
        #expect(text.contains(old), sourceLocation: sourceLocation)
        return text.replacing(old, with: new)
      }
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try LiftingModel<Float>(contentsOf: copy)
      }
      #expect(error?.kind == kind, sourceLocation: sourceLocation)
      #expect(error?.file == copy, sourceLocation: sourceLocation)
      #expect(
        error?.description.contains(part) == true, "\(error?.description ?? "")",
        sourceLocation: sourceLocation)
    }
    try refused("\"width\":4", "\"width\":60000", .modelMismatch, "[13, 60000]")
    try refused("\"width\":4", "\"width\":70000", .invalidData, "65536")
    try refused("\"width\":4", "\"width\":\"4\"", .malformedFile, "poserle.lifting.width")
    try refused("\"blocks\":1", "\"blocks\":1000", .modelMismatch, "1000 blocks")
    try refused("\"blocks\":1", "\"blocks\":-1", .invalidData, "1000 blocks")
    try refused("\"layers\":2", "\"layers\":1000", .modelMismatch, "weights or more")
    try refused("\"layers\":2", "\"layers\":1001", .invalidData, "1000 couplings")
    try refused("[3]", "[60000,60000]", .modelMismatch, "weights or more")
    try refused("[3]", "[65537]", .invalidData, "65536")
    try refused("[3]", "[4]", .modelMismatch, "shape")
    try refused("[null,", "[99,", .malformedFile, "poserle.lifting.skeleton: every keypoint")
    try refused("\"imageWidth\":800", "\"imageWidth\":0.1", .invalidData, "pixels")
    try refused("{", "", .malformedFile, "JSON")
  }

  @Test("an array that is not there or of another shape is named")
  func arrays() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    _ = try save(to: file)
    let content = try SafetensorsFile(contentsOf: file)
    func refused(_ part: String, _ replacement: Tensor<Float>?) throws {
      var other = SafetensorsFile()
      other.metadata = content.metadata
      for name in content.names {
        if name != "network.mean.bias" {
          try other.add(name, try content.tensor(name, as: Float.self))
        } else if let replacement {
          try other.add(name, replacement)
        }
      }
      // Enough weights in all, so that it is the array that is missed.
      try other.add("more", Tensor<Float>.zeros([1_000]))
      try other.write(to: copy)
      let error = #expect(throws: PoseError.self) { try LiftingModel<Float>(contentsOf: copy) }
      #expect(error?.kind == .modelMismatch)
      #expect(error?.path == "network.mean.bias")
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    try refused("expected an array of this name", nil)
    try refused("expected the shape [18], found [17]", .zeros([17]))
    try refused("finite", Tensor(repeating: .nan, shape: [18]))
  }

  @Test("300 corrupted files are read or refused, and never end the program")
  func corruptions() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("m.safetensors"), folder.path("copy.safetensors"))
    let data = try save(to: file).poses([0, 1])
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    var generator = PhiloxGenerator(seed: 17)
    func below(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }
    let values = [
      "-1", "0", "1", "2", "5", "1000", "65536", "65537", "1000000", "9223372036854775807",
      "1e300", "1e999", "0.5", "null", "\"x\"", "[]", "{}", "true",
    ]
    var (accepted, refused) = (0, 0)
    for round in 0..<300 {
      switch round % 3 {
      case 0:
        // Another value for a number of the architecture.
        try rewrite(file, to: copy) { text in
          let numbers = text.ranges(of: /-?[0-9]+(\.[0-9]+)?/)
          var text = text
          text.replaceSubrange(numbers[below(numbers.count)], with: values[below(values.count)])
          return text
        }
      case 1:
        // Characters of the architecture that are lost, doubled or exchanged.
        try rewrite(file, to: copy) { text in
          var characters = Array(text)
          for _ in 0...below(3) {
            let index = below(characters.count)
            switch below(3) {
            case 0: characters.remove(at: index)
            case 1: characters.insert(characters[index], at: index)
            default: characters.swapAt(index, below(characters.count))
            }
          }
          return String(characters)
        }
      default:
        var bytes = whole
        if below(4) == 0 { bytes.removeLast(below(bytes.count)) }
        for _ in 0...below(4) where !bytes.isEmpty {
          bytes[below(bytes.count)] = UInt8(below(256))
        }
        try Data(bytes).write(to: URL(fileURLWithPath: copy))
      }
      do {
        let model = try LiftingModel<Float>(contentsOf: copy)
        #expect(model(data.keypoints).mean.shape == [2, 6, 3])
        accepted += 1
      } catch {
        #expect(error is PoseError, "\(error)")
        #expect((error as? PoseError)?.file == copy)
        refused += 1
      }
    }
    #expect(accepted > 5 && refused > 150, "\(accepted) accepted, \(refused) refused")
  }
}
