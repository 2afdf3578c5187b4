import ExampleSupport
import Foundation
import Testing

@Suite("Toy energies")
struct ToyEnergyTests {
  private func mass(_ energy: any ToyEnergy, over window: PlotWindow, cellsPerSide: Int) -> Double {
    let area = window.area / Double(cellsPerSide * cellsPerSide)
    return energy.logDensities(of: window.gridCenters(cellsPerSide)).reduce(0) {
      $0 + exp($1) * area
    }
  }

  @Test("the table holds both energies")
  func table() {
    #expect(ToyEnergies.names == ["u1", "u2"])
    #expect(ToyEnergies.named("u2")?.name == "u2")
    #expect(ToyEnergies.named("u9") == nil)
  }

  @Test("gradients agree with central differences", arguments: ToyEnergies.names)
  func gradients(name: String) throws {
    let energy = try #require(ToyEnergies.named(name))
    var generator = SplitMix(seed: 5)
    var points: [Double] = []
    for _ in 0..<200 {
      points.append(9.6 * generator.uniform() - 4.8)
      points.append(9.6 * generator.uniform() - 4.8)
    }
    let gradients = energy.gradients(of: points)
    let h = 1e-5
    for index in stride(from: 0, to: points.count, by: 2) {
      let (x, y) = (points[index], points[index + 1])
      let byX = (energy.logDensity(x + h, y) - energy.logDensity(x - h, y)) / (2 * h)
      let byY = (energy.logDensity(x, y + h) - energy.logDensity(x, y - h)) / (2 * h)
      #expect(abs(gradients[index] - byX) < 1e-6 * (1 + abs(byX)))
      #expect(abs(gradients[index + 1] - byY) < 1e-6 * (1 + abs(byY)))
    }
    #expect(energy.gradient(0, 0).x.isFinite && energy.gradient(0, 0).y.isFinite)
  }

  @Test("the recorded normaliser is that of the energy", arguments: ToyEnergies.names)
  func normalizer(name: String) throws {
    let energy = try #require(ToyEnergies.named(name))
    let total = mass(energy, over: energy.window.scaled(by: 2), cellsPerSide: 800)
    #expect(abs(log(total) - energy.logNormalizer) < 1e-9)
  }

  @Test("the window holds the mass", arguments: ToyEnergies.names)
  func windowMass(name: String) throws {
    let energy = try #require(ToyEnergies.named(name))
    let inside = mass(energy, over: energy.window, cellsPerSide: 800)
    #expect(inside / exp(energy.logNormalizer) >= 0.9999)
  }

  @Test("the energies are those of their formulas")
  func formulas() throws {
    let first = try #require(ToyEnergies.named("u1"))
    let second = try #require(ToyEnergies.named("u2"))
    for (x, y) in [(0.5, 1.5), (-2.0, 0.3), (3.5, -2.5)] {
      let ring = ((x * x + y * y).squareRoot() - 2) / 0.4
      let bumps = exp(-0.5 * pow((x - 2) / 0.6, 2)) + exp(-0.5 * pow((x + 2) / 0.6, 2))
      #expect(abs(first.logDensity(x, y) - (log(bumps) - 0.5 * ring * ring)) < 1e-12)
      let offset = (y - sin(2 * Double.pi * x / 4)) / 0.4
      #expect(abs(second.logDensity(x, y) + 0.5 * offset * offset) < 1e-12)
    }
    // One standard deviation beyond the edge, in the middle of the valley.
    #expect(abs(second.logDensity(4.2, sin(2.1 * Double.pi)) + 0.5) < 1e-9)
  }
}
