/// The columns in another, fixed order; log |det J| = 0.
public struct Permutation<Scalar: TensorScalar>: Flow, PlannedFlow {
  /// All that defines the permutation.
  public struct Configuration: Hashable, Sendable, Codable {
    /// Column i of the data side is column `order[i]` of the latent side.
    public var order: [Int]
  }

  /// All that defines the permutation.
  public let configuration: Configuration
  private let order: IndexList
  private let inverseOrder: IndexList

  /// Column i of the data side is column `order[i]` of the latent side.
  public init(_ order: [Int]) {
    precondition(
      !order.isEmpty && order.sorted() == Array(0..<order.count),
      "a permutation names each column once; got \(order)")
    configuration = Configuration(order: order)
    self.order = IndexList(order)
    var inverse = [Int](repeating: 0, count: order.count)
    for (position, source) in order.enumerated() { inverse[source] = position }
    inverseOrder = IndexList(inverse)
  }

  /// The columns from last to first.
  public static func reversed(dimension: Int) -> Permutation {
    Permutation(Array((0..<dimension).reversed()))
  }

  /// A random order.
  public static func random(dimension: Int, using generator: inout PhiloxGenerator)
    -> Permutation
  {
    Permutation(Array(0..<dimension).shuffled(using: &generator))
  }

  /// The number of columns.
  public var dimension: Int { configuration.order.count }
  /// Always: it is 0.
  public var hasConstantLogDet: Bool { true }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return Transformed(
      value: z.gathering(order, axis: 1), logDet: .zeros([z.storage.shape[0]]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return Transformed(
      value: x.gathering(inverseOrder, axis: 1), logDet: .zeros([x.storage.shape[0]]))
  }

  func planStep(_ direction: CouplingDirection) -> DensityPlan.Step? {
    // Column i of the result is this one of the argument, so that gradients go back by the other.
    let (forth, back) = direction == .toData ? (order, inverseOrder) : (inverseOrder, order)
    return DensityPlan.Step(
      .permutation(
        order: CouplingPass.ColumnList(forth), inverse: CouplingPass.ColumnList(back)),
      networks: [], lists: [order, inverseOrder])
  }

  /// Has no tensors.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}
