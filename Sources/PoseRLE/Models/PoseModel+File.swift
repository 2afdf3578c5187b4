import Flows
import Foundation

extension PoseModel {
  private static var architectureKey: String { "poserle.architecture" }
  private static var calibrationKey: String { "poserle.calibration" }
  private static var flipTestKey: String { "poserle.flipTest" }

  /// Writes architecture, calibration, whether there is a flip test, and all weights, flows included, in the safetensors format, in one
  /// step.
  ///
  /// - Throws: ``PoseError`` of kind `unwritableFile`; an old file is then unchanged.
  public func save(to file: String) throws {
    try PoseError.translating(file) {
      var content = SafetensorsFile()
      try add(to: &content)
      try content.write(to: file)
    }
  }

  func add(to content: inout SafetensorsFile) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    func text(_ value: some Encodable) throws -> String {
      String(decoding: try encoder.encode(value), as: UTF8.self)
    }
    content.metadata[Self.architectureKey] = try text(architecture)
    content.metadata[Self.calibrationKey] = try text(calibration)
    content.metadata[Self.flipTestKey] = "\(flipTest)"
    for (name, tensor) in namedTensors { try content.add(name, tensor) }
  }

  /// Reads a model that was saved.
  ///
  /// A file takes no more memory than a small multiple of its own size, whatever it claims to hold.
  ///
  /// - Throws: ``PoseError`` that names the file, where it is none of these models: `modelMismatch`
  ///   where it has no architecture or its arrays are not those of the architecture, `malformedFile`
  ///   and `invalidData` where architecture or calibration cannot be read or make no model.
  public init(contentsOf file: String) throws {
    let content = try PoseError.translating(file) { try SafetensorsFile(contentsOf: file) }
    guard content.metadata[Self.architectureKey] != nil else {
      throw PoseError(
        .modelMismatch, "expected a pose regressor that was saved by PoseRLE, found other content",
        file: file)
    }
    func value<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value {
      do {
        return try decodeJSON(type, from: Data((content.metadata[key] ?? "{}").utf8))
      } catch {
        let path = [key, error.path].compactMap(\.self).joined(separator: ".")
        throw PoseError(error.kind, error.message, file: file, path: path)
      }
    }
    let architecture = try value(Self.architectureKey, PoseArchitecture.self)
    if let problem = architecture.problem {
      throw PoseError(.invalidData, problem, file: file, path: Self.architectureKey)
    }
    let calibration = try value(Self.calibrationKey, Calibration.self)
    try PoseError.translating(file) {
      try calibration.check(joints: architecture.skeleton.count)
      // Memory is asked for only after the file has shown that it holds as much.
      var held = 0.0
      for name in content.names {
        held += try content.shape(of: name).reduce(1.0) { $0 * Double($1) }
      }
      guard architecture.leastWeightCount <= held else {
        throw PoseError(
          .modelMismatch,
          String(
            format: "expected %.0f weights or more, found %.0f", architecture.leastWeightCount, held
          ))
      }
    }
    var generator = PhiloxGenerator(seed: 0)
    self.init(architecture, using: &generator)
    self.calibration = calibration
    flipTest = content.metadata[Self.flipTestKey] == "true"
    var reader = TensorReader<Scalar>(content: content)
    visitParameters(&reader)
    if let problem = reader.problem { throw problem.inFile(file) }
  }
}

extension PoseArchitecture {
  /// The weights of the convolutions and flows, as floating-point numbers, which have no overflow; those
  /// of flows counted as if they saw and moved one column each.
  var leastWeightCount: Double {
    var count = Double(backbone.features) * 4 * Double(skeleton.count)
    var inputs = Double(backbone.width)
    for (index, blocks) in backbone.stages.enumerated() {
      let width = Double(backbone.width << index)
      let outputs = width * Double(backbone.block.expansion)
      let block: (Double) -> Double = { inputs in
        self.backbone.block == .basic
          ? 9 * width * (inputs + width) : width * (inputs + 9 * width + outputs)
      }
      count += block(inputs) + Double(blocks - 1) * block(outputs)
      inputs = outputs
    }
    guard likelihood.shape != .none else { return count }
    let widths = [1] + likelihood.flow.hidden.map(Double.init) + [1]
    let coupling = 2 * zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let flows = likelihood.flow.sharing == .perJoint ? skeleton.count : 1
    return count + Double(flows) * Double(likelihood.flow.layers) * coupling
  }
}
