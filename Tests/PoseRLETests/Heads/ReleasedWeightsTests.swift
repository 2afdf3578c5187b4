import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Published weights that cannot be used")
struct ReleasedWeightsTests {
  private func error(
    _ file: SafetensorsFile, layout: ReleasedLayout? = nil, joints: Int? = nil
  ) throws -> PoseError {
    try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(file, layout: layout, joints: joints)
    }
  }

  /// A change of one array, and the words of the error besides its name.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let layout: ReleasedLayout
    let name: String
    let kind: PoseError.Kind
    let words: String
    let change: @Sendable (Tensor<Double>) -> Tensor<Double>?
    var testDescription: String { "\(name): \(words)" }

    init(
      _ layout: ReleasedLayout, _ name: String, _ kind: PoseError.Kind, _ words: String,
      _ change: @escaping @Sendable (Tensor<Double>) -> Tensor<Double>?
    ) {
      self.layout = layout
      self.name = name
      self.kind = kind
      self.words = words
      self.change = change
    }
  }

  static let mistakes = [
    Mistake(.released2D, "fc_coord.linear.bias", .modelMismatch, "no array of this name") { _ in
      nil
    },
    Mistake(.released2D, "fc_coord.linear.weight", .modelMismatch, "2 outputs for each") {
      $0[rows: 0..<9]
    },
    Mistake(.released3D, "fc_coord.linear.weight", .modelMismatch, "3 outputs for each") {
      $0[rows: 0..<10]
    },
    Mistake(.mmpose, "head.fc.weight", .modelMismatch, "4 outputs for each") { $0[rows: 0..<10] },
    Mistake(.mmpose, "head.fc.weight", .modelMismatch, "[outputs, features]") { $0.flattened() },
    Mistake(.released2D, "fc_sigma.linear.weight", .modelMismatch, "expected the shape [10, 16]") {
      $0[rows: 0..<8]
    },
    Mistake(.released3D, "fc_sigma.bias", .modelMismatch, "expected the shape [15], found [14]") {
      $0[rows: 0..<14]
    },
    Mistake(.mmposeLegacy, "keypoint_head.fc.bias", .invalidData, "finite") { $0 * .nan },
    Mistake(.released2D, "fc_sigma.linear.weight", .invalidData, "finite Float") { $0 + 1e300 },
    Mistake(.released3D, "flow3d.s.2.4.weight", .modelMismatch, "no array of this name") { _ in
      nil
    },
    Mistake(.released3D, "flow2d.t.1.0.bias", .modelMismatch, "expected the shape [8]") {
      $0[rows: 0..<7]
    },
    Mistake(.mmpose, "head.loss_module.flow_model.mask", .invalidData, "only 0 and 1") { $0 * 2 },
    Mistake(.mmpose, "head.loss_module.flow_model.cov", .unsupported, "covariance") { $0 + 0.5 },
    Mistake(.released2D, "flow.s.0.0.weight", .invalidData, "finite") { $0 / 0 },
  ]

  @Test("arrays that are missing, of another shape or not finite", arguments: mistakes)
  func arrays(mistake: Mistake) throws {
    let golden = try HeadGolden(mistake.layout)
    let file = try golden.changed { $0 == mistake.name ? mistake.change($1) : $1 }
    let error = try error(file)
    #expect(error.kind == mistake.kind)
    #expect(error.path == mistake.name)
    #expect(error.message.contains(mistake.words), "\(error)")
    // From a file it names that as well.
    let path = NSTemporaryDirectory() + "weights-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try file.write(to: path)
    let named = try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(contentsOf: path)
    }
    #expect(named == error.inFile(path))
  }

  @Test("unknown and ambiguous layouts")
  func layouts() throws {
    var file = SafetensorsFile()
    #expect(try error(file).message.contains("found no arrays"))
    for index in 0..<8 { try file.add("layer\(index).weight", Tensor<Float>([1])) }
    try file.add("fc_coord.linear.weight", Tensor<Float>([1]))
    let unknown = try error(file)
    #expect(unknown.kind == .modelMismatch)
    for words in [
      "released2D (no fc_sigma.linear.weight)", "released3D (no fc_sigma.weight)",
      "mmpose (no head.fc.weight)", "mmposeLegacy (no keypoint_head.fc.weight)",
      "found fc_coord.linear.weight, layer0.weight", "and 3 more",
    ] {
      #expect(unknown.message.contains(words), "\(unknown)")
    }
    var both = try HeadGolden(.mmpose).file
    let other = try HeadGolden(.released2D).file
    for name in other.names where !name.hasPrefix("golden.") {
      try both.add(name, try other.tensor(name, as: Float.self))
    }
    let ambiguous = try error(both)
    #expect(ambiguous.message.contains("released2D and mmpose"), "\(ambiguous)")
    #expect(try ReleasedWeights<Float>(both, layout: .mmpose).layout == .mmpose)
    #expect(try ReleasedWeights<Float>(both, layout: .released2D).layout == .released2D)
    let asked = try error(other, layout: .mmposeLegacy)
    #expect(asked.path == "keypoint_head.fc.weight")
  }

  @Test("another number of joints, and of columns of a flow")
  func counts() throws {
    let file = try HeadGolden(.released2D).file
    #expect(try ReleasedWeights<Float>(file, joints: 5).head.configuration.joints == 5)
    let joints = try error(file, joints: 17)
    #expect(joints.path == "fc_coord.linear.weight")
    #expect(joints.message.contains("each of 17 joints, found [10, 16]"))
    // The flow of three columns where that of two is expected.
    var swapped = SafetensorsFile()
    let spatial = try HeadGolden(.released3D).file
    for name in spatial.names {
      let prefix = name.hasPrefix("flow3d.") ? "flow2d." : "flow3d."
      let rest = name.dropFirst("flow3d.".count)
      let isFlow = name.hasPrefix("flow3d.") || name.hasPrefix("flow2d.")
      try swapped.add(isFlow ? prefix + rest : name, try spatial.tensor(name, as: Float.self))
    }
    let columns = try error(swapped)
    #expect(columns.path == "flow2d.mask")
    #expect(columns.message.contains("2 columns, found 3"))
  }

  @Test("files that are none, and models without their flow")
  func files() throws {
    let missing = try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(contentsOf: "/nowhere/rle.safetensors")
    }
    #expect(missing.kind == .unreadableFile)
    #expect(missing.file == "/nowhere/rle.safetensors")
    let path = NSTemporaryDirectory() + "no-weights-\(UUID().uuidString).pth"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("PK\u{3}\u{4} a zip archive".utf8).write(to: URL(fileURLWithPath: path))
    let malformed = try #require(throws: PoseError.self) {
      try ReleasedWeights<Float>(contentsOf: path)
    }
    #expect(malformed.kind == .malformedFile)
    #expect(malformed.file == path)
    let stripped = try HeadGolden(.released3D).changed { $0.hasPrefix("flow") ? nil : $1 }
    let weights = try ReleasedWeights<Float>(stripped)
    #expect(weights.planarFlow == nil && weights.spatialFlow == nil)
  }

  @Test("damaged files are errors or weights", arguments: ReleasedLayout.allCases)
  func damage(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden.path)))
    var generator = PhiloxGenerator(seed: 12)
    var read = 0
    for round in 0..<120 {
      var damaged = bytes
      // Mostly the header, which takes up some 8,000 bytes.
      let range = round % 3 == 0 ? bytes.indices : 8..<8_000
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        damaged[Int.random(in: range, using: &generator)] = .random(
          in: 0...255, using: &generator)
      }
      guard let file = try? SafetensorsFile(bytes: damaged) else { continue }
      do {
        let weights = try ReleasedWeights<Float>(file)
        #expect(weights.head.coordinates.weight.isFinite)
        read += 1
      } catch is PoseError {}
    }
    #expect(read > 5 && read < 115)
  }

  @Test("a base that is not centred is mirrored too")
  func location() throws {
    let prefix = "head.loss_module.flow_model."
    let file = try HeadGolden(.mmpose).changed { name, tensor in
      name == prefix + "loc" ? Tensor([0.5, -0.25]) : tensor
    }
    let published = try NormalizingFlow<Double>(rleWeights: file, prefix: prefix)
    let flow = try #require(try ReleasedWeights<Double>(file).planarFlow)
    var generator = PhiloxGenerator(seed: 8)
    let x = Tensor<Double>.normal([50, 2], using: &generator)
    let difference = flow.logDensity(of: x) - published.logDensity(of: -x)
    #expect(abs(difference).max(axis: 0).scalar < 1e-12)
  }
}
