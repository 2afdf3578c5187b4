/// How the weights of a linear layer start.
public enum Initializer: Hashable, Sendable, Codable {
  /// PyTorch's default: weights and bias uniform in ±1/√fan-in.
  case pyTorch
  /// Weights uniform in ±gain·√(6 / (fan-in + fan-out)); bias as PyTorch's default
  /// (Glorot and Bengio, AISTATS 2010).
  case xavierUniform(gain: Double = 1)
  /// All zero: a layer that ignores its input, and a coupling that starts as the identity.
  case zero

  /// Weights `[inputs, outputs]`.
  func weights<S: TensorScalar>(
    _ inputs: Int, _ outputs: Int, using generator: inout PhiloxGenerator
  ) -> Tensor<S> {
    let bound: Double
    switch self {
    case .zero: return .zeros([inputs, outputs])
    case .pyTorch: bound = 1 / Double(inputs).squareRoot()
    case .xavierUniform(let gain): bound = gain * (6 / Double(inputs + outputs)).squareRoot()
    }
    return .uniform([inputs, outputs], in: S(-bound)..<S(bound), using: &generator)
  }

  /// A bias `[outputs]`.
  func bias<S: TensorScalar>(
    _ inputs: Int, _ outputs: Int, using generator: inout PhiloxGenerator
  ) -> Tensor<S> {
    if self == .zero { return .zeros([outputs]) }
    let bound = S(1 / Double(inputs).squareRoot())
    return .uniform([outputs], in: -bound..<bound, using: &generator)
  }
}
