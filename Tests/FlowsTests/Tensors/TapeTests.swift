import Testing

@testable import Flows

@Suite("The tape")
struct TapeTests {
  let x = Tensor<Double>([0.5, -1, 2])

  @Test("adds the gradients of a tensor that is used twice")
  func usedTwice() {
    let g = gradient(at: x) { x in (x * x + x * 3 + x.squared()).sum() }
    #expect(g == x * 4 + 3)
  }

  @Test("keeps apart gradients that the operands of a sum share")
  func sharedGradient() {
    let pair = Inputs(tensors: [x, x * 2])
    let g = gradient(at: pair) { pair in
      let (a, b) = (pair.tensors[0], pair.tensors[1])
      // Both get one gradient from the sum; then each gets another of its own.
      return (a * 5).sum() + (b * 7).sum() + (a + b).sum()
    }
    #expect(g.tensors[0] == Tensor([6, 6, 6]))
    #expect(g.tensors[1] == Tensor([8, 8, 8]))
    let reversed = gradient(at: pair) { pair in
      let (a, b) = (pair.tensors[0], pair.tensors[1])
      return (a + b).sum() + (a * 5).sum() + (b * 7).sum() + (b + a).sum()
    }
    #expect(reversed.tensors[0] == Tensor([7, 7, 7]))
    #expect(reversed.tensors[1] == Tensor([9, 9, 9]))
  }

  @Test("keeps apart gradients that share memory through a view")
  func sharedView() {
    // The sum gives one gradient to `a` and, seen as a vector, to `b`. What is added to the one
    // must not reach the other.
    let b = Tensor<Double>([1, 2, 3])
    let g = gradient(at: b) { b in
      let a = b.reshaped(to: [1, 3]) * 10
      let other = b * 100
      let sum = a + b.reshaped(to: [1, 3])
      return sum.sum() + other.sum()
    }
    #expect(g == Tensor([111, 111, 111]), "\(g)")
    let h = gradient(at: b) { b in
      let a = (b * 10).expanded(axis: 0)
      let other = b.matmulRow(.identity(3)) * 100
      return (a + b.expanded(axis: 0)).sum() + other.sum()
    }
    #expect(h == Tensor([111, 111, 111]), "\(h)")
  }

  @Test("leaves the gradient that it returned alone")
  func returnedGradients() {
    let pair = Inputs(tensors: [x, x])
    var g = gradient(at: pair) { ($0.tensors[0] + $0.tensors[1]).sum() }
    g.tensors[0].withMutableScalars { $0[0] = 99 }
    #expect(g.tensors[1] == Tensor([1, 1, 1]))
  }

  @Test("gives zeros for what the loss does not depend on")
  func independent() {
    let (value, g) = valueAndGradient(at: x) { _ in Tensor(3) }
    #expect(value == 3)
    #expect(g == Tensor([0, 0, 0]))
    let one = gradient(at: Inputs(tensors: [x, x])) { $0.tensors[1].sum() }
    #expect(one.tensors[0] == Tensor([0, 0, 0]))
  }

  @Test("returns the derivative 1 for the tensor itself")
  func itself() {
    let (value, g) = valueAndGradient(at: Tensor(2.5)) { $0 }
    #expect(value == 2.5)
    #expect(g == Tensor(1))
  }

  @Test("takes an outer recording's tensors as constants")
  func nested() {
    let outer = gradient(at: x) { x in
      for order in 0..<4 {
        let inner = gradient(at: Tensor<Double>([1, 2, 3])) { w in
          switch order {
          case 0: (w * x).sum()
          case 1: (x * w).sum()
          case 2: Tensor.concatenated([x.squared(), w * x]).sum()
          default: linear(w.expanded(axis: 0), weight: x.expanded(axis: 1), bias: x[rows: 0..<1])
          }
        }
        #expect(inner == x.detached, "order \(order): \(inner)")
      }
      return (x * x).sum()
    }
    #expect(outer == x * 2)
  }

  @Test("makes constants of tensors that outlive it")
  func escaped() {
    var kept = x
    _ = gradient(at: x) { x in
      kept = x * 2
      #expect(kept.isTracked && x.isTracked && !x.detached.isTracked)
      return kept.sum()
    }
    #expect(!kept.isTracked)
    #expect(kept + 1 == x * 2 + 1)
    let g = gradient(at: x) { ($0 * kept).sum() }
    #expect(g == x * 2)
  }

  @Test("survives long chains")
  func longChain() {
    let g = gradient(at: Tensor(1.0)) { x in
      var y = x
      for _ in 0..<20_000 { y = y + 1e-3 }
      return y
    }
    #expect(g == Tensor(1))
  }

  @Test("gives a gradient of the model's own type")
  func model() {
    var generator = PhiloxGenerator(seed: 3)
    let network = MLP<Double>(inputs: 2, hidden: [4], outputs: 1, using: &generator)
    let input = sample([5, 2])
    let (value, g) = valueAndGradient(at: network) { $0(input).squared().sum() }
    #expect(value == network(input).squared().sum().scalar)
    let residual = network(input) * 2
    #expect(g.layers[1].bias == residual.sum(axis: 0))
    #expect(g.namedTensors.map { $0.name } == network.namedTensors.map { $0.name })
    #expect(g.namedTensors.map { $0.tensor.shape } == network.namedTensors.map { $0.tensor.shape })
    #expect(!g.layers[0].weight.isTracked)
  }

  @Test("passes errors on")
  func errors() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try valueAndGradient(at: x) { _ in throw Stop() } }
  }
}

extension Tensor {
  /// A vector times a matrix.
  fileprivate func matmulRow(_ matrix: Tensor) -> Tensor {
    expanded(axis: 0).matmul(matrix).squeezed(axis: 0)
  }
}
