import CFlowKernels

@testable import Flows

/// Ones on and below the diagonal.
private let lower: [[Double]] = (0..<4).map { i in (0..<4).map { $0 <= i ? 1 : 0 } }

extension DerivativeTable {
  mutating func addFlowSteps() {
    addCouplings()
    addRoots()
    let (x, location, scale) = (sample([5, 3], in: -3..<3), sample([3]), sample([3], salt: 9))
    for (name, family) in [
      ("Gaussian", FK_GAUSSIAN), ("Laplace", FK_LAPLACE), ("logistic", FK_LOGISTIC),
    ] {
      add("\(name) log-density", x, location, scale) {
        locationScaleLogDensity(family, $0[0], location: $0[1], logScale: $0[2])
      }
      add("\(name) log-density, point fixed", location, scale) {
        locationScaleLogDensity(family, Tensor<S>(x), location: $0[0], logScale: $0[1])
      }
    }
    let triangle = sample([4, 4], salt: 3) * Tensor<Double>(lower) + Tensor<Double>.identity(4) * 3
    add("inverse of a triangle", triangle) {
      ($0[0] * Tensor<S>(Tensor<Double>(lower))).inverseOfLowerTriangle()
    }
    add("quotient by a capacitance", sample([5, 3])) { $0[0].dividedByCapacitance().quotient }
    add("quotient by a capacitance, collinear", sample([5, 3]) * 0.01 + 30) {
      $0[0].dividedByCapacitance().quotient
    }
    add("log-determinant of a capacitance", sample([5, 3])) {
      $0[0].dividedByCapacitance().logDeterminant
    }
    add("quotient by a capacitance and log-determinant, wide", sample([2, 4])) {
      let (quotient, logDeterminant) = $0[0].dividedByCapacitance()
      return quotient.squared() + logDeterminant
    }
  }

  private mutating func addRoots() {
    let (t, p, e) = (sample([4, 3], in: -3..<3), sample([4, 1], in: -0.8..<2), sample([3]))
    let q = sample([1, 1], in: 0.4..<1)
    add("root of y + p tanh(q y + e) = t", t, p, q, e) {
      rootOfTanhEquation($0[0], p: $0[1], q: $0[2], e: $0[3])
    }
    add("root of y + p tanh(q y + e) = t, p alone", p) {
      rootOfTanhEquation(Tensor<S>(t), p: $0[0], q: Tensor<S>(q), e: Tensor<S>(e))
    }
  }

  private mutating func addCouplings() {
    // 5 columns of which 3 change, out of order; 90 rows make more than one run of the kernel.
    let list = IndexList([4, 0, 2])
    let (x, shift) = (sample([4, 5]), sample([4, 3], salt: 1))
    let (raw, joint) = (clearOfZero([4, 3]), clearOfZero([4, 6]))
    let (longX, longJoint) = (sample([90, 5]), clearOfZero([90, 6]))
    let scales: [CouplingScale] = [
      .tanh(), .tanh(bound: 2.5), .soft(), .soft(bound: 1.5), .free, .softplus(),
    ]

    @Sendable func step(
      _ x: Tensor<S>, _ parameters: CouplingParameters<S>, _ scale: CouplingScale,
      _ direction: CouplingDirection
    ) -> Tensor<S> {
      let y = coupling(x, parameters, scale: scale, columns: list, direction)
      return .concatenated([y.value.flattened(), y.logDet])
    }
    for direction in [CouplingDirection.toData, .toLatent] {
      for scale in scales {
        add("coupling \(direction), \(scale), separate", x, raw, shift) {
          step($0[0], .separate(raw: $0[1], shift: $0[2]), scale, direction)
        }
        add("coupling \(direction), \(scale), joint", x, joint) {
          step($0[0], .joint($0[1]), scale, direction)
        }
      }
      add("coupling \(direction), long", longX, longJoint) {
        step($0[0], .joint($0[1]), .soft(), direction)
      }
      add("coupling \(direction), additive", x, shift) {
        step($0[0], .additive($0[1]), .free, direction)
      }
      add("coupling \(direction), value alone", x, joint) {
        coupling($0[0], .joint($0[1]), scale: .tanh(), columns: list, direction).value
      }
      add("coupling \(direction), logDet alone", x, joint) {
        coupling($0[0], .joint($0[1]), scale: .tanh(), columns: list, direction).logDet
      }
      add("coupling \(direction), raw is the shift", x, raw) {
        step($0[0], .separate(raw: $0[1], shift: $0[1]), .tanh(), direction)
      }
    }
  }
}
