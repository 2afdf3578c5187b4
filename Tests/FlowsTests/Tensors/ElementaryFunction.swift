import Flows

/// An elementary function, its reference in a wider type, and the error that its kernels may have.
struct ElementaryFunction<S: TensorScalar, Wide>: Sendable, CustomStringConvertible {
  let name: String
  /// In ulp of the exact value, on every instruction set: the largest error found, and some slack.
  let bound: Double
  let function: @Sendable (Tensor<S>) -> Tensor<S>
  let reference: @Sendable (Wide) -> Wide

  init(
    _ name: String, _ bound: Double, _ function: @escaping @Sendable (Tensor<S>) -> Tensor<S>,
    _ reference: @escaping @Sendable (Wide) -> Wide
  ) {
    (self.name, self.bound, self.function, self.reference) = (name, bound, function, reference)
  }

  var description: String { name }
}

/// The worst error of a run, in ulp.
struct WorstUlp: CustomStringConvertible {
  var ulps = 0.0
  var argument = 0.0
  var found = 0.0
  var expected = 0.0

  /// Takes note of an error; NaN counts as infinite.
  mutating func note(_ ulps: Double, _ argument: Double, _ found: Double, _ expected: Double) {
    if ulps <= self.ulps { return }
    self = WorstUlp(
      ulps: ulps.isNaN ? .infinity : ulps, argument: argument, found: found, expected: expected)
  }

  var description: String {
    "\(ulps) ulp at \(argument): found \(found), expected \(expected)"
  }
}
