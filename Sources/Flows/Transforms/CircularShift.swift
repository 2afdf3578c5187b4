/// A turn of each angle by a trained amount: x = z + shift, wrapped into [−π, π).
///
/// Columns that are no angles pass; log |det J| = 0.
///
/// Circular splines leave the seam where it is; turns between them move it.
public struct CircularShift<Scalar: TensorScalar>: Flow {
  /// All that defines the map but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// Which columns are angles; nil for all.
    public var angles: [Bool]?
  }

  /// All that defines the map but its tensors.
  public let configuration: Configuration
  /// By how much each column turns, `[dimension]`; of no account where a column is no angle.
  public var shift: Tensor<Scalar>
  /// 1 for angles, else 0.
  private let mask: Tensor<Scalar>?

  /// A turn by given angles, `[dimension]`.
  ///
  /// - Parameters:
  ///   - shift: by how much.
  ///   - angles: which columns are angles; nil for all.
  public init(_ shift: Tensor<Scalar>, angles: [Bool]? = nil) {
    precondition(
      shift.rank == 1 && shift.count > 0,
      "a turn has one angle for each column; got the shape \(shift.shape)")
    precondition(
      angles.map { $0.count == shift.count } ?? true,
      "there is one flag for each of \(shift.count) columns; got \(angles?.count ?? 0)")
    configuration = Configuration(dimension: shift.count, angles: angles)
    self.shift = shift
    mask = angles.map { Tensor($0.map { $0 ? 1 : 0 }) }
  }

  /// A turn by random angles.
  public init(dimension: Int, angles: [Bool]? = nil, using generator: inout PhiloxGenerator) {
    self.init(
      .uniform([dimension], in: Scalar(-Double.pi)..<Scalar(Double.pi), using: &generator),
      angles: angles)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The circle, or ℝ for columns that are no angles.
  public var support: [Support] {
    (0..<dimension).map { configuration.angles?[$0] ?? true ? .circle : .real }
  }
  /// Always: it is 0.
  public var hasConstantLogDet: Bool { true }

  private func wrapped(_ x: Tensor<Scalar>) -> Transformed<Scalar> {
    var turns = floor(x.scaled(by: Scalar(0.5 / Double.pi), plus: 0.5))
    if let mask { turns *= mask }
    return Transformed(
      value: x - turns.scaled(by: Scalar(2 * Double.pi)), logDet: .zeros([x.storage.shape[0]]))
  }

  private var amount: Tensor<Scalar> { mask.map { shift * $0 } ?? shift }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return wrapped(z + amount)
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return wrapped(x - amount)
  }

  /// Shows the angles.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("shift", &shift)
  }
}

extension CircularShift.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try requireConfiguration(
      angles.map { $0.count == dimension } ?? true, "expected \(dimension) flags", field: "angles")
  }
  var scalarCount: Int { dimension }
}

extension CircularShift: StorableFlow {
  /// `CircularShift`.
  public static var identifier: String { "CircularShift" }

  /// No turn.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(.zeros([configuration.dimension]), angles: configuration.angles)
  }
}
