import Testing

@testable import Flows

@Suite("Tensors are values")
struct ValueSemanticsTests {
  @Test("a copy keeps its scalars when the other changes")
  func copies() {
    var a = Tensor<Float>([1, 2, 3])
    let b = a
    a.withMutableScalars { $0[0] = 9 }
    #expect(a == Tensor([9, 2, 3]) && b == Tensor([1, 2, 3]))
  }

  @Test("a tensor held once changes in place")
  func inPlace() {
    var a = Tensor<Float>([1, 2, 3])
    let before = a.storage.pointer
    a.withMutableScalars { $0[1] = 5 }
    #expect(a.storage.pointer == before && a == Tensor([1, 5, 3]))
  }

  @Test("a view keeps its scalars when the source changes, and the other way round")
  func views() {
    var a = Tensor<Float>([[1, 2], [3, 4], [5, 6]])
    var view = a[rows: 1..<3]
    let flat = a.flattened()
    #expect(view.storage.pointer == a.storage.pointer + 8)
    a.withMutableScalars { $0[2] = 99 }
    #expect(view == Tensor([[3, 4], [5, 6]]) && flat == Tensor([1, 2, 3, 4, 5, 6]))
    view.withMutableScalars { $0[0] = -1 }
    #expect(a == Tensor([[1, 2], [99, 4], [5, 6]]) && flat == Tensor([1, 2, 3, 4, 5, 6]))
  }

  @Test("a view outlives its source")
  func viewAlone() {
    func tail() -> Tensor<Double> { sample([100, 3])[rows: 97..<100] }
    #expect(tail() == Tensor(Array(sample([100, 3]).scalars.suffix(9))).reshaped(to: [3, 3]))
  }

  @Test("the description shows small tensors, and the shape of large ones")
  func description() {
    #expect(Tensor<Float>([[1, 2], [3, 4]]).description == "[[1.0, 2.0],\n [3.0, 4.0]]")
    #expect(Tensor<Double>(2.5).description == "2.5")
    #expect(Tensor<Double>.zeros([0]).description == "[]")
    #expect(Tensor<Float>.zeros([2_000]).description == "Tensor<Float>(shape: [2000])")
  }

  @Test("conversion between scalar types rounds to nearest")
  func conversion() {
    let values = [0.1, 1e300, -1e-300, .infinity, 16_777_217]
    #expect(Tensor<Float>(Tensor<Double>(values)) == Tensor(values.map { Float($0) }))
    #expect(Tensor<Double>(Tensor<Float>([0.1])) == Tensor([Double(Float(0.1))]))
  }

  @Test("equal only with equal shapes, and never with NaN")
  func equality() {
    #expect(Tensor<Float>([1, 2]) != Tensor([[1, 2]]))
    #expect(Tensor<Float>([.nan]) != Tensor([.nan]))
    #expect(Tensor<Float>.zeros([0, 2]) == Tensor.zeros([0, 2]))
  }
}
