/// A network that turns context rows into what a flow is given in their place, such as a summary of an
/// observation.
public protocol ContextEmbedding<Scalar>: Parameterized {
  /// The columns of the context that it takes.
  var inputDimension: Int { get }
  /// The columns that it gives.
  var outputDimension: Int { get }
  /// context `[rows, inputDimension]` → `[rows, outputDimension]`, row by row.
  func embedding(of context: Tensor<Scalar>) -> Tensor<Scalar>
}

extension MLP: ContextEmbedding {
  /// The columns of the input.
  public var inputDimension: Int { layers[0].weight.shape[0] }
  /// The columns of the output.
  public var outputDimension: Int { layers[layers.count - 1].weight.shape[1] }
  /// The output of the network.
  public func embedding(of context: Tensor<Scalar>) -> Tensor<Scalar> { self(context) }
}

/// A flow whose context passes through an embedding first; both are trained together.
///
/// x = T(z; e(context)), and log |det J| is that of the flow. Files can hold embeddings that are an
/// ``MLP``.
public struct EmbeddedContext<Scalar: TensorScalar>: Flow {
  /// What the flow is given in place of the context.
  public var embedding: any ContextEmbedding<Scalar>
  /// The flow.
  public var flow: any Flow<Scalar>

  /// A flow behind an embedding.
  public init(_ embedding: any ContextEmbedding<Scalar>, _ flow: any Flow<Scalar>) {
    precondition(
      flow.contextDimension == embedding.outputDimension,
      "the embedding gives what the flow takes; got \(embedding.outputDimension) and "
        + "\(flow.contextDimension) columns")
    self.embedding = embedding
    self.flow = flow
  }

  /// A flow behind an embedding, from the parts of a composition.
  public init(
    _ embedding: any ContextEmbedding<Scalar>, dimension: Int,
    @FlowBuilder<Scalar> _ flows: () -> [any Flow<Scalar>]
  ) {
    self.init(embedding, Composition(dimension: dimension, flows()))
  }

  /// That of the flow.
  public var dimension: Int { flow.dimension }
  /// The columns that the embedding takes.
  public var contextDimension: Int { embedding.inputDimension }
  /// That of the flow.
  public var hasConstantLogDet: Bool { flow.hasConstantLogDet }
  /// That of the flow.
  public var mixesRows: Bool { flow.mixesRows }

  private func embedded(_ context: Tensor<Scalar>?, rows: Int) -> Tensor<Scalar>? {
    checkContext(rows: rows, context, contextDimension)
    return context.map { embedding.embedding(of: $0) }
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    flow.forward(z, context: embedded(context, rows: z.storage.shape[0]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    flow.inverse(x, context: embedded(context, rows: x.storage.shape[0]))
  }

  /// Prepares the flow.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    flow.prepare(with: x, context: embedded(context, rows: x.storage.shape[0]))
  }

  /// Prepares the flow from latent rows.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {
    flow.prepareInverted(with: z, context: embedded(context, rows: z.storage.shape[0]))
  }

  /// That of the flow.
  public var support: [Support] { flow.support }
  /// That of the flow.
  public var hasRunningStatistics: Bool { flow.hasRunningStatistics }

  /// Updates the running statistics of the flow.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    flow.updateStatistics(with: x, context: embedded(context, rows: x.storage.shape[0]))
  }

  /// Shows the embedding, then the flow.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.enter("embedding")
    embedding.visitParameters(&visitor)
    visitor.leave()
    visitor.enter("flow")
    flow.visitParameters(&visitor)
    visitor.leave()
  }
}

/// What files say of an embedding that is a perceptron.
struct EmbeddingConfiguration: Codable, Sendable, CheckedConfiguration {
  let inputs: Int
  let hidden: [Int]
  let outputs: Int
  let activation: Activation

  init<Scalar>(_ network: MLP<Scalar>) {
    inputs = network.inputDimension
    outputs = network.outputDimension
    hidden = network.layers.dropLast().map { $0.weight.shape[1] }
    activation = network.activation
  }

  func network<Scalar>() -> MLP<Scalar> {
    var generator = PhiloxGenerator(seed: 0)
    return MLP(
      inputs: inputs, hidden: hidden, outputs: outputs, activation: activation,
      initializer: .zero, outputInitializer: .zero, using: &generator)
  }

  func validate() throws {
    try validateConditioner(context: inputs, hidden: hidden)
    try validateColumns(inputs)
    try validateColumns(outputs)
  }

  var scalarCount: Int { networkScalars(inputs, hidden, outputs) }
}
