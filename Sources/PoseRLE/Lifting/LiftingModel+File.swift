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
  /// A file takes no more memory than a small multiple of its own size, whatever it claims to hold.
  ///
  /// - Throws: ``PoseError`` that names the file, where it is none of these models: `modelMismatch`
  ///   where it has no architecture or its arrays are not those of the architecture, `malformedFile`
  ///   and `invalidData` where the architecture cannot be read or makes no model.
  public init(contentsOf file: String) throws {
    let content = try PoseError.translating(file) { try SafetensorsFile(contentsOf: file) }
    guard let text = content.metadata[Self.key] else {
      throw PoseError(
        .modelMismatch, "expected a lifter that was saved by PoseRLE, found other content",
        file: file)
    }
    let architecture: LiftingArchitecture
    do {
      architecture = try decodeJSON(LiftingArchitecture.self, from: Data(text.utf8))
    } catch {
      let path = [Self.key, error.path].compactMap(\.self).joined(separator: ".")
      throw PoseError(error.kind, error.message, file: file, path: path)
    }
    if let problem = architecture.problem {
      throw PoseError(.invalidData, problem, file: file, path: Self.key)
    }
    try PoseError.translating(file) { try architecture.checkSize(of: content, file: file) }
    // Freshly drawn weights are all replaced.
    var generator = PhiloxGenerator(seed: 0)
    self.init(architecture, using: &generator)
    var reader = TensorReader<Scalar>(content: content)
    visitParameters(&reader)
    if let problem = reader.problem { throw problem.inFile(file) }
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
    if !(1...1_000_000).contains(imageWidth) || !(1...1_000_000).contains(imageHeight) {
      return "an image has a width and a height of 1 to 1000000 pixels"
    }
    if !(1...65_536).contains(width) || !(0...1_000).contains(blocks) {
      return "a network has a width of 1 to 65536 and at most 1000 blocks"
    }
    let flow = likelihood.flow
    if flow.layers > 1_000 || flow.hidden.count > 1_000
      || !flow.hidden.allSatisfy({ $0 <= 65_536 })
    {
      return
        "a flow has at most 1000 couplings, of networks with at most 1000 layers of 65536 units"
    }
    return scaleLogit.isFinite ? nil : "the logit of the scales is finite"
  }

  /// Compares what a model would take with what a file holds, before memory is asked for.
  fileprivate func checkSize(of content: SafetensorsFile, file: String) throws {
    func require(_ condition: Bool, _ name: String, _ message: String) throws {
      if !condition { throw PoseError(.modelMismatch, message, file: file, path: name) }
    }
    let input = "network.input.weight"
    let inputShape = [2 * skeleton.count + 1, width]
    let found = try? content.shape(of: input)
    try require(
      found == inputShape, input,
      "expected an array of the shape \(inputShape), found "
        + (found.map { "the shape \($0)" } ?? "none"))
    let stored = content.names.count(where: {
      $0.hasPrefix("network.block.") && $0.hasSuffix(".first.weight")
    })
    try require(
      stored == blocks, "network.block",
      "expected the arrays of \(blocks) blocks, found those of \(stored)")
    // As floating-point numbers, which have no overflow.
    let held = try content.names.reduce(0.0) { sum, name in
      sum + (try content.shape(of: name).reduce(1.0) { $0 * Double($1) })
    }
    try require(
      leastWeightCount <= held, "loss",
      String(format: "expected %.0f weights or more, found %.0f", leastWeightCount, held))
  }

  /// The weights of all layers, those of the flows counted as if they saw and moved one column each.
  private var leastWeightCount: Double {
    let (width, blocks) = (Double(width), Double(blocks))
    let ends = Double(2 * skeleton.count + 1) + Double(6 * skeleton.count)
    let network = width * (ends + 2 * blocks * width)
    guard likelihood.shape != .none else { return network }
    let widths = [1] + likelihood.flow.hidden.map(Double.init) + [1]
    let coupling = 2 * zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let flows = likelihood.flow.sharing == .perJoint ? skeleton.count : 1
    return network + Double(flows) * Double(likelihood.flow.layers) * coupling
  }
}
