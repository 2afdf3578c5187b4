import FlowChecks
import Testing

@testable import Flows

@Suite("Matrices as flows")
struct LinearFlowTests {
  private let x = Tensor<Double>([[0.5, -1, 2], [-0.3, 0.7, 0.1]])

  @Test("LU gives the numbers of nflows from its parameters")
  func luOfNflows() {
    var layer = LULinear<Double>(dimension: 3)
    layer.lower = Tensor([0.4, -0.7, 0.3])
    layer.upper = Tensor([0.6, -0.2, 0.9])
    layer.diagonal = Tensor([0.5, -1, 0.2])
    layer.bias = Tensor([0.1, -0.3, 0.8])
    let result = layer.inverse(x)
    let expected = Tensor<Double>([
      [-0.4124615079099466, 0.9807537093177985, 3.2027222880446793],
      [0.20747690474596803, 0.05297394316114318, 0.8976750079948084],
    ])
    #expect(deviation("LU", found: result.value, expected: expected, tolerance: 1e-14) == nil)
    #expect(
      deviation(
        "log-determinant", found: result.logDet.scalars,
        expected: [-1.4069886377229903, -1.4069886377229903], tolerance: 1e-14) == nil)
    #expect(
      deviation(
        "weight", found: x.matmul(layer.weight.transposed()) + layer.bias, expected: expected,
        tolerance: 1e-14) == nil)
  }

  @Test("LU with a permutation is LU of permuted columns")
  func permutation() {
    var (plain, permuting) = (
      LULinear<Double>(dimension: 3), LULinear<Double>(dimension: 3, permutation: [2, 0, 1])
    )
    #expect(deviation("start", found: plain.inverse(x).value, expected: x, tolerance: 1e-15) == nil)
    for value in [Tensor<Double>([0.4, -0.7, 0.3])] {
      (plain.lower, permuting.lower) = (value, value)
      (plain.upper, permuting.upper) = (value * 2, value * 2)
    }
    #expect(
      deviation(
        "columns", found: permuting.inverse(x).value,
        expected: plain.inverse(x.columns([2, 0, 1])).value, tolerance: 1e-15) == nil)
    #expect(
      deviation(
        "weight", found: x.matmul(permuting.weight.transposed()),
        expected: permuting.inverse(x).value, tolerance: 1e-14) == nil)
  }

  @Test("LU of 64 columns is inverted in Float, with diagonals from 0.001 to 1000")
  func conditioning() {
    var generator = PhiloxGenerator(seed: 1)
    var layer = LULinear<Float>(dimension: 64, diagonal: .exp)
    layer.lower = .normal(layer.lower.shape, using: &generator) * 0.05
    layer.upper = .normal(layer.upper.shape, using: &generator) * 0.05
    layer.diagonal = .linearSpace(-6.9...6.9, count: 64)
    // U = diagonal · (unit triangle), of which the inverse is benign, in rows of different size.
    var (entries, next) = (layer.upper.scalars, 0)
    let scale = exp(layer.diagonal).scalars
    for row in 0..<63 {
      for _ in row + 1..<64 {
        entries[next] *= scale[row]
        next += 1
      }
    }
    layer.upper = Tensor(entries)
    let rows = Tensor<Float>.normal([50, 64], using: &generator)
    let back = layer.forward(layer.inverse(rows).value).value
    #expect(deviation("round trip", found: back, expected: rows, tolerance: 1e-4) == nil)
    let sum = layer.inverse(rows).logDet + layer.forward(rows).logDet
    #expect(deviation("log-determinants", found: sum, expected: .zeros([50]), tolerance: 0) == nil)
  }

  @Test("reflections give the numbers of nflows from its vectors")
  func householderOfNflows() {
    let layer = Householder<Double>(
      vectors: Tensor([[0.5, -1, 2], [-0.3, 0.7, 0.1], [1.2, 0.4, -0.6], [0.2, 0.9, -1.1]]))
    let expected = Tensor<Double>([
      [-1.5002485114499973, -1.3421767588062044, -1.094447784050266],
      [0.6243333808287648, 0.134428974580029, -0.42677474196147797],
    ])
    #expect(
      deviation("value", found: layer.inverse(x).value, expected: expected, tolerance: 1e-14) == nil
    )
  }

  @Test("reflections are orthogonal to rounding, whatever their vectors", arguments: [1, 2, 9, 64])
  func orthogonality(dimension: Int) {
    var generator = PhiloxGenerator(seed: 2)
    let drawn = Householder<Float>(
      dimension: dimension, startsAsIdentity: false, using: &generator)
    // Nearly parallel vectors of different lengths, and one that is zero.
    var parallel =
      Tensor<Float>.normal([1, dimension], using: &generator)
      + Tensor<Float>.normal([12, dimension], using: &generator) * 1e-3
    parallel = parallel * Tensor<Float>((0..<12).map { [Float($0) * 1e3] })
    for layer in [drawn, Householder(vectors: parallel)] {
      let matrix = layer.inverse(.identity(dimension)).value
      let back = layer.forward(matrix).value
      #expect(
        deviation("inverse", found: back, expected: .identity(dimension), tolerance: 3e-6) == nil)
      #expect(
        deviation(
          "transpose", found: matrix.matmul(matrix.transposed()), expected: .identity(dimension),
          tolerance: 3e-6) == nil)
    }
    let start = Householder<Float>(dimension: dimension, reflections: 6, using: &generator)
    #expect(
      deviation(
        "start", found: start.inverse(.identity(dimension)).value, expected: .identity(dimension),
        tolerance: 1e-5) == nil)
  }

  @Test("a random rotation is orthogonal, and uniform")
  func rotation() {
    var generator = PhiloxGenerator(seed: 3)
    var corner: [Double] = []
    for _ in 0..<2_000 {
      let matrix = Orthogonal<Double>.random(dimension: 3, using: &generator).matrix
      corner.append(matrix[0, 0] + matrix[2, 1])
    }
    // Entries have mean 0 and variance 1/3.
    let mean = corner.reduce(0, +) / 2_000
    let square = corner.reduce(0) { $0 + $1 * $1 } / 2_000
    #expect(Swift.abs(mean) < 0.08 && Swift.abs(square - 2.0 / 3) < 0.08, "\(mean), \(square)")
    let wide = Orthogonal<Double>.random(dimension: 60, using: &generator).matrix
    #expect(
      deviation(
        "transpose", found: wide.matmul(wide.transposed()), expected: .identity(60),
        tolerance: 1e-14) == nil)
  }

  @Test("a matrix that is no rotation is refused")
  func notOrthogonal() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Orthogonal<Double>(Tensor([[1, 0], [0.1, 1]]))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("the matrix of a rotation times its transpose is the identity"))
  }
}
