internal import CFlowKernels

/// The parameters of one layer, as a tape sees them.
struct LayerParameters {
  let weight: Storage
  let bias: Storage?

  init<Scalar>(_ layer: Linear<Scalar>) {
    weight = layer.weight.storage
    bias = layer.bias?.storage
  }
}

/// What the rows of many tiles say of the gradient of one piecewise linear network: sums on each of
/// its pieces, in double.
final class PieceSums {
  let network: PreparedNetwork
  private let parameters: [LayerParameters]
  private let values: Storage
  /// False where the sums are all zero.
  private(set) var isUsed = false

  init(_ network: PreparedNetwork, parameters: [LayerParameters]) {
    self.network = network
    self.parameters = parameters
    values = Storage(Shape(network.sumCapacity), .float64)
    begin()
  }

  var pointer: UnsafeMutablePointer<Double> {
    values.pointer.assumingMemoryBound(to: Double.self)
  }

  /// Starts from zero, unless something has been added already.
  func begin() {
    guard !isUsed else { return }
    isUsed = true
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
    isUsed = false
    network.finish(pointer, tape.gradients(of: parameters))
  }
}

extension Tape {
  /// Where the gradients of layers go; null for those that this tape does not track.
  func gradients(of parameters: [LayerParameters]) -> fk_network_gradient {
    func place(_ storage: Storage) -> UnsafeMutableRawPointer? {
      guard storage.activeTape === self else { return nil }
      return addend(for: storage.node, like: storage)
    }
    var result = fk_network_gradient()
    withUnsafeMutableBytes(of: &result.weights) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
      for (index, layer) in parameters.enumerated() { slots[index] = place(layer.weight) }
    }
    withUnsafeMutableBytes(of: &result.biases) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
      for (index, layer) in parameters.enumerated() { slots[index] = layer.bias.flatMap(place) }
    }
    return result
  }

  /// Where a network's gradient goes in a backward pass; nil where none of its parameters is tracked.
  func gradient<Scalar>(of network: PreparedNetwork, _ layers: [Linear<Scalar>])
    -> NetworkGradient?
  {
    guard layers.contains(where: tracks) else { return nil }
    if network.isPiecewise { return NetworkGradient(sums: pieceSums(of: network, layers).pointer) }
    return NetworkGradient(parameters: gradients(of: layers.map(LayerParameters.init)))
  }

  private func tracks<Scalar>(_ layer: Linear<Scalar>) -> Bool {
    layer.weight.storage.activeTape === self || layer.bias?.storage.activeTape === self
  }
}
