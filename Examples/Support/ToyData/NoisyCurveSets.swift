#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

extension NoisyCurve {
  // Each entropy below is the midpoint rule on the window enlarged 1.6 times; it agrees to 1e-10
  // between grids of 800 and 1600 cells per side.

  /// Two half circles that reach into one another.
  package static let twoMoons = NoisyCurve(
    name: "two-moons",
    summary: "two half circles that reach into one another",
    window: PlotWindow(centerX: 0.5, centerY: 0.25, halfWidth: 2),
    entropy: 1.007_584_834_8,
    arms: [
      CurveArm(
        range: 0...Double.pi, density: { _ in 1 / Double.pi }, quantile: { Double.pi * $0 },
        position: { (cos($0), sin($0)) }),
      CurveArm(
        range: 0...Double.pi, density: { _ in 1 / Double.pi }, quantile: { Double.pi * $0 },
        position: { (1 - cos($0), 0.5 - sin($0)) }),
    ],
    noise: 0.1)

  /// Two spirals wound into one another.
  package static let twoSpirals = NoisyCurve(
    name: "two-spirals",
    summary: "two spirals of one and a half turns wound into one another",
    window: PlotWindow(halfWidth: 3.75),
    entropy: 2.540_617_894_3,
    arms: [1.0, -1.0].map { sign in
      let end = 3 * Double.pi
      return CurveArm(
        range: 0...end, density: { 2 * $0 / (end * end) }, quantile: { end * $0.squareRoot() },
        position: { (-sign * $0 * cos($0) / 3, sign * $0 * sin($0) / 3) })
    },
    noise: 0.1)

  /// One spiral of one and a half turns, seen along the axis of the roll.
  package static let swissRoll = NoisyCurve(
    name: "swiss-roll",
    summary: "one spiral of one and a half turns that starts away from the origin",
    window: PlotWindow(halfWidth: 4),
    entropy: 2.669_646_173_9,
    arms: [
      CurveArm(
        range: 1.5 * Double.pi...4.5 * Double.pi, density: { _ in 1 / (3 * Double.pi) },
        quantile: { 1.5 * Double.pi * (1 + 2 * $0) },
        position: { ($0 * cos($0) / 5, $0 * sin($0) / 5) })
    ],
    noise: 0.2)
}
