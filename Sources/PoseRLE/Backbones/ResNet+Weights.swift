import Flows

extension ResNetConfiguration {
  /// The network whose weights a file holds in torchvision's layout.
  ///
  /// - Throws: ``PoseError`` of kind `modelMismatch` that names what is missing.
  public init(weights: some NamedTensors) throws {
    let names = Set(weights.names)
    func require(_ name: String) throws -> [Int] {
      guard names.contains(name) else {
        throw PoseError(
          .modelMismatch, "expected the weights of a residual network, found no such array",
          path: name)
      }
      return try weights.shape(of: name)
    }
    let first = try require("conv1.weight")
    guard first.count == 4, first[2] == first[3], first[2] == 7 || first[2] == 3 else {
      throw PoseError(
        .modelMismatch,
        "expected the weights [outputs, inputs, 7, 7] of a first convolution, found the shape \(first)",
        path: "conv1.weight")
    }
    _ = try require("layer1.0.conv1.weight")
    var stages: [Int] = []
    while names.contains("layer\(stages.count + 1).0.conv1.weight") {
      var blocks = 0
      while names.contains("layer\(stages.count + 1).\(blocks).conv1.weight") { blocks += 1 }
      stages.append(blocks)
    }
    self.channels = first[1]
    self.width = first[0]
    self.block = names.contains("layer1.0.conv3.weight") ? .bottleneck : .basic
    self.stages = stages
    self.stem = first[2] == 7 ? .standard : .compact
    self.start = .heNormal
    if let problem { throw PoseError(.modelMismatch, problem) }
    // Before memory is asked for, which a few wrong shapes could make more than any machine has.
    for (name, shape) in convolutions {
      let found = try require(name)
      guard found == shape else {
        throw PoseError(
          .modelMismatch, "expected the shape \(shape), found \(found)", path: name)
      }
    }
  }

  /// The names of all convolutions and the shapes of their weights [outputs, inputs, height, width] in
  /// torchvision's layout.
  var convolutions: [(name: String, shape: [Int])] {
    let side = stem == .standard ? 7 : 3
    var result = [(name: "conv1.weight", shape: [width, channels, side, side])]
    var inputs = width
    for (stage, count) in stages.enumerated() {
      let inner = width << stage
      let outputs = inner * block.expansion
      let shapes =
        block == .basic
        ? [[inner, inner, 3, 3], [outputs, inner, 3, 3]]
        : [[inner, inner, 1, 1], [inner, inner, 3, 3], [outputs, inner, 1, 1]]
      for place in 0..<count {
        let prefix = "layer\(stage + 1).\(place)."
        for (index, shape) in shapes.enumerated() {
          let shape = index == 0 ? [shape[0], inputs] + shape[2...] : shape
          result.append((prefix + "conv\(index + 1).weight", shape))
        }
        if place == 0, stage > 0 || stem == .compact || inputs != outputs {
          result.append((prefix + "downsample.0.weight", [outputs, inputs, 1, 1]))
        }
        inputs = outputs
      }
    }
    return result
  }
}

extension ResNet {
  /// The network whose weights a file holds in torchvision's layout: `conv1.weight`, `bn1.running_mean`,
  /// `layer1.0.downsample.0.weight`, … A classifier `fc` is not looked at.
  ///
  /// ```swift
  /// let network = try ResNet<Float>(weights: WeightsFile.open("resnet50.pth").stateDictionary)
  /// ```
  ///
  /// - Throws: ``PoseError`` of kind `modelMismatch` that names the array that is missing, or has another
  ///   shape or numbers that are not finite.
  public init(weights: some NamedTensors) throws {
    do {
      var generator = PhiloxGenerator(seed: 0)
      self.init(try ResNetConfiguration(weights: weights), using: &generator)
      try load(weights)
    } catch let error as FlowsError {
      throw PoseError(error)
    }
  }

  /// Replaces all weights by those of a file in torchvision's layout.
  ///
  /// - Throws: ``PoseError`` as ``init(weights:)``.
  public mutating func load(_ weights: some NamedTensors) throws {
    var reader = TorchvisionReader<Scalar>(weights: weights)
    var copy = self
    copy.visitParameters(&reader)
    if let problem = reader.problem { throw problem }
    self = copy
  }
}

/// Replaces the tensors of a residual network by those of torchvision's names.
private struct TorchvisionReader<Scalar: TensorScalar>: ParameterVisitor {
  let weights: any NamedTensors
  var path: [String] = []
  var problem: PoseError?

  init(weights: some NamedTensors) { self.weights = weights }

  mutating func enter(_ name: String) { path.append(name) }
  mutating func leave() { path.removeLast() }
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) { read(name, &parameter) }
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { read(name, &state) }

  /// This module's names of a normalisation's tensors, and PyTorch's.
  private static var names: [String: String] {
    [
      "scale": "weight", "shift": "bias", "runningMean": "running_mean",
      "runningVariance": "running_var",
    ]
  }

  private mutating func read(_ name: String, _ tensor: inout Tensor<Scalar>) {
    guard problem == nil else { return }
    let full = (path + [Self.names[name] ?? name]).joined(separator: ".")
    do {
      let found: Tensor<Scalar> =
        tensor.rank == 4
        ? try weights.convolutionWeights(full) : try weights.tensor(full, as: Scalar.self)
      guard found.shape == tensor.shape else {
        throw PoseError(
          .modelMismatch, "expected the shape \(tensor.shape), found \(found.shape)", path: full)
      }
      guard found.isFinite else {
        throw PoseError(.modelMismatch, "expected finite numbers, found others", path: full)
      }
      if name == "runningVariance", found.withScalars({ $0.contains { $0 < 0 } }) {
        throw PoseError(.modelMismatch, "expected variances, found negative numbers", path: full)
      }
      tensor = found
    } catch let error as FlowsError {
      problem = PoseError(.modelMismatch, error.message, path: error.field ?? full)
    } catch let error as PoseError {
      problem = error
    } catch {
      problem = PoseError(.modelMismatch, "\(error)", path: full)
    }
  }
}
