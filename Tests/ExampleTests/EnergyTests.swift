import ExampleSupport
import Flows
import Testing

@testable import fit2d

@Suite("Energies as tensor operations")
struct EnergyTests {
  @Test("equal the scalar form, values and gradients", arguments: ["u1", "u2"])
  func equalTheScalarForm(name: String) throws {
    let energy = try #require(ToyEnergies.named(name))
    var generator = PhiloxGenerator(seed: 11)
    let points = Tensor<Double>.uniform([200, 2], in: -4.8..<4.8, using: &generator)
    let logDensity: (Tensor<Double>) -> Tensor<Double> =
      name == "u1" ? { EnergyTensors.twoSidedRing($0) } : { EnergyTensors.sineValley($0) }
    let values = logDensity(points).scalars
    let expected = energy.logDensities(of: points.scalars)
    let worst = zip(values, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
    #expect(worst < 1e-9)

    let gradients = gradient(at: points) { logDensity($0).sum() }.scalars
    let slopes = energy.gradients(of: points.scalars)
    let worstSlope =
      zip(gradients, slopes).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? .infinity
    #expect(worstSlope < 1e-8)
  }

  @Test("every energy has a tensor form")
  func complete() {
    for name in ToyEnergies.names { #expect(EnergyTensors.logDensity(name) != nil, "\(name)") }
  }
}
