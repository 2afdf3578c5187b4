import Flows

/// Head and flows of a published model, read from PyTorch's own files or from safetensors.
///
/// ```swift
/// let weights = try ReleasedWeights<Float>(contentsOf: "coco-laplace-rle.pth")
/// let head = weights.head(in: Centered.self)
/// ```
///
/// The head gives the numbers of the PyTorch model, in the convention of its layout.
///
/// The flows are *mirrored*: the published code trains its flow on (μ − g) / σ, prediction minus
/// label, and the paper and this module speak of e = (g − μ) / σ. Here p(e) is the published
/// density at −e, to the last bit, so that μ + σ e with a draw e is where a joint may be.
///
/// Files are read by `WeightsFile`: `.pth` in both forms, of which nothing is executed, and
/// safetensors. Of a file that holds more than weights, such as those of mmpose, `state_dict` is
/// taken.
public struct ReleasedWeights<Scalar: TensorScalar>: Sendable {
  /// How the file names its arrays.
  public let layout: ReleasedLayout
  /// The head as published.
  public var head: KeypointHead<Scalar>
  /// The density of ((g_x − μ_x) / σ_x, (g_y − μ_y) / σ_y); nil where the file has no array of it,
  /// as in models stripped for inference.
  public var planarFlow: NormalizingFlow<Scalar>?
  /// The same with z, for joints labelled with depth.
  public var spatialFlow: NormalizingFlow<Scalar>?

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: of a file that `WeightsFile` opens, whatever its name ends in.
  ///   - layout: how arrays are named; nil to tell by the names.
  ///   - joints: the number of joints that is expected; nil for any.
  /// - Throws: ``PoseError`` with the file and the array: `unreadableFile` and `malformedFile` as
  ///   for any such file; `modelMismatch` for an unknown layout and for arrays that are
  ///   missing or of another shape; `invalidData` for weights that are not finite; `unsupported`
  ///   for flows that are no masked couplings of this module.
  public init(contentsOf path: String, layout: ReleasedLayout? = nil, joints: Int? = nil) throws {
    self = try PoseError.translating(path) {
      try ReleasedWeights(WeightsFile.open(path), layout: layout, joints: joints)
    }
  }

  /// Takes the weights from an open file, as ``init(contentsOf:layout:joints:)`` does.
  public init(
    _ file: some NamedTensors, layout: ReleasedLayout? = nil, joints: Int? = nil
  ) throws {
    do {
      let file = WeightsFile(file).stateDictionary
      let names = Set(file.names)
      let layout = try layout ?? .found(in: names)
      let arrays = HeadArrays<Scalar>(file: file, names: names)
      self.layout = layout
      head = try arrays.head(layout, joints: joints)
      func flow(_ prefix: String?, columns: Int) throws -> NormalizingFlow<Scalar>? {
        guard let prefix, names.contains(where: { $0.hasPrefix(prefix) }) else { return nil }
        let flow = try NormalizingFlow<Scalar>(rleWeights: file, prefix: prefix)
        guard flow.dimension == columns else {
          throw PoseError(
            .modelMismatch, "expected a flow of \(columns) columns, found \(flow.dimension)",
            path: prefix + "mask")
        }
        return flow.mirrored()
      }
      planarFlow = try flow(layout.flows.planar, columns: 2)
      spatialFlow = try flow(layout.flows.spatial, columns: 3)
    } catch let error as FlowsError {
      throw PoseError(error)
    }
  }

  /// The head with its outputs in a convention of choice; its convention is that of the layout.
  public func head<Frame: NormalizedFrame>(in frame: Frame.Type) -> KeypointHead<Scalar> {
    func converted<Own: NormalizedFrame>(_ own: Own.Type) -> KeypointHead<Scalar> {
      head.converted(from: own, to: frame)
    }
    return converted(layout.frame)
  }
}

/// The arrays of a head, checked as they are read.
private struct HeadArrays<Scalar: TensorScalar> {
  let file: WeightsFile
  let names: Set<String>

