internal import CFlowKernels

/// The parameters of one layer, as a tape sees them.
struct LayerParameters {
  let weight: Storage
  let bias: Storage?

  init<Scalar>(_ layer: Linear<Scalar>) {
    weight = layer.weight.storage
    bias = layer.bias?.storage
  }

  /// The numbers of the tensors on their tape; negative for constants.
  var nodes: [Int32] { [weight.node] + (bias.map { [$0.node] } ?? []) }

  /// True where another slot's tape sees the same parameters so.
  func agree(with other: LayerParameters) -> Bool {
    guard weight.node == other.weight.node, weight.pointer == other.weight.pointer else {
      return false
    }
    guard let bias, let otherBias = other.bias else { return bias == nil && other.bias == nil }
    return bias.node == otherBias.node && bias.pointer == otherBias.pointer
  }
}

/// What the rows of many tiles say of the gradient of one piecewise linear network: sums on each of
/// its pieces, in double.
final class PieceSums {
  private(set) var network: PreparedNetwork
  let parameters: [LayerParameters]
  /// False where they become gradients right after the rows that they were made for.
  let isDeferred: Bool
  /// False where the sums are all zero.
  private(set) var isUsed = false
  private let values: Storage

  /// Sums that are not in use yet; a recording says what the parameters are to it.
  init(
    _ network: PreparedNetwork, parameters: [LayerParameters] = [], isDeferred: Bool = true
  ) {
    self.network = network
    self.parameters = parameters
    self.isDeferred = isDeferred
    values = Storage(Shape(network.sumCapacity), .float64)
  }

  var pointer: UnsafeMutablePointer<Double> {
    values.pointer.assumingMemoryBound(to: Double.self)
  }

  /// True for the network of these very layers.
  func isOf<Scalar>(_ layers: [Linear<Scalar>]) -> Bool {
    guard layers.count == parameters.count else { return false }
    for index in layers.indices
    where parameters[index].weight !== layers[index].weight.storage
      || parameters[index].bias !== layers[index].bias?.storage
    {
      return false
    }
    return true
  }

  /// True for the sums of the same parameters on another slot's tape.
  func agree(with other: PieceSums) -> Bool {
    parameters.count == other.parameters.count
      && zip(parameters, other.parameters).allSatisfy { $0.agree(with: $1) }
  }

  /// Starts from zero, unless something has been added already; the pieces of equal weights are equal.
  func begin(_ network: PreparedNetwork) {
    guard !isUsed else { return }
    isUsed = true
    self.network = network
    fk_fill(FK_DOUBLE, Int64(network.sumCount), 0, pointer)
  }

  /// Adds the sums of the same network over other rows, and forgets those.
  func add(_ other: PieceSums) {
    fk_add_scaled(FK_DOUBLE, Int64(network.sumCount), 1, other.pointer, pointer)
    other.isUsed = false
  }

  /// Turns the sums into gradients, which are added to those on the tape.
  func finish(on tape: Tape) {
    guard isUsed else { return }
    finish(into: tape.gradients(of: parameters))
  }

  /// The same, added to those at given places.
  func finish(into gradient: fk_network_gradient) {
    isUsed = false
    network.finish(pointer, gradient)
  }
}

extension Tape {
  /// Where the gradients of layers go; null for those that this tape does not track.
  func gradients(of parameters: [LayerParameters]) -> fk_network_gradient {
    func place(_ storage: Storage) -> UnsafeMutableRawPointer? {
      guard storage.activeTape === self else { return nil }
      return addend(for: storage.node, like: storage)
    }
    return fk_network_gradient(
      layers: parameters.count, weights: { place(parameters[$0].weight) },
      biases: { parameters[$0].bias.flatMap(place) })
  }

  /// Runs a network backwards: its gradient by x, and what its parameters that this tape tracks get.
  func runBackward<Scalar>(
    _ network: PreparedNetwork, _ layers: [Linear<Scalar>],
    _ pass: (_ target: NetworkGradient?) -> Void
  ) {
    guard layers.contains(where: tracks) else { return pass(nil) }
    guard network.isPiecewise else {
      return pass(NetworkGradient(parameters: gradients(of: layers.map(LayerParameters.init))))
    }
    let sums = pieceSums(of: network, layers)
    pass(NetworkGradient(sums: sums.pointer))
    if !sums.isDeferred { sums.finish(on: self) }
  }

  private func tracks<Scalar>(_ layer: Linear<Scalar>) -> Bool {
    layer.weight.storage.activeTape === self || layer.bias?.storage.activeTape === self
  }
}
