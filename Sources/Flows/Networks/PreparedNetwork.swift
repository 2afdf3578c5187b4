internal import CFlowKernels

/// A network in the form that kernels read, with what they make once for given weights.
///
/// Of a network of one input, two hidden layers and (leaky) ReLU that is its pieces: such a network is
/// piecewise linear, and a row then costs a search and a multiply-add.
final class PreparedNetwork: PreparedForm, @unchecked Sendable {
  private let network: UnsafeMutablePointer<fk_network>
  let kind: ScalarKind
  let isPiecewise: Bool
  private let prepared: UnsafeMutableRawPointer
  private let preparedBytes: Int
  let memories: LayerMemories

  let inputs: Int
  let outputs: Int

  /// Nil where a layer's activation has no fused kernel, or there are more layers than kernels take.
  init?<Scalar>(_ layers: [Linear<Scalar>], activation: Activation) {
    guard let (code, slope) = activation.fused, !layers.isEmpty,
      layers.count <= Int(FK_MAX_LAYERS)
    else { return nil }
    kind = Scalar.scalarKind
    memories = LayerMemories(layers)
    var width = layers[0].weight.storage.shape.matrix("the weight of a linear layer").rows
    var widths = [width]
    for layer in layers {
      let (rows, columns) = layer.weight.storage.shape.matrix("the weight of a linear layer")
      precondition(
        rows == width,
        "a layer takes what the one before gives: \(width) columns meet \(rows) rows of a weight")
      precondition(
        layer.bias.map { $0.count == columns } ?? true,
        "the bias has one scalar for each of \(columns) columns; got the shape "
          + "\(layer.bias?.shape ?? [])")
      width = columns
      widths.append(width)
    }
    inputs = widths[0]
    outputs = width
    network = .allocate(capacity: 1)
    network.initialize(to: fk_network())
    network.pointee.layers = Int64(layers.count)
    network.pointee.activation = code
    network.pointee.slope = slope
    withUnsafeMutableBytes(of: &network.pointee.widths) { bytes in
      let slots = bytes.assumingMemoryBound(to: Int64.self)
      for (index, width) in widths.enumerated() { slots[index] = Int64(width) }
    }
    withUnsafeMutableBytes(of: &network.pointee.weights) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeRawPointer?.self)
      for (index, layer) in layers.enumerated() {
        slots[index] = UnsafeRawPointer(layer.weight.storage.pointer)
      }
    }
    withUnsafeMutableBytes(of: &network.pointee.biases) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeRawPointer?.self)
      for (index, layer) in layers.enumerated() {
        slots[index] = (layer.bias?.storage.pointer).map { UnsafeRawPointer($0) }
      }
    }
    isPiecewise = fk_network_is_piecewise(network)
    preparedBytes =
      isPiecewise
      ? Int(fk_piecewise_bytes(kind.kernelType, network))
      : Int(fk_network_prepared_count(network)) * kind.size
    prepared = fk_allocate(preparedBytes)
    prepare()
  }

  deinit {
    fk_deallocate(prepared, preparedBytes)
    network.deallocate()
  }

  /// Makes anew what depends on the weights, which have changed in place.
  func prepare() {
    memories.note()
    if isPiecewise {
      fk_piecewise_prepare(kind.kernelType, network, prepared)
    } else {
      fk_network_prepare(kind.kernelType, network, prepared)
    }
  }

  /// Where the gradient of each parameter goes, by the place of the parameter.
  func gradient(_ place: (UnsafeRawPointer) -> UnsafeMutableRawPointer?) -> fk_network_gradient {
    withUnsafeBytes(of: &network.pointee.weights) { weights in
      withUnsafeBytes(of: &network.pointee.biases) { biases in
        let weights = weights.assumingMemoryBound(to: UnsafeRawPointer?.self)
        let biases = biases.assumingMemoryBound(to: UnsafeRawPointer?.self)
        return fk_network_gradient(
          layers: Int(network.pointee.layers), weights: { weights[$0].flatMap(place) },
          biases: { biases[$0].flatMap(place) })
      }
    }
  }

  /// What passes need of this network; good as long as it lives.
  var view: NetworkView {
    NetworkView(
      network: UnsafePointer(network), prepared: UnsafeRawPointer(prepared), kind: kind,
      isPiecewise: isPiecewise, outputs: outputs)
  }

  // MARK: - Sums by piece

  /// Doubles that the sums of a piecewise network take, and how many of them are in use.
  var sumCapacity: Int {
    2 * outputs * (Int(network.pointee.widths.1) + 1) * (Int(network.pointee.widths.2) + 1)
  }
  var sumCount: Int { 2 * outputs * Int(fk_piecewise_count(prepared)) }

  /// Adds to the gradient by the parameters what the sums say.
  func finish(_ sums: UnsafePointer<Double>, _ target: fk_network_gradient) {
    var target = target
    fk_piecewise_finish(kind.kernelType, network, prepared, sums, &target)
  }
}

