import CFlowKernels
import Foundation
import Testing

@testable import Flows

/// A product with everything that may come with it, and its value worked out plainly in Double.
private struct ProductCase {
  let (m, n, k): (Int, Int, Int)
  let a: Tensor<Double>
  let b: Tensor<Double>
  let bias: Tensor<Double>
  let before: Tensor<Double>
  /// a · b and |a| · |b|.
  let product: [Double]
  let magnitude: [Double]

  init(_ m: Int, _ n: Int, _ k: Int) {
    (self.m, self.n, self.k) = (m, n, k)
    // Numbers that Float holds exactly, so that both types compute the same product.
    func values(_ shape: [Int], _ salt: UInt64) -> Tensor<Double> {
      Tensor(Tensor<Float>(sample(shape, in: -1..<1, salt: salt)))
    }
    let (left, right) = (values([m, k], 1), values([k, n], 2))
    (a, b) = (left, right)
    (bias, before) = (values([n], 3), values([m, n], 4))
    var product = [Double](repeating: 0, count: m * n)
    var magnitude = product
    left.withScalars { a in
      right.withScalars { b in
        var (i, q, j) = (0, 0, 0)
        while i < m {
          while q < k {
            while j < n {
              let term = a[i * k + q] * b[q * n + j]
              product[i * n + j] += term
              magnitude[i * n + j] += term.magnitude
              j += 1
            }
            (q, j) = (q + 1, 0)
          }
          (i, q) = (i + 1, 0)
        }
      }
    }
    (self.product, self.magnitude) = (product, magnitude)
  }

  /// What a variant should give, and how far from it a type of unit roundoff 1 may be: √k rounding
  /// errors of the sum of magnitudes, and a few of the result.
  func expected(_ variant: Variant) -> (values: [Double], tolerances: [Double]) {
    let (bias, before) = (bias.scalars, before.scalars)
    var (values, tolerances) = (product, magnitude)
    let root = Double(max(1, k)).squareRoot()
    for i in values.indices {
      if variant.hasBias { values[i] += bias[i % n] }
      if variant.accumulates { values[i] += before[i] }
      values[i] = variant.apply(values[i])
      tolerances[i] = root * magnitude[i] + 4 * (1 + values[i].magnitude)
    }
    return (values, tolerances)
  }
}

private struct Variant {
  var hasBias = false
  var activation = Activation.identity
  var accumulates = false

  static func all(rotating index: Int) -> [Variant] {
    let activations: [Activation] = [.tanh, .sigmoid, .elu(alpha: 0.5), .softplus]
    return [
      Variant(), Variant(hasBias: true), Variant(accumulates: true),
      Variant(hasBias: index.isMultiple(of: 2), activation: .relu),
      Variant(hasBias: !index.isMultiple(of: 2), activation: .leakyReLU(slope: 0.25)),
      Variant(hasBias: true, activation: activations[index % 4]),
    ]
  }

  func apply(_ x: Double) -> Double {
    switch activation {
    case .relu: max(x, 0)
    case .leakyReLU(let slope): x > 0 ? x : slope * x
    case .tanh: Foundation.tanh(x)
    case .sigmoid: 1 / (1 + Foundation.exp(-x))
    case .elu(let alpha): x > 0 ? x : alpha * expm1(x)
    case .softplus: log1p(Foundation.exp(x))
    default: x
    }
  }
}

@Suite("Matrix products")
struct MatrixProductTests {
  static let shapes: [(Int, Int, Int)] = [
    (0, 3, 2), (3, 0, 2), (3, 2, 0), (17, 33, 0), (0, 0, 0), (1, 1, 1), (1, 1, 1_030), (2, 1, 3),
    (3, 1, 17), (100, 1, 33), (33, 2, 65), (17, 3, 16), (65, 4, 100), (5, 4, 2), (4, 5, 3),
    (1, 17, 5), (1, 64, 31), (2, 65, 4), (5, 15, 16), (6, 16, 17), (7, 17, 15), (15, 31, 33),
    (16, 33, 5), (31, 16, 64), (12, 48, 8), (13, 96, 3), (33, 65, 31), (64, 64, 17), (100, 5, 513),
    (3, 4, 513), (2, 17, 513), (5, 33, 1_030), (513, 2, 16), (513, 3, 5), (1_030, 1, 4),
    (1_030, 5, 2), (4, 513, 3), (1, 1_030, 2), (17, 100, 65), (3, 5, 31), (31, 100, 1), (2, 2, 2),
  ]

