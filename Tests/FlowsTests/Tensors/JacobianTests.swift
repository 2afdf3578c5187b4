import Flows
import Testing

@Suite("Jacobians")
struct JacobianTests {
  @Test("of a function of a vector")
  func vector() {
    let x = Tensor<Double>([0.5, -1, 2])
    let (value, j) = jacobian(at: x) { x in
      .concatenated([x.slice(0..<2, axis: 0) * x.slice(1..<3, axis: 0), x.sum().expanded(axis: 0)])
    }
    #expect(value == Tensor([-0.5, -2, 1.5]))
    #expect(j == Tensor([[-1, 0.5, 0], [0, 2, -1], [1, 1, 1]]))
  }

  @Test("of the identity and of a constant")
  func trivial() {
    let x = Tensor<Double>([1, 2])
    let identity = jacobian(at: x) { $0 }.jacobian
    #expect(identity == .identity(2))
    let constant = jacobian(at: x) { _ in Tensor([3, 4, 5]) }.jacobian
    #expect(constant == .zeros([3, 2]))
  }

  @Test("of rows, each on its own")
  func rows() {
    let x = sample([6, 3])
    let matrix = sample([3, 4])
    let (value, j) = rowJacobians(at: x) { tanh($0.matmul(matrix)) }
    #expect(value == tanh(x.matmul(matrix)))
    #expect(j.shape == [6, 4, 3])
    var worst = 0.0
    for row in 0..<6 {
      for i in 0..<4 {
        for k in 0..<3 {
          let expected = (1 - value[row, i] * value[row, i]) * matrix[k, i]
          worst = max(worst, (j[row, i, k] - expected).magnitude)
        }
      }
    }
    #expect(worst < 1e-14, "\(worst)")
  }

  @Test("times a row vector")
  func vectorProduct() {
    let x = sample([4])
    let matrix = sample([4, 3])
    let v = sample([3], salt: 1)
    func f(_ x: Tensor<Double>) -> Tensor<Double> {
      exp(x.expanded(axis: 0).matmul(matrix)).squeezed(axis: 0)
    }
    let (value, product) = vectorJacobianProduct(at: x, vector: v, f)
    #expect(value == f(x) && !value.isTracked)
    let full = jacobian(at: x, f).jacobian
    let expected = v.expanded(axis: 0).matmul(full).squeezed(axis: 0)
    #expect(abs(product - expected).max(axis: 0).scalar < 1e-14)
  }
}
