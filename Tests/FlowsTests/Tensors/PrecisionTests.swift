import Flows
import Testing

@Suite("Float against Double")
struct PrecisionTests {
  /// Relative to the largest magnitude in the tensor, or 1: about 300 roundings of 2⁻²⁴, which
  /// sums over 2,500 terms and products of 65 terms stay below.
  static let bound = 2e-5

  @Test(
    "values and gradients of the derivative table agree",
    arguments: [
      InstructionSet.baseline, .avx2, .avx512,
    ].filter(InstructionSet.available.contains))
  func table(_ set: InstructionSet) {
    let rows = zip(DerivativeTable<Float>().rows, DerivativeTable<Double>().rows)
    var worst = (name: "", part: "", difference: -1.0)
    for (single, double) in rows {
      // Both types start from the same numbers: those that Float can hold.
      let floats = Inputs(tensors: single.inputs.map { Tensor<Float>($0) })
      let doubles = Inputs(tensors: floats.tensors.map { Tensor<Double>($0) })
      let differences = InstructionSet.with(set) {
        let values = Self.difference(
          single.function(floats.tensors), double.function(doubles.tensors))
        let a = gradient(at: floats) { DerivativeChecker.loss(single.function($0.tensors)) }
        let b = gradient(at: doubles) { DerivativeChecker.loss(double.function($0.tensors)) }
        let gradients = zip(a.tensors, b.tensors).map { Self.difference($0, $1) }
        return [("value", values)]
          + gradients.enumerated().map { ("gradient \($0.offset)", $0.element) }
      }
      for (part, difference) in differences where !(difference <= worst.difference) {
        worst = (single.name, part, difference.isNaN ? .infinity : difference)
      }
    }
    #expect(
      worst.difference <= Self.bound,
      "\(worst.name), \(worst.part) on \(set): relative difference \(worst.difference)")
  }

  static func difference(_ a: Tensor<Float>, _ b: Tensor<Double>) -> Double {
    guard a.shape == b.shape else { return .infinity }
    let (x, y) = (a.scalars.map(Double.init), b.scalars)
    let scale = y.reduce(1) { max($0, $1.magnitude) }
    let differences = zip(x, y).map { ($0 - $1).magnitude / scale }
    return differences.first(where: \.isNaN) ?? differences.max() ?? 0
  }
}
