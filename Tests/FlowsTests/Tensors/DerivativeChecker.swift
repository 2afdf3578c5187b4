import Flows

/// A comparison of derivatives with central differences.
///
/// The step is h = 1e-6. For values of order 1 its truncation error is h²|f‴|/6 ≈ 1e-13 and its
/// rounding error ε·|L|/h ≈ 1e-10 for a loss of terms that add up to |L|; the tolerance of 1e-7
/// relative to the scale max(1, Σ|terms|, |derivatives|) leaves room for higher derivatives and for
/// kernels of a few ulp, yet no wrong formula comes that close on random points.
enum DerivativeChecker {
  static let step = 1e-6
  static let tolerance = 1e-7
  /// Entries of one input that are moved one by one; larger inputs are sampled evenly, and all
  /// entries together are covered by moving along a random direction.
  static let entries = 24

  /// The worst disagreement that was found.
  struct Disagreement: CustomStringConvertible {
    var input = 0
    /// nil for the derivative along a random direction.
    var entry: Int?
    var found = 0.0
    var expected = 0.0
    var relative = 0.0

    var description: String {
      let place = entry.map { "entry \($0)" } ?? "a random direction"
      return "input \(input), \(place): found \(found), expected \(expected), "
        + "relative difference \(relative)"
    }
  }

  /// A random weighted sum of a function's output.
  static func loss<S>(_ y: Tensor<S>) -> Tensor<S> {
    (y * Tensor<S>(sample(y.shape, salt: 4_711))).sum()
  }

  static func worst(of row: DerivativeRow<Double>) -> Disagreement {
    func loss(_ inputs: [Tensor<Double>]) -> Double {
      DerivativeChecker.loss(row.function(inputs)).scalar
    }
    let derivative = gradient(at: Inputs(tensors: row.inputs)) {
      DerivativeChecker.loss(row.function($0.tensors))
    }
    let y = row.function(row.inputs)
    let terms = abs(y * sample(y.shape, salt: 4_711)).sum().scalar
    var worst = Disagreement()
    for (index, input) in row.inputs.enumerated() {
      let exact = derivative.tensors[index].scalars
      let scale = exact.reduce(max(1, terms)) { max($0, $1.magnitude) }
      func compare(_ direction: [(entry: Int, weight: Double)], entry: Int?) {
        func moved(_ h: Double) -> Double {
          var inputs = row.inputs
          inputs[index].withMutableScalars { for (i, w) in direction { $0[i] += h * w } }
          return loss(inputs)
        }
        let expected = (moved(step) - moved(-step)) / (2 * step)
        let found = direction.reduce(0) { $0 + exact[$1.entry] * $1.weight }
        let relative = (found - expected).magnitude / scale
        // A NaN counts as a disagreement, too.
        if !(relative <= worst.relative) {
          worst = Disagreement(
            input: index, entry: entry, found: found, expected: expected,
            relative: relative.isNaN ? .infinity : relative)
        }
      }
      for entry in stride(from: 0, to: input.count, by: max(1, input.count / entries)) {
        compare([(entry, 1)], entry: entry)
      }
      let norm = Double(max(1, input.count)).squareRoot()
      let direction = sample([input.count], salt: 5).scalars.map { $0 / norm }
      compare(direction.enumerated().map { ($0.offset, $0.element) }, entry: nil)
    }
    return worst
  }
}
