/// Named tensors, whatever the file that holds them: ``SafetensorsFile``, ``PyTorchFile``.
public protocol NamedTensors: Sendable {
  /// The names of the tensors.
  var names: [String] { get }

  /// The axis lengths of a tensor.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no tensor of this name.
  func shape(of name: String) throws -> [Int]

  /// A tensor by its name, converted to the scalar type.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no tensor of this name, and others
  ///   of the file's format.
  func tensor<S: TensorScalar>(_ name: String, as type: S.Type) throws -> Tensor<S>
}

extension SafetensorsFile: NamedTensors {}

extension NamedTensors {
  /// The weights of a convolution in this module's order of axes.
  ///
  /// PyTorch stores [outputs, inputs / groups, height, width]; here it is [height, width, inputs /
  /// groups, outputs]. Convolutions of one axis, [outputs, inputs / groups, width], become [width,
  /// inputs / groups, outputs].
  ///
  /// - Throws: ``FlowsError``: `modelMismatch` for another number of axes; otherwise as `tensor`.
  public func convolutionWeights<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let weights = try tensor(name, as: S.self)
    guard weights.rank == 3 || weights.rank == 4 else {
      throw FlowsError(
        .modelMismatch,
        "expected the weights of a convolution, [outputs, inputs, height, width], found the shape "
          + "\(weights.shape)", field: name)
    }
    return weights.permuted(Array(2..<weights.rank) + [1, 0])
  }

  /// The weights of a linear layer, `[inputs, outputs]`; PyTorch stores [outputs, inputs].
  ///
  /// - Throws: ``FlowsError``: `modelMismatch` for another number of axes; otherwise as `tensor`.
  public func linearWeights<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let weights = try tensor(name, as: S.self)
    guard weights.rank == 2 else {
      throw FlowsError(
        .modelMismatch,
        "expected the weights of a linear layer, [outputs, inputs], found the shape "
          + "\(weights.shape)", field: name)
    }
    return weights.transposed()
  }
}

/// The tensors of a file of any format that this module reads, or of one dictionary in it.
///
/// ```swift
/// let weights = try WeightsFile.open("td-reg_res50_rle.pth").stateDictionary
/// let backbone = weights.within("backbone")
/// let first: Tensor<Float> = try backbone.convolutionWeights("conv1.weight")  // [7, 7, 3, 64]
/// ```
public struct WeightsFile: NamedTensors {
  private let base: any NamedTensors
  /// What stands before the names in the file.
  private let prefix: String
  /// The names without the prefix, in the order of the file.
  public let names: [String]
  private let known: Set<String>

  /// Takes all tensors of an open file.
  public init(_ file: some NamedTensors) {
    if let file = file as? WeightsFile {
      self = file
    } else {
      self.init(base: file, prefix: "", names: file.names)
    }
  }

  private init(base: any NamedTensors, prefix: String, names: [String]) {
    self.base = base
    self.prefix = prefix
    self.names = names
    known = Set(names)
  }

  /// Opens a file of safetensors or of PyTorch, told apart by its first bytes, not by its name.
  ///
  /// - Throws: ``FlowsError`` as ``SafetensorsFile/init(contentsOf:)`` and
  ///   ``PyTorchFile/init(contentsOf:)`` do; `malformedFile` for neither of the two.
  public static func open(_ path: String) throws -> WeightsFile {
    try namingFile(path) {
      let source = try ByteSource.open(path)
      if case .memory(let bytes) = source { return try WeightsFile(bytes: bytes) }
      return try isPyTorch(source.bytes(0..<min(source.count, 9)))
        ? WeightsFile(PyTorchFile(contentsOf: path))
        : WeightsFile(SafetensorsFile(contentsOf: path))
    }
  }

  /// Reads the bytes of a file, as ``open(_:)`` does.
  ///
  /// - Throws: ``FlowsError`` as ``open(_:)``.
  public init(bytes: [UInt8]) throws {
    if try Self.isPyTorch(bytes.prefix(9)) {
      self.init(try PyTorchFile(bytes: bytes))
    } else {
      self.init(try SafetensorsFile(bytes: bytes))
    }
  }

  /// The length of a safetensors header, up to 100 MB, has zeros in its last bytes, and `{` follows
  /// it.
  private static func isPyTorch(_ beginning: ArraySlice<UInt8>) throws -> Bool {
    let bytes = Array(beginning)
    if bytes.count == 9, bytes[8] == UInt8(ascii: "{"), bytes[4..<8].allSatisfy({ $0 == 0 }) {
      return false
    }
    guard bytes.starts(with: "PK".utf8) || bytes.first == 0x80 else {
      throw FlowsError(
        .malformedFile,
        "expected a file of safetensors or PyTorch, found "
          + (bytes.isEmpty ? "an empty file" : "the beginning of neither"))
    }
    return true
  }

  /// Whether there is a tensor of this name.
  public func contains(_ name: String) -> Bool { known.contains(name) }

  /// The axis lengths of a tensor.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no tensor of this name.
  public func shape(of name: String) throws -> [Int] { try base.shape(of: prefix + name) }

  /// A tensor by its name, converted to the scalar type.
  ///
  /// Errors name it as the file does, with what stands before its name here.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no tensor of this name, and others
  ///   of the file's format.
  public func tensor<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    try base.tensor(prefix + name, as: S.self)
  }

  /// The tensors whose names begin with a key and a dot, under what follows.
  ///
  /// Without such tensors it is empty.
  public func within(_ key: String) -> WeightsFile {
    let start = key + "."
    return WeightsFile(
      base: base, prefix: prefix + start,
      names: names.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) })
  }

  /// The weights of the model, of a file that may hold more.
  ///
  /// That is the dictionary `state_dict` or `model_state_dict` where the file has one, and `model`
  /// where all else belongs to an optimizer, a schedule or an average (training programs write such
  /// files); otherwise all tensors. Where all names then begin with `module.`, as after training on
  /// several devices, that is left out.
  public var stateDictionary: WeightsFile {
    let others = ["model.", "optimizer", "lr_scheduler", "scheduler", "scaler", "ema"]
    let isTraining = names.allSatisfy { name in others.contains { name.hasPrefix($0) } }
    let keys = ["state_dict", "model_state_dict"] + (isTraining ? ["model"] : [])
    let found = keys.lazy.map { within($0) }.first { !$0.names.isEmpty } ?? self
    let inner = found.within("module")
    return !inner.names.isEmpty && inner.names.count == found.names.count ? inner : found
  }
}
