/// The arrays of another library's flow, checked as they are read.
struct PeerArrays<Scalar: TensorScalar> {
  let file: any NamedTensors
  private let names: Set<String>

  init(_ file: any NamedTensors) {
    self.file = file
    names = Set(file.names)
  }

  // MARK: - Names

  func contains(_ name: String) -> Bool { names.contains(name) }

  /// The names that begin so, in order.
  func names(from start: String) -> [String] { names.filter { $0.hasPrefix(start) }.sorted() }

  /// The numbers that follow in names.
  func numbers(after start: String) -> [Int] {
    let found = names(from: start).compactMap { name in
      name.dropFirst(start.count).split(separator: ".", maxSplits: 1).first.flatMap { Int($0) }
    }
    return Set(found).sorted()
  }

  /// What names begin with for each of a list of transforms, with a dot at the end.
  func parts(after start: String) throws -> [String] {
    let found = numbers(after: start)
    if found.isEmpty {
      throw FlowsError(
        .modelMismatch,
        "no array has a name that begins so; found \(listed(names.sorted()))", field: start)
    }
    guard found == Array(0..<found.count) else {
      throw FlowsError(
        .unsupported,
        "expected arrays for each transform from 0 on, found them for \(excerpt(found)); the others "
          + "are of a kind that has none", field: start)
    }
    return found.map { "\(start)\($0)." }
  }

  /// Refuses what stands beside the parts that are read.
  func refuse(_ start: String, except: [String] = [], _ reason: String) throws {
    if let name = names(from: start).first(where: { !except.contains($0) }) {
      throw FlowsError(.unsupported, reason, field: name)
    }
  }

  // MARK: - Arrays

  /// An array of finite numbers; nil stands for any length from 1 on.
  func array(_ name: String, shape: [Int?]) throws -> Tensor<Scalar> {
    guard contains(name) else {
      throw FlowsError(.modelMismatch, "the file has no array of this name", field: name)
    }
    let found = try file.shape(of: name)
    guard found.count == shape.count,
      zip(found, shape).allSatisfy({ $0 > 0 && ($1 == nil || $0 == $1) })
    else {
      let expected = shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
      throw FlowsError(
        .modelMismatch, "expected the shape [\(expected)], found \(found)", field: name)
    }
    let tensor = try file.tensor(name, as: Scalar.self)
    guard tensor.isFinite else {
      throw FlowsError(
        .invalidData, "expected finite \(Scalar.self) values, found others", field: name)
    }
    return tensor
  }

  /// Whole numbers from 0 to below a bound, which is their count where nil.
  func indices(_ name: String, below bound: Int? = nil) throws -> [Int] {
    let scalars = try array(name, shape: [nil]).scalars
    let bound = bound ?? scalars.count
    return try scalars.map { value in
      guard value >= 0, value < Scalar(bound), value == value.rounded() else {
        throw FlowsError(
          .invalidData, "expected whole numbers from 0 to \(bound - 1), found \(value)",
          field: name)
      }
      return Int(value)
    }
  }

  /// Zeros and ones.
  func flags(_ name: String, shape: [Int?]) throws -> Tensor<Scalar> {
    let tensor = try array(name, shape: shape)
    guard tensor.scalars.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw FlowsError(.invalidData, "expected only 0 and 1, found others", field: name)
    }
    return tensor
  }

  // MARK: - Networks

  /// Layers of a plain perceptron, weights `[out, in]` still.
  func layers(_ names: [String], inputs: Int? = nil) throws -> [Linear<Scalar>] {
    var width = inputs
    return try names.map { name in
      let weight = try array(name + ".weight", shape: [nil, width])
      width = weight.shape[0]
      return Linear(weight: weight, bias: try array(name + ".bias", shape: [width]))
    }
  }

  /// The coupling of a network's layers.
  func coupling(
    _ layers: [Linear<Scalar>], passes: [Bool], _ univariate: PeerUnivariate<Scalar>,
    activation: Activation, name: String
  ) throws -> Coupling<Scalar> {
    let passed = passes.filter { $0 }.count
    let inputs = layers.first.map { $0.weight.shape[1] } ?? 0
    guard passed > 0, passed < passes.count, inputs >= passed else {
      throw FlowsError(
        .modelMismatch,
        "expected that some of \(counted(passes.count, "column")) pass and that the network sees "
          + "them, found \(passed) that pass and \(counted(inputs, "input"))", field: name)
    }
    var coupling = try Coupling<Scalar>(
      configuration: .init(
        dimension: passes.count, mask: .given(passes), contextDimension: inputs - passed,
        hidden: layers.dropLast().map { $0.weight.shape[0] }, activation: activation,
        transforms: [univariate.transform]))
    let columns = Array(0..<(passes.count - passed))
    coupling.network.layers = layers.enumerated().map { index, layer in
      let isLast = index == layers.count - 1
      let used = isLast ? univariate.outputs(of: columns, layer) : layer
      return Linear(weight: used.weight.transposed(), bias: used.bias)
    }
    return coupling
  }

  // MARK: - Flows

  /// Transforms in the order data → latent, under the beginnings of their names.
  func composition(_ flows: [(name: String, flow: any Flow<Scalar>)]) throws
    -> Composition<Scalar>
  {
    let dimension = flows[0].flow.dimension
    let context = flows.map(\.flow.contextDimension).max() ?? 0
    for (name, flow) in flows {
      guard flow.dimension == dimension else {
        throw FlowsError(
          .modelMismatch,
          "expected \(counted(dimension, "column")), as those before have, found "
            + "\(flow.dimension)", field: name)
      }
      guard flow.contextDimension == 0 || flow.contextDimension == context else {
        throw FlowsError(
          .modelMismatch,
          "expected \(counted(context, "context column")), as others have, found "
            + "\(flow.contextDimension)", field: name)
      }
    }
    return Composition(dimension: dimension, flows.reversed().map(\.flow))
  }
}

/// The map of a column as another library parametrizes it.
struct PeerUnivariate<Scalar: TensorScalar> {
  let transform: ColumnTransform
  /// Which of a column's outputs gives each parameter.
  var order: [Int]
  /// What each parameter is multiplied by; nil for 1.
  var factors: [Scalar]?

  /// - Parameters:
  ///   - affine: raw log-scale and shift, in the order of a column's outputs.
  ///   - spline: its number of bins follows from that of parameters.
  init(
    parameters: Int, affine: (transform: ColumnTransform, order: [Int])?,
    spline: RationalQuadraticSpline, name: String
  ) throws {
    if parameters == 2, let affine {
      (transform, order) = affine
    } else if parameters >= 5 && parameters % 3 == 2 {
      var spline = spline
      spline.bins = (parameters + 1) / 3
      transform = .spline(spline)
      order = Array(0..<parameters)
    } else {
      let others = affine == nil ? "" : "2 outputs for a column (affine) or "
      throw FlowsError(
        .unsupported,
        "expected \(others)3·bins − 1 outputs for a column (a spline), found \(parameters)",
        field: name)
    }
  }

  /// Outputs of some columns, each with its parameters in our order; weights `[out, in]`.
  func outputs(of columns: [Int], _ layer: Linear<Scalar>) -> Linear<Scalar> {
    let rows = columns.flatMap { column in order.map { column * order.count + $0 } }
    var weight = layer.weight.rows(rows)
    var bias = layer.bias?.gathering(rows, axis: 0)
    if let factors {
      let all = Tensor(columns.flatMap { _ in factors })
      weight = weight * all.reshaped(to: [rows.count, 1])
      bias = bias.map { $0 * all }
    }
    return Linear(weight: weight, bias: bias)
  }
}
