import Flows
import Foundation
import Testing

/// The rules as PyTorch's documentation states them, one scalar at a time.
private struct ReferenceOptimizer {
  let optimizer: Optimizer
  var step = 0
  var first: [Double]
  var second: [Double]

  init(_ optimizer: Optimizer, count: Int) {
    self.optimizer = optimizer
    first = [Double](repeating: 0, count: count)
    second = first
  }

  mutating func update(_ x: inout [Double], _ gradient: [Double], _ rate: Double) {
    step += 1
    for i in x.indices {
      var g = gradient[i]
      switch optimizer {
      case .adam(let b1, let b2, let epsilon, let decay):
        g += decay * x[i]
        x[i] -= rate * adam(i, g, b1, b2, epsilon)
      case .adamW(let b1, let b2, let epsilon, let decay):
        x[i] -= rate * decay * x[i]
        x[i] -= rate * adam(i, g, b1, b2, epsilon)
      case .sgd(let momentum, let isNesterov, let decay):
        g += decay * x[i]
        if momentum != 0 {
          first[i] = step == 1 ? g : momentum * first[i] + g
          g = isNesterov ? g + momentum * first[i] : first[i]
        }
        x[i] -= rate * g
      }
    }
  }

  private mutating func adam(_ i: Int, _ g: Double, _ b1: Double, _ b2: Double, _ epsilon: Double)
    -> Double
  {
    first[i] = b1 * first[i] + (1 - b1) * g
    second[i] = b2 * second[i] + (1 - b2) * g * g
    let mean = first[i] / (1 - pow(b1, Double(step)))
    let square = second[i] / (1 - pow(b2, Double(step)))
    return mean / (square.squareRoot() + epsilon)
  }
}

@Suite("Optimizers")
struct OptimizerTests {
  static let optimizers: [Optimizer] = [
    .adam(), .adam(beta1: 0.8, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.1), .adamW(),
    .adamW(beta1: 0.5, beta2: 0.9, epsilon: 1e-2, weightDecay: 0.3), .sgd(), .sgd(momentum: 0.9),
    .sgd(momentum: 0.9, nesterov: true), .sgd(momentum: 0.5, nesterov: true, weightDecay: 0.1),
  ]

  /// A gradient that depends on the place and the step.
  private func slope(_ x: [Double], _ step: Int) -> [Double] {
    x.enumerated().map { $1 * (1 + 0.1 * Double($0)) + cos(Double(step + $0)) }
  }

  @Test("follow PyTorch's rules on every instruction set", arguments: optimizers)
  func reference(_ optimizer: Optimizer) {
    for set in InstructionSet.available {
      let start = sample([37]).scalars
      var reference = ReferenceOptimizer(optimizer, count: 37)
      var (expected, model) = (start, Tensor<Double>(start))
      var state = OptimizerState(optimizer, for: model)
      var worst = 0.0
      for step in 0..<25 {
        let rate = 0.05 / Double(step + 1)
        reference.update(&expected, slope(expected, step), rate)
        let gradient = Tensor(slope(model.scalars, step))
        InstructionSet.with(set) { state.update(&model, along: gradient, learningRate: rate) }
        worst = zip(model.scalars, expected).reduce(worst) { max($0, ($1.0 - $1.1).magnitude) }
      }
      #expect(state.step == 25)
      #expect(worst < 1e-13, "\(optimizer) on \(set): off by \(worst)")
    }
  }

  @Test("work in Float as in Double", arguments: optimizers)
  func single(_ optimizer: Optimizer) {
    var (a, b) = (Tensor<Float>(sample([20])), Tensor<Double>(Tensor<Float>(sample([20]))))
    var (stateA, stateB) = (OptimizerState(optimizer, for: a), OptimizerState(optimizer, for: b))
    for step in 0..<20 {
      let gradient = slope(b.scalars, step)
      stateA.update(&a, along: Tensor(gradient.map { Float($0) }), learningRate: 0.01)
      stateB.update(&b, along: Tensor(gradient), learningRate: 0.01)
    }
    let worst = zip(a.scalars, b.scalars).map { (Double($0) - $1).magnitude }.max() ?? 0
    #expect(worst < 1e-5, "\(optimizer): \(worst)")
  }

  @Test("clip by the norm over all parameters")
  func norm() {
    let gradient = Inputs<Double>(tensors: [Tensor([3, 0]), Tensor([[0], [4]])])
    func moved(_ clipping: GradientClipping) -> [Double] {
      var model = Inputs<Double>(tensors: [.zeros([2]), .zeros([2, 1])])
      var state = OptimizerState(.sgd(), for: model)
      state.update(&model, along: gradient, learningRate: 1, clipping: clipping)
      return model.tensors.flatMap(\.scalars)
    }
    #expect(moved(.none) == [-3, 0, 0, -4])
    #expect(moved(.norm(5)) == [-3, 0, 0, -4])
    #expect(moved(.norm(100)) == [-3, 0, 0, -4])
    #expect(moved(.norm(2.5)) == [-1.5, 0, 0, -2])
    #expect(moved(.value(3.5)) == [-3, 0, 0, -3.5])
    #expect(moved(.value(1)) == [-1, 0, 0, -1])
  }

  @Test("leave the gradient and copies of the model alone")
  func copies() {
    var model = Tensor<Float>([1, 2])
    let (before, gradient) = (model, Tensor<Float>([5, -5]))
    var state = OptimizerState(.adam(), for: model)
    let saved = state
    state.update(&model, along: gradient, learningRate: 0.1, clipping: .value(1))
    #expect(before == Tensor([1, 2]) && gradient == Tensor([5, -5]) && saved.step == 0)
    // A copy of the state goes on from where it was copied, whatever the other did.
    var (again, copy) = (before, saved)
    copy.update(&again, along: gradient, learningRate: 0.1, clipping: .value(1))
    #expect(again == model)
  }

  @Test("find the minimum of a quadratic function", arguments: optimizers.filter { $0 != .adamW() })
  func minimum(_ optimizer: Optimizer) {
    var model = Tensor<Double>([3, -2])
    var state = OptimizerState(optimizer, for: model)
    let start = model.squared().sum().scalar
    for _ in 0..<200 {
      let g = gradient(at: model) { ($0 * $0).sum() }
      state.update(&model, along: g, learningRate: 0.02)
    }
    #expect(model.squared().sum().scalar < start / 4, "\(optimizer): \(model)")
  }
}
