import Flows

/// One differentiable operation: where it is tried, and what it does.
///
/// Inputs are given in `Double`; the function takes them in `S`, so that one row serves both types.
struct DerivativeRow<S: TensorScalar>: Sendable, CustomStringConvertible {
  let name: String
  let inputs: [Tensor<Double>]
  let function: @Sendable ([Tensor<S>]) -> Tensor<S>

  var description: String { name }
}

/// All differentiable operations.
///
/// A new one is one more line in one of the groups
/// (`DerivativeTable+….swift`); every check of derivatives then covers it.
struct DerivativeTable<S: TensorScalar> {
  private(set) var rows: [DerivativeRow<S>] = []

  init() {
    addArithmetic()
    addFunctions()
    addReductions()
    addShapes()
    addProducts()
    addFlowSteps()
    addColumnTransforms()
    addImages()
  }

  mutating func add(
    _ name: String, _ inputs: Tensor<Double>...,
    function: @escaping @Sendable ([Tensor<S>]) -> Tensor<S>
  ) {
    rows.append(DerivativeRow(name: name, inputs: inputs, function: function))
  }
}

/// Fixed pseudo-random values in a range; different shapes and salts give different values.
func sample(_ shape: [Int], in range: Range<Double> = -1.5..<1.5, salt: UInt64 = 0)
  -> Tensor<Double>
{
  let stream = shape.reduce(salt &* 1_000_003) { $0 &* 31 &+ UInt64($1) &+ 1 }
  var generator = PhiloxGenerator(seed: 20_240_229, stream: stream)
  return .uniform(shape, in: range, using: &generator)
}

/// Values of both signs whose magnitude stays clear of 0, where some functions have a corner.
func clearOfZero(_ shape: [Int], salt: UInt64 = 0) -> Tensor<Double> {
  let magnitude = sample(shape, in: 0.2..<1.7, salt: salt)
  let sign = sample(shape, in: -1..<1, salt: salt &+ 77).signum()
  return magnitude * sign
}

/// The inputs of a row as a model, so that derivatives by all of them come from one recording.
struct Inputs<S: TensorScalar>: Parameterized {
  typealias Scalar = S
  var tensors: [Tensor<S>]

  mutating func visitParameters<V: ParameterVisitor<S>>(_ visitor: inout V) {
    for index in tensors.indices { visitor.visit("\(index)", &tensors[index]) }
  }
}
