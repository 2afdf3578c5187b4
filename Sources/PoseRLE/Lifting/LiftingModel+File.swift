import Flows
import Foundation

extension LiftingModel {
  private static var key: String { "poserle.lifting" }

  /// Writes architecture and all weights, flows included, in the safetensors format, in one step.
  ///
  /// - Throws: ``PoseError`` of kind `unwritableFile`; an old file is then unchanged.
  public func save(to file: String) throws {
    try PoseError.translating(file) {
      var content = SafetensorsFile()
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      content.metadata[Self.key] = String(
        decoding: try encoder.encode(architecture), as: UTF8.self)
      for (name, tensor) in namedTensors { try content.add(name, tensor) }
      try content.write(to: file)
    }
  }

  /// Reads a model that was saved.
  ///
  /// - Throws: ``PoseError`` that names the file, where it is none of these models.
  public init(contentsOf file: String) throws {
    let content = try PoseError.translating(file) { try SafetensorsFile(contentsOf: file) }
    guard
      let text = content.metadata[Self.key],
      let architecture = try? JSONDecoder().decode(
        LiftingArchitecture.self, from: Data(text.utf8)),
      architecture.problem == nil
    else {
      throw PoseError(
        .modelMismatch, "expected a lifter that was saved by PoseRLE, found other content",
        file: file)
    }
    // Freshly drawn weights are all replaced.
    var generator = PhiloxGenerator(seed: 0)
    self.init(architecture, using: &generator)
    var reader = TensorReader<Scalar>(content: content)
    visitParameters(&reader)
    if let problem = reader.problem { throw PoseError(.modelMismatch, problem, file: file) }
  }
}

extension LiftingArchitecture {
  /// What keeps a model of it from being made; nil where nothing does.
  var problem: String? {
    if let problem = likelihood.problem { return problem }
    if likelihood.hasFullCovariance { return "a lifter has independent axes" }
    if case .features = likelihood.flow.sharing { return "the flow of a lifter sees no features" }
    if skeleton.count < 2 || skeleton.parents.filter({ $0 == nil }).count != 1 {
      return "a lifter needs two joints or more, one of them the root"
    }
    if !(imageWidth > 0 && imageWidth.isFinite && imageHeight > 0 && imageHeight.isFinite) {
      return "an image has a positive size"
    }
    if !(1...65_536).contains(width) || !(0...1_000).contains(blocks) {
      return "a network has a width of 1 to 65536 and at most 1000 blocks"
    }
    return scaleLogit.isFinite ? nil : "the logit of the scales is finite"
  }
}

/// Replaces every tensor of a model by the one of its name in a file.
private struct TensorReader<Scalar: TensorScalar>: ParameterVisitor {
  let content: SafetensorsFile
  var path: [String] = []
  var problem: String?

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    read(name, &parameter)
  }
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { read(name, &state) }
  mutating func enter(_ name: String) { path.append(name) }
  mutating func leave() { path.removeLast() }

  private mutating func read(_ name: String, _ tensor: inout Tensor<Scalar>) {
    let name = (path + [name]).joined(separator: ".")
    guard problem == nil else { return }
    guard let found: Tensor<Scalar> = try? content.tensor(name) else {
      problem = "expected the array \(name), found none"
      return
    }
    guard found.shape == tensor.shape, found.isFinite else {
      problem =
        "expected finite numbers of the shape \(tensor.shape) as \(name), found the shape "
        + "\(found.shape)"
      return
    }
    tensor = found
  }
}