  func head(_ layout: ReleasedLayout, joints: Int?) throws -> KeypointHead<Scalar> {
    let dimension = layout.dimension
    let (coordinateName, scaleName) = layout.layers
    let perJoint = scaleName == nil ? 2 * dimension : dimension
    let weight = try array(coordinateName + ".weight")
    // Checked before the bias, so that a wrong number of rows is named where it is.
    guard weight.rank == 2, weight.shape[1] > 0, weight.shape[0] > 0,
      weight.shape[0] % perJoint == 0, joints.map({ $0 * perJoint == weight.shape[0] }) ?? true
    else {
      throw PoseError(
        .modelMismatch,
        "expected the shape [outputs, features] with \(perJoint) outputs for each of "
          + "\(joints.map(String.init) ?? "some") joints, found \(weight.shape)",
        path: coordinateName + ".weight")
    }
    let (rows, features) = (weight.shape[0], weight.shape[1])
    let first = try layer(coordinateName, shape: [rows, features])
    let count = rows / perJoint
    let coordinates: Linear<Scalar>
    let scales: Linear<Scalar>
    if let scaleName {
      (coordinates, scales) = (first, try layer(scaleName, shape: [rows, features]))
    } else {
      func part(_ axes: Range<Int>) -> Linear<Scalar> {
        let columns = (0..<count).flatMap { joint in axes.map { joint * perJoint + $0 } }
        return Linear(
          weight: first.weight.columns(columns), bias: first.bias?.columns(columns))
      }
      (coordinates, scales) = (part(0..<dimension), part(dimension..<perJoint))
    }
    return KeypointHead(
      .init(
        features: features, joints: count, dimension: dimension,
        normalizesFeatures: layout.normalizesFeatures),
      coordinates: coordinates, scales: scales)
  }

  /// A layer, its weight turned to `[features, outputs]`.
  private func layer(_ name: String, shape: [Int]) throws -> Linear<Scalar> {
    let (weight, bias) = (try array(name + ".weight"), try array(name + ".bias"))
    for (part, found, expected) in [
      (".weight", weight.shape, shape), (".bias", bias.shape, [shape[0]]),
    ] where found != expected {
      throw PoseError(
        .modelMismatch, "expected the shape \(expected), found \(found)", path: name + part)
    }
    return Linear(weight: weight.transposed(), bias: bias)
  }

  private func array(_ name: String) throws -> Tensor<Scalar> {
    guard names.contains(name) else {
      throw PoseError(.modelMismatch, "the file has no array of this name", path: name)
    }
    let tensor = try file.tensor(name, as: Scalar.self)
    guard tensor.isFinite else {
      throw PoseError(
        .invalidData, "expected finite \(Scalar.self) values, found others", path: name)
    }
    return tensor
  }
}

extension NormalizingFlow {
  /// The density of −x, for an x with this density of masked affine couplings over a Gaussian.
  ///
  /// A coupling x = z·exp(s(a)) + t(a) of −x and −z has s′(a) = s(−a) and t′(a) = −t(−a): the first
  /// weights of both networks and the last weight and bias of t change their sign. No operation
  /// rounds differently for it, so that densities are equal bit by bit.
  fileprivate func mirrored() -> NormalizingFlow {
    var copy = self
    copy.flow.flows = flow.flows.map { part in
      guard var coupling = part as? AffineCoupling<Scalar>, var shift = coupling.shiftNetwork,
        let last = shift.layers.indices.last
      else { preconditionFailure("an imported flow consists of couplings with two networks") }
      coupling.scaleNetwork.layers[0].weight = -coupling.scaleNetwork.layers[0].weight
      shift.layers[0].weight = -shift.layers[0].weight
      shift.layers[last].weight = -shift.layers[last].weight
      shift.layers[last].bias = shift.layers[last].bias.map { -$0 }
      coupling.shiftNetwork = shift
      return coupling
    }
    if let gaussian = base as? Gaussian<Scalar>,
      gaussian.location.scalars.contains(where: { $0 != 0 })
    {
      copy.base = Gaussian(location: -gaussian.location, scale: gaussian.scale)
    }
    return copy
  }
}
