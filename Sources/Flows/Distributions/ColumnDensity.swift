internal import CFlowKernels

/// All that defines many base densities but their tensors.
public struct BaseConfiguration: Hashable, Sendable, Codable {
  /// The number of columns.
  public var dimension: Int
  /// Whether the parameters are trained.
  public var isLearnable: Bool
}

/// What a location-scale base is made of, but for its tensors.
public typealias LocationScaleConfiguration = BaseConfiguration

/// log x of a positive, normal number.
func logarithm(_ x: Double) -> Double { fk_portable_log(x) }

/// The kernels of a density with independent columns, on parameters `[dimension]` in the order and
/// form that the kernels take (densities.c).
struct ColumnDensity<Scalar: TensorScalar> {
  private let family: fk_family
  private let parameters: [Storage]

  init(_ family: fk_family, _ parameters: [Tensor<Scalar>]) {
    self.family = family
    self.parameters = parameters.map(\.storage)
  }

  /// Parameters are tensors `[dimension]` of one shape.
  static func check(_ parameters: [(name: String, tensor: Tensor<Scalar>)]) {
    let shape = parameters[0].tensor.shape
    precondition(
      shape.count == 1 && shape[0] > 0 && parameters.allSatisfy { $0.tensor.shape == shape },
      "\(parameters.map(\.name).joined(separator: ", ")) have one scalar per column; got the "
        + "shapes \(parameters.map { "\($0.tensor.shape)" }.joined(separator: ", "))")
  }

  /// The logarithm of a parameter that has to be positive.
  static func logarithm(_ name: String, _ tensor: Tensor<Scalar>) -> Tensor<Scalar> {
    precondition(
      tensor.withScalars { $0.allSatisfy { $0 > 0 && $0.isFinite } },
      "every \(name) is positive and finite")
    return log(tensor)
  }

  private func pointers() -> [UnsafeRawPointer?] {
    (0..<3).map { $0 < parameters.count ? UnsafeRawPointer(parameters[$0].pointer) : nil }
  }

  /// log p of each row `[rows]`; −∞ with a gradient of zero where a column is outside the support.
  func logDensity(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    let (input, family, parameters) = (x.storage, family, parameters)
    let (rows, columns) = input.shape.matrix("the argument of a density")
    let tapes = parameters.map(\.activeTape)
    let tape = tapes.reduce(input.activeTape) { Tape.recording($0, $1) }
    let tracksX = tape != nil && input.activeTape === tape
    let tracked = tapes.map { tape != nil && $0 === tape }
    let result = Storage(Shape(rows), input.kind, tape: tape)
    fk_column_density(
      input.type, family, Int64(rows), Int64(columns), input.pointer, pointers(), result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let gx = tracksX ? Storage(input.shape, input.kind) : nil
      let gradients: [UnsafeMutableRawPointer?] = (0..<3).map { index in
        guard index < parameters.count, tracked[index] else { return nil }
        let parameter = parameters[index]
        return tape.zeroedAccumulator(for: parameter.node, like: parameter).pointer
      }
      fk_column_density_backward(
        input.type, family, Int64(rows), Int64(columns), input.pointer, self.pointers(),
        g.pointer, gx?.pointer, gradients)
      if let gx { tape.add(gx, to: input.node) }
    }
    return Tensor(result)
  }

  func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> { map(x, inverse: false) }

  func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    map(probability, inverse: true)
  }

  private func map(_ x: Tensor<Scalar>, inverse: Bool) -> Tensor<Scalar> {
    let input = x.storage
    let (rows, columns) = input.shape.matrix("the argument of a distribution function")
    precondition(
      columns == parameters[0].count,
      "a distribution function of \(parameters[0].count) columns got the shape \(x.shape)")
    let result = Storage(input.shape, input.kind)
    fk_column_map(
      input.type, family, inverse, Int64(rows), Int64(columns), input.pointer, pointers(),
      result.pointer)
    return Tensor(result)
  }
}
