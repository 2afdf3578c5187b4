import Testing

@testable import Flows

@Suite("Initializers")
struct InitializerTests {
  private func layer(_ initializer: Initializer) -> Linear<Float> {
    var generator = PhiloxGenerator(seed: 4)
    return Linear(inputs: 16, outputs: 400, initializer: initializer, using: &generator)
  }

  /// Uniform in ±bound: within it, near it at both ends, and of variance bound²/3.
  private func isUniform(_ x: Tensor<Float>?, _ bound: Float) -> Bool {
    guard let scalars = x?.scalars, let low = scalars.min(), let high = scalars.max() else {
      return false
    }
    let variance = scalars.reduce(0) { $0 + $1 * $1 } / Float(scalars.count)
    return low >= -bound && high < bound && low < -0.97 * bound && high > 0.97 * bound
      && (variance / (bound * bound / 3) - 1).magnitude < 0.15
  }

  @Test("PyTorch's rule: uniform in ±1/√inputs, weights and bias alike")
  func pyTorch() {
    let layer = layer(.pyTorch)
    #expect(layer.weight.shape == [16, 400] && layer.bias?.shape == [400])
    #expect(isUniform(layer.weight, 0.25))
    #expect(isUniform(layer.bias, 0.25))
  }

  @Test("Glorot's rule: uniform in ±gain·√(6 / (inputs + outputs))")
  func xavier() {
    let bound = Float(6.0 / 416).squareRoot()
    #expect(isUniform(layer(.xavierUniform()).weight, bound))
    #expect(isUniform(layer(.xavierUniform(gain: 3)).weight, 3 * bound))
    #expect(isUniform(layer(.xavierUniform()).bias, 0.25))
  }

  @Test("zero: all zero, and nothing drawn")
  func zero() {
    var generator = PhiloxGenerator(seed: 4)
    let layer = Linear<Double>(inputs: 3, outputs: 2, initializer: .zero, using: &generator)
    #expect(layer.weight == .zeros([3, 2]) && layer.bias == .zeros([2]))
    #expect(generator.position == 0)
  }

  @Test("are reproducible, and one draw per scalar")
  func reproducible() {
    var generator = PhiloxGenerator(seed: 9)
    let network = MLP<Float>(inputs: 3, hidden: [5, 4], outputs: 2, using: &generator)
    #expect(generator.position == UInt64(network.parameterCount))
    var other = PhiloxGenerator(seed: 9)
    let again = MLP<Float>(inputs: 3, hidden: [5, 4], outputs: 2, using: &other)
    #expect(again.namedTensors.map { $0.tensor } == network.namedTensors.map { $0.tensor })
  }
}