  @Test("equal plain ones for every form, type and instruction set")
  func plain() {
    var worst = Worst()
    for (index, (m, n, k)) in Self.shapes.enumerated() {
      let product = ProductCase(m, n, k)
      for variant in Variant.all(rotating: index) {
        let expected = product.expected(variant)
        Self.compare(product, variant, expected, Float.self, &worst)
        Self.compare(product, variant, expected, Double.self, &worst)
      }
    }
    #expect(worst.ratio <= 1, "error / tolerance = \(worst.ratio): \(worst.text)")
  }

  private struct Worst {
    var ratio = 0.0
    var text = ""
  }

  private static func compare<S: TensorScalar>(
    _ product: ProductCase, _ variant: Variant,
    _ expected: (values: [Double], tolerances: [Double]), _: S.Type, _ worst: inout Worst
  ) {
    let (m, n, k) = (product.m, product.n, product.k)
    let (a, b, bias) = (Tensor<S>(product.a), Tensor<S>(product.b), Tensor<S>(product.bias))
    let (activation, slope) = variant.activation.fused ?? (FK_IDENTITY, 0)
    // NaN where the product must not read, and a margin behind the end that it must not touch.
    let start =
      variant.accumulates ? product.before.flattened() : .init(repeating: .nan, shape: [m * n])
    let fresh = Tensor<S>(.concatenated([start, .init(repeating: 123, shape: [24])]))
    for form in [FK_FORM_NN, FK_FORM_TN, FK_FORM_NT] {
      let left = form == FK_FORM_TN ? a.transposed() : a
      let right = form == FK_FORM_NT ? b.transposed() : b
      for set in InstructionSet.available {
        var c = fresh
        let memory = c.uniqueMemory()
        InstructionSet.with(set) {
          fk_matmul(
            S.scalarKind.kernelType, form, Int64(m), Int64(n), Int64(k), left.storage.pointer,
            right.storage.pointer, memory, variant.hasBias ? bias.storage.pointer : nil,
            activation, slope, variant.accumulates)
        }
        let found = Tensor<Double>(c).scalars
        let epsilon = Double(S.ulpOfOne)
        var (ratio, at, i) = (0.0, 0, 0)
        while i < m * n {
          let error = (found[i] - expected.values[i]).magnitude / (epsilon * expected.tolerances[i])
          if !(error <= ratio) { (ratio, at) = (error.isNaN ? .infinity : error, i) }
          i += 1
        }
        let isIntact = found.suffix(24).allSatisfy { $0 == 123 }
        if ratio <= worst.ratio && isIntact { continue }
        worst.ratio = isIntact ? ratio : .infinity
        worst.text =
          "[\(m), \(n), \(k)], form \(form.rawValue), \(S.self), \(variant), \(set): "
          + (isIntact
            ? "found \(found[at]) at \(at), expected \(expected.values[at])"
            : "memory behind the result was written")
      }
    }
  }

  @Test("pass NaN on through every activation")
  func notANumber() {
    let weight = Tensor<Float>(repeating: .nan, shape: [3, 5])
    let activations: [Activation] = [
      .identity, .relu, .leakyReLU(), .tanh, .sigmoid, .elu(), .softplus, .silu, .gelu,
    ]
    for set in InstructionSet.available {
      for activation in activations {
        for columns in [2, 5] {
          let w = weight.slice(0..<columns, axis: 1)
          let y = InstructionSet.with(set) {
            linear(Tensor<Float>.ones([8, 3]), weight: w, activation: activation)
          }
          #expect(y.scalars.allSatisfy { $0.isNaN }, "\(activation) on \(set): \(y)")
        }
      }
    }
  }

  @Test("do not depend on the other rows of the batch")
  func rowsAlone() {
    let x = Tensor<Float>(sample([37, 19]))
    for columns in [5, 16, 33, 96] {
      let weight = Tensor<Float>(sample([19, columns]))
      for set in InstructionSet.available {
        let (whole, parts) = InstructionSet.with(set) {
          let parts = (0..<37).map { x[rows: $0..<($0 + 1)].matmul(weight) }
          return (x.matmul(weight), Tensor.concatenated(parts))
        }
        #expect(whole == parts, "\(columns) columns on \(set)")
      }
    }
  }
}
