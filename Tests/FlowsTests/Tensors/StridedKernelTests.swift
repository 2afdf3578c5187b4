import Testing

@testable import Flows

/// Random shapes of up to six axes, zero extents among them, against plain index arithmetic.
@Suite("Strided operations equal plain ones", .serialized)
struct StridedKernelTests {
  static let cases = 150

  /// Runs a comparison for many random cases on every set and reports the first difference.
  private func compare(_ seed: UInt64, _ body: (inout RandomCases) -> String?) {
    for set in InstructionSet.available {
      var cases = RandomCases(seed: seed)
      for number in 0..<Self.cases {
        if let difference = InstructionSet.with(set, { body(&cases) }) {
          Issue.record("case \(number) on \(set): \(difference)")
          return
        }
      }
    }
  }

  @Test("binary operations with broadcasting")
  func binary() {
    compare(1) { cases in
      let shape = cases.shape()
      // Together the operands need not span the whole shape; Shape.broadcast says which they do.
      let a = sample(cases.operand(of: shape), in: 0.5..<2, salt: 1)
      let b = sample(cases.operand(of: shape), in: 0.5..<2, salt: 2)
      let common = Shape.broadcast(a.storage.shape, b.storage.shape).array
      let (x, y) = (NaiveArray(a), NaiveArray(b))
      let quotient = NaiveArray(common) { x[broadcast: $0] / y[broadcast: $0] }
      let larger = NaiveArray(common) { max(x[broadcast: $0], y[broadcast: $0]) }
      let above = NaiveArray(common) { x[broadcast: $0] > y[broadcast: $0] ? 1 : 0 }
      return quotient.difference(from: a / b) ?? larger.difference(from: .maximum(a, b))
        ?? above.difference(from: a .> b)
    }
  }

  @Test("broadcast and select")
  func broadcast() {
    compare(2) { cases in
      let shape = cases.shape()
      let a = sample(cases.operand(of: shape), salt: 1)
      let mask = (sample(cases.operand(of: shape), salt: 2) .> 0)
      let (x, m) = (NaiveArray(a), NaiveArray(mask))
      let full = sample(shape, salt: 3)
      let y = NaiveArray(full)
      let stretched = NaiveArray(shape) { x[broadcast: $0] }
      let chosen = NaiveArray(shape) { m[broadcast: $0] != 0 ? x[broadcast: $0] : y[$0] }
      return stretched.difference(from: a.broadcast(to: shape))
        ?? chosen.difference(from: .select(where: mask, a, else: full))
    }
  }

  @Test("permuted")
  func permuted() {
    compare(3) { cases in
      let a = sample(cases.shape())
      let order = cases.order(a.rank)
      let x = NaiveArray(a)
      let expected = NaiveArray(order.map { a.shape[$0] }) { index in
        var source = [Int](repeating: 0, count: a.rank)
        for (axis, from) in order.enumerated() { source[from] = index[axis] }
        return x[source]
      }
      return expected.difference(from: a.permuted(order))
    }
  }

  @Test("sums over axes")
  func sums() {
    compare(4) { cases in
      let a = sample(cases.shape())
      let axes = (0..<a.rank).filter { _ in cases.integer(0..<2) == 0 }
      let x = NaiveArray(a)
      var expected = NaiveArray(a.shape.enumerated().map { axes.contains($0) ? 1 : $1 }) { _ in 0 }
      NaiveArray.indices(of: a.shape) { index in
        expected[index.enumerated().map { axes.contains($0) ? 0 : $1 }] += x[index]
      }
      return expected.difference(from: a.sum(axes: axes, keepingAxes: true), tolerance: 1e-12)
    }
  }

  @Test("maximum and minimum over an axis")
  func extremes() {
    compare(5) { cases in
      let shape = cases.shape(rank: 1..<7)
      let a = sample(shape)
      let axis = cases.integer(0..<shape.count)
      if shape[axis] == 0 { return nil }
      let x = NaiveArray(a)
      var kept = shape
      kept[axis] = 1
      func extreme(_ choose: (Double, Double) -> Double) -> NaiveArray {
        NaiveArray(kept) { index in
          (1..<max(1, shape[axis])).reduce(x[index]) { best, position in
            var other = index
            other[axis] = position
            return choose(best, x[other])
          }
        }
      }
      return extreme(max).difference(from: a.max(axis: axis, keepingAxis: true))
        ?? extreme(min).difference(from: a.min(axis: axis, keepingAxis: true))
    }
  }

  @Test("slices, and joining them again")
  func slices() {
    compare(6) { cases in
      let shape = cases.shape(rank: 1..<7)
      let a = sample(shape)
      let axis = cases.integer(0..<shape.count)
      let lower = cases.integer(0..<(shape[axis] + 1))
      let upper = cases.integer(lower..<(shape[axis] + 1))
      let x = NaiveArray(a)
      var sliced = shape
      sliced[axis] = upper - lower
      let expected = NaiveArray(sliced) { index in
        var source = index
        source[axis] += lower
        return x[source]
      }
      let parts = [0..<lower, lower..<upper, upper..<shape[axis]].map { a.slice($0, axis: axis) }
      return expected.difference(from: parts[1])
        ?? x.difference(from: .concatenated(parts, axis: axis - shape.count))
    }
  }

  @Test("gathering and scattering")
  func gathering() {
    compare(7) { cases in
      let shape = cases.shape(rank: 1..<7)
      let a = sample(shape)
      let axis = cases.integer(0..<shape.count)
      let count = shape[axis] == 0 ? 0 : cases.integer(0..<9)
      let indices = (0..<count).map { _ in cases.integer(0..<shape[axis]) }
      let x = NaiveArray(a)
      var gathered = shape
      gathered[axis] = count
      let expected = NaiveArray(gathered) { index in
        var source = index
        source[axis] = indices[index[axis]]
        return x[source]
      }
      let targets = (0..<shape[axis]).map { _ in cases.integer(0..<6) }
      var scattered = shape
      scattered[axis] = 6
      var sums = NaiveArray(scattered) { _ in 0 }
      NaiveArray.indices(of: shape) { index in
        var target = index
        target[axis] = targets[index[axis]]
        sums[target] += x[index]
      }
      return expected.difference(from: a.gathering(indices, axis: axis))
        ?? sums.difference(from: a.scattering(targets, axis: axis, count: 6), tolerance: 1e-13)
    }
  }
}