/// A prepared network by pointers alone: tiles on many threads copy it without counting references,
/// which all of them would write to.
struct NetworkView {
  fileprivate let network: UnsafePointer<fk_network>
  fileprivate let prepared: UnsafeRawPointer
  let kind: ScalarKind
  let isPiecewise: Bool
  let outputs: Int

  /// What a forward pass of so many rows keeps for the way back.
  func savedBytes(rows: Int) -> Int {
    isPiecewise
      ? rows * MemoryLayout<Int32>.size
      : Int(fk_network_saved_count(network, Int64(rows))) * kind.size
  }

  /// y `[rows, outputs]` of x `[rows, inputs]`; `saved` is nil where there is no way back.
  func forward(
    rows: Int, _ x: UnsafeRawPointer, saved: UnsafeMutableRawPointer?, y: UnsafeMutableRawPointer
  ) {
    if isPiecewise {
      fk_piecewise_forward(
        kind.kernelType, network, prepared, Int64(rows), x,
        saved?.assumingMemoryBound(to: Int32.self), y)
    } else {
      fk_network_forward(kind.kernelType, network, prepared, Int64(rows), x, saved, y)
    }
  }

  /// The gradient by x, where it is wanted, and that by the parameters, added to `target`.
  func backward(
    rows: Int, _ x: UnsafeRawPointer, saved: UnsafeRawPointer, g: UnsafeRawPointer,
    gx: UnsafeMutableRawPointer?, target: NetworkGradient?
  ) {
    if isPiecewise {
      fk_piecewise_backward(
        kind.kernelType, network, prepared, Int64(rows), x,
        saved.assumingMemoryBound(to: Int32.self), g, gx, target?.sums)
    } else if var parameters = target?.parameters {
      fk_network_backward(
        kind.kernelType, network, prepared, Int64(rows), x, saved, g, gx, &parameters)
    } else {
      fk_network_backward(kind.kernelType, network, prepared, Int64(rows), x, saved, g, gx, nil)
    }
  }
}

extension fk_network_gradient {
  /// From the places of each layer; nil for what is not wanted.
  init(
    layers: Int, weights: (Int) -> UnsafeMutableRawPointer?,
    biases: (Int) -> UnsafeMutableRawPointer?
  ) {
    self.init()
    withUnsafeMutableBytes(of: &self.weights) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
      for layer in 0..<layers { slots[layer] = weights(layer) }
    }
    withUnsafeMutableBytes(of: &self.biases) { bytes in
      let slots = bytes.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
      for layer in 0..<layers { slots[layer] = biases(layer) }
    }
  }
}

/// Where a network's gradient by its parameters goes.
struct NetworkGradient {
  /// Of a network that is not piecewise linear.
  var parameters: fk_network_gradient?
  /// Of one that is: sums by piece, which become gradients at the end.
  var sums: UnsafeMutablePointer<Double>?
}
