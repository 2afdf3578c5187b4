@testable import Flows

/// A flow as a user writes one: x₁ = z₁, x₂ = z₂ + slope · z₁.
struct Shear<Scalar: TensorScalar>: StorableFlow {
  struct Configuration: Codable, Sendable {}

  static var identifier: String { "org.example.Shear" }

  var slope: Tensor<Scalar>

  init(slope: Tensor<Scalar>) { self.slope = slope }
  init(configuration: Configuration) { slope = Tensor(0) }

  var configuration: Configuration { Configuration() }
  var dimension: Int { 2 }
  var hasConstantLogDet: Bool { true }

  private func sheared(_ x: Tensor<Scalar>, _ slope: Tensor<Scalar>) -> Transformed<Scalar> {
    let first = x.columns([0])
    let second = x.columns([1]) + first * slope
    return Transformed(
      value: .concatenated([first, second], axis: 1), logDet: .zeros([x.shape[0]]))
  }

  func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    sheared(z, slope)
  }

  func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    sheared(x, -slope)
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("slope", &slope)
  }
}
