/// A masked layer as other libraries have it, `[out, in]`.
struct PeerMaskedLayer<Scalar: TensorScalar> {
  /// Zero where the mask is.
  var weight: Tensor<Scalar>
  var mask: Tensor<Scalar>
  var bias: Tensor<Scalar>

  /// For each unit the largest of the degrees that it sees; 0 where it sees nothing.
  func highest(_ degrees: [Int]) -> [Int] {
    let flags = mask.scalars
    return (0..<bias.count).map { unit in
      let row = unit * degrees.count
      return degrees.indices.reduce(0) {
        flags[row + $1] == 1 ? Swift.max($0, degrees[$1]) : $0
      }
    }
  }
}

extension PeerArrays {
  /// A layer from `name.weight`, `name.bias` and `name.mask`.
  func maskedLayer(_ name: String, inputs: Int?) throws -> PeerMaskedLayer<Scalar> {
    let weight = try array(name + ".weight", shape: [nil, inputs])
    let mask = try flags(name + ".mask", shape: weight.shape)
    return PeerMaskedLayer(
      weight: weight * mask, mask: mask,
      bias: try array(name + ".bias", shape: [weight.shape[0]]))
  }

  /// Layers that follow each other.
  func maskedLayers(_ names: [String]) throws -> [PeerMaskedLayer<Scalar>] {
    var width: Int?
    return try names.map { name in
      let layer = try maskedLayer(name, inputs: width)
      width = layer.bias.count
      return layer
    }
  }

  /// An autoregressive map from a masked network.
  ///
  /// Units get their degrees from the masks, whatever rule made those, and are sorted by them. What is
  /// masked has a weight of zero here.
  ///
  /// - Parameters:
  ///   - layers: the network, which sees the columns and then the context, and gives the parameters of
  ///     each column in turn.
  ///   - groups: the place of each column in the order in which they depend on each other.
  ///   - name: what to call it in errors.
  func autoregressive(
    _ layers: [PeerMaskedLayer<Scalar>], groups: [Int], _ univariate: PeerUnivariate<Scalar>,
    activation: Activation, name: String
  ) throws -> Autoregressive<Scalar> {
    let dimension = groups.count
    let context = layers[0].weight.shape[1] - dimension
    let columns = groups.indices.sorted { (groups[$0], $0) < (groups[$1], $1) }
    let passes = (groups.max() ?? 0) + 1
    let size = (dimension + passes - 1) / passes
    guard context >= 0, columns.enumerated().allSatisfy({ groups[$1] == $0 / size }) else {
      throw FlowsError(
        .unsupported,
        "expected groups of as many columns each, but for the last one, that the network sees; found "
          + "\(excerpt(groups))", field: name)
    }
    // A degree counts the groups that are seen; the last layer must see less than a column's own.
    var degrees = groups.map { $0 + 1 } + [Int](repeating: 0, count: context)
    var places = Array(dimension..<(dimension + context)) + columns
    var hiddenDegrees: [[Int]] = []
    var sorted: [Linear<Scalar>] = []
    for layer in layers.dropLast() {
      let seen = layer.highest(degrees)
      let rows = seen.indices.sorted { (seen[$0], $0) < (seen[$1], $1) }
      hiddenDegrees.append(rows.map { seen[$0] })
      sorted.append(
        Linear(
          weight: layer.weight.rows(rows).columns(places).transposed(),
          bias: layer.bias.gathering(rows, axis: 0)))
      (degrees, places) = (seen, rows)
    }
    let last = layers[layers.count - 1]
    let (seen, count) = (last.highest(degrees), univariate.order.count)
    guard seen.indices.allSatisfy({ seen[$0] <= groups[$0 / count] }) else {
      throw FlowsError(
        .invalidData, "the masks let a column depend on itself or on one after it", field: name)
    }
    let outputs = univariate.outputs(
      of: columns, Linear(weight: last.weight.columns(places), bias: last.bias))
    sorted.append(Linear(weight: outputs.weight.transposed(), bias: outputs.bias))
    var flow = try Autoregressive<Scalar>(
      configuration: .init(
        dimension: dimension, order: columns, passes: passes, contextDimension: context,
        hidden: hiddenDegrees.map(\.count), activation: activation,
        transforms: [univariate.transform], hiddenDegrees: hiddenDegrees))
    flow.network.layers = sorted
    return flow
  }
}
