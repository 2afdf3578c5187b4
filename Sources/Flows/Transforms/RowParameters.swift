/// The parameters of a map as one vector: trained itself, or given for each row by a network of the
/// context.
struct RowParameters<Scalar: TensorScalar>: Parameterized {
  /// `[count]`; nil where a network gives them.
  private var vector: Tensor<Scalar>?
  private var network: MLP<Scalar>?
  private let contextDimension: Int

  /// Parameters `[count]` that are trained themselves.
  init(_ vector: Tensor<Scalar>) {
    self.vector = vector
    contextDimension = 0
  }

  /// Parameters that start from a vector `[count]`; where there is context, by a network that gives
  /// this vector for every row at first.
  init(
    from start: Tensor<Scalar>, contextDimension: Int, hidden: [Int], activation: Activation,
    using generator: inout PhiloxGenerator
  ) {
    self.contextDimension = contextDimension
    guard contextDimension > 0 else {
      vector = start
      return
    }
    var network = MLP<Scalar>(
      inputs: contextDimension, hidden: hidden, outputs: start.count, activation: activation,
      outputInitializer: .zero, using: &generator)
    network.layers[network.layers.count - 1].bias = start
    self.network = network
  }

  /// The parameters `[1, count]` of all rows or `[rows, count]` of each.
  func callAsFunction(rows: Int, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkContext(rows: rows, context, contextDimension)
    if let vector { return vector.expanded(axis: 0) }
    guard let network, let context else { preconditionFailure("without a vector there is context") }
    return network(context)
  }

  /// Shows the vector or the network.
  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    if var own = vector {
      vector = nil
      visitor.visit("parameters", &own)
      vector = own
    }
    if var own = network {
      network = nil
      visitor.visit("network", &own)
      network = own
    }
  }

  // MARK: - Configurations from files

  /// Refuses networks that make no sense.
  static func validate(contextDimension: Int, hidden: [Int]) throws {
    try requireConfiguration(
      (0...1 << 20).contains(contextDimension), "expected context columns, got \(contextDimension)",
      field: "contextDimension")
    try requireConfiguration(
      hidden.count <= 1_024 && hidden.allSatisfy { (1...1 << 20).contains($0) },
      "expected positive widths, got \(excerpt(hidden))", field: "hidden")
  }

  /// The scalars of the vector or the network.
  static func scalarCount(_ count: Int, contextDimension: Int, hidden: [Int]) -> Int {
    guard contextDimension > 0 else { return count }
    let widths = [contextDimension] + hidden + [count]
    return zip(widths, widths.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
  }
}
