import Flows

extension DerivativeTable {
  mutating func addFunctions() {
    let wide = sample([3, 7], in: -4..<4)
    let small = sample([2, 5], in: -1e-3..<1e-3, salt: 1)
    let corners = clearOfZero([3, 7], salt: 2)
    let positive = sample([3, 7], in: 0.1..<5, salt: 3)
    let aboveMinusOne = sample([3, 7], in: -0.8..<3, salt: 4)
    let long = sample([67], in: -3..<3, salt: 5)

    add("exp", wide) { exp($0[0]) }
    add("exp, long", long) { exp($0[0]) }
    add("expMinusOne", wide) { expMinusOne($0[0]) }
    add("expMinusOne, small", small) { expMinusOne($0[0]) }
    add("log", positive) { log($0[0]) }
    add("log(onePlus:)", aboveMinusOne) { log(onePlus: $0[0]) }
    add("log(onePlus:), small", small) { log(onePlus: $0[0]) }
    add("sqrt", positive) { sqrt($0[0]) }
    add("abs", corners) { abs($0[0]) }
    add("sin", wide) { sin($0[0]) }
    add("cos", wide) { cos($0[0]) }
    add("atan", wide) { atan($0[0]) }
    add("tanh", wide) { tanh($0[0]) }
    add("tanh, long", long) { tanh($0[0]) }
    add("sigmoid", wide) { sigmoid($0[0]) }
    add("softplus", wide) { softplus($0[0]) }
    add("logSigmoid", wide) { logSigmoid($0[0]) }
    add("relu", corners) { relu($0[0]) }
    add("leakyReLU", corners) { leakyReLU($0[0]) }
    add("leakyReLU, slope 0.3", corners) { leakyReLU($0[0], slope: 0.3) }
    add("leakyReLU, slope -0.3", corners) { leakyReLU($0[0], slope: -0.3) }
    add("elu", corners) { elu($0[0]) }
    add("elu, alpha 0.7", corners) { elu($0[0], alpha: 0.7) }
    add("elu, alpha -0.7", corners) { elu($0[0], alpha: -0.7) }
    add("silu", wide) { silu($0[0]) }
    add("gelu", wide) { gelu($0[0]) }
    add("erf", wide) { erf($0[0]) }
    add("floor", corners) { floor($0[0] * 3 + 0.01) }
    add("logGamma", positive) { logGamma($0[0]) }
    add("digamma", positive) { digamma($0[0]) }
    add("digamma, below 0", Tensor([-0.3, -1.6, -2.45])) { digamma($0[0]) }
    add("signum", corners) { $0[0].signum() }
    add("squared", wide) { $0[0].squared() }
    add("reciprocal", corners) { $0[0].reciprocal() }
    add("power(2.5)", positive) { $0[0].power(2.5) }
    add("power(-1.5)", positive) { $0[0].power(-1.5) }
    add("power(3), negative base", corners) { $0[0].power(3) }
    add("scaled", wide) { $0[0].scaled(by: -0.75, plus: 2) }
    add("clipped", wide) { $0[0].clipped(to: -1.1...2.3) }
    add("detached factor", wide) { $0[0].detached * $0[0] - $0[0].detached * $0[0] + $0[0] }
    add("a chain", wide) { tanh(exp(sigmoid($0[0]).squared())) * sin($0[0]) }
  }
}
