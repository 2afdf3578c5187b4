import ExampleSupport
import Foundation
import Testing

/// The mass of a density in a window and its part of the entropy, by the midpoint rule.
func integrate(
  _ data: any ToyDensity, over window: PlotWindow, cellsPerSide: Int
) -> (mass: Double, entropy: Double) {
  let area = window.area / Double(cellsPerSide * cellsPerSide)
  var mass = 0.0
  var entropy = 0.0
  for value in data.logDensities(of: window.gridCenters(cellsPerSide)) where value > -700 {
    let density = exp(value)
    mass += density * area
    entropy -= density * value * area
  }
  return (mass, entropy)
}

@Suite("Toy data")
struct ToyDataTests {
  @Test("the table holds the twelve data sets by name")
  func table() {
    #expect(
      ToyData.names == [
        "two-moons", "circles", "rings", "eight-gaussians", "pinwheel", "checkerboard",
        "two-spirals", "swiss-roll", "crescent", "sine-wave", "four-circles", "diamond",
      ])
    #expect(ToyData.named("rings")?.name == "rings")
    #expect(ToyData.named("ring") == nil)
    for data in ToyData.all { #expect(!data.summary.isEmpty && !data.summary.contains("\n")) }
  }

  @Test("the window holds the mass", arguments: ToyData.names)
  func windowMass(name: String) throws {
    let data = try #require(ToyData.named(name))
    let mass = integrate(data, over: data.window, cellsPerSide: 256).mass
    #expect(mass >= 0.9999)
    #expect(abs(mass - 1) < (name == "checkerboard" ? 1e-12 : 1e-4))
  }

  @Test("the recorded entropy is that of the density", arguments: ToyData.names)
  func entropyByQuadrature(name: String) throws {
    let data = try #require(ToyData.named(name))
    let wide = integrate(data, over: data.window.scaled(by: 1.5), cellsPerSide: 384)
    // What the wide window still misses has a log-density of some twenty nats.
    #expect(abs(wide.entropy - data.entropy) < 1e-9 + 30 * abs(1 - wide.mass))
  }

  @Test("draws follow the density, and strays are noticed", arguments: ToyData.names)
  func drawsFollowDensity(name: String) throws {
    let data = try #require(ToyData.named(name))
    let count = 100_000
    var generator = SplitMix(seed: 20_240_607)
    let points = data.sample(count, using: &generator)
    #expect(points.count == 2 * count)

    let partition = CellPartition(data)
    let pValue = partition.pValue(of: points)
    #expect(pValue > 0.001)
    // A fit too good to be true would point to a mistake in the test.
    #expect(pValue < 0.999)

    var contaminated = points
    for index in 0..<count / 50 {
      contaminated[2 * index] += 0.3 * data.window.halfWidth
      contaminated[2 * index + 1] += 0.2 * data.window.halfWidth
    }
    #expect(partition.pValue(of: contaminated) < 0.001)
  }

  @Test("the mean log-density of draws agrees with the entropy", arguments: ToyData.names)
  func entropyByDraws(name: String) throws {
    let data = try #require(ToyData.named(name))
    let count = 100_000
    var generator = SplitMix(seed: 7)
    let values = data.logDensities(of: data.sample(count, using: &generator))
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
    let standardError = (variance / Double(count)).squareRoot()
    #expect(abs(mean + data.entropy) <= 4 * standardError + 1e-10)
  }

  @Test("one point and many points have the same density", arguments: ToyData.names)
  func batches(name: String) throws {
    let data = try #require(ToyData.named(name))
    var generator = SplitMix(seed: 3)
    let points = data.sample(50, using: &generator)
    let many = data.logDensities(of: points)
    for index in many.indices {
      #expect(many[index] == data.logDensity(points[2 * index], points[2 * index + 1]))
    }
    #expect(data.logDensities(of: []) == [])
    #expect(data.sample(0, using: &generator) == [])
  }

  @Test("a seed gives the same points again", arguments: ToyData.names)
  func reproducible(name: String) throws {
    let data = try #require(ToyData.named(name))
    var first = SplitMix(seed: 11)
    var second = SplitMix(seed: 11)
    #expect(data.sample(20, using: &first) == data.sample(20, using: &second))
  }

  @Test("far from the mass the log-density is still finite", arguments: ToyData.names)
  func farAway(name: String) throws {
    let data = try #require(ToyData.named(name))
    let value = data.logDensity(1000, -1000)
    if name == "checkerboard" {
      #expect(value == -.infinity)
    } else {
      #expect(value.isFinite && value < -10_000)
    }
  }
}
