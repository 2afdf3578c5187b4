/// A stretch of a plane curve with a probability density of its parameter.
package struct CurveArm: Sendable {
  /// The range of the parameter.
  let range: ClosedRange<Double>

  /// The density of the parameter, which must integrate to one over the range.
  let density: @Sendable (Double) -> Double

  /// The parameter as a function of a uniform number; the inverse of the distribution function.
  let quantile: @Sendable (Double) -> Double

  /// The point of the curve at a parameter.
  let position: @Sendable (Double) -> (x: Double, y: Double)
}

/// An equal mixture of curve stretches, blurred by a round Gaussian.
///
/// The density at z is the mean over the arms of ∫ q(t) N(z; c(t), σ²I) dt. The integral is taken
/// by Gauss–Legendre quadrature on pieces of the curve that are short against σ.
package struct NoisyCurve: ToyDensity {
  package let name: String
  package let summary: String
  package let window: PlotWindow
  package let entropy: Double
  let arms: [CurveArm]
  let noise: Double
  private let nodes: CurveNodes

  /// Makes a data set from its arms and noise.
  ///
  /// No piece of the quadrature is longer than `pieceLength` standard deviations; tests halve it
  /// to see that the density has converged.
  package init(
    name: String, summary: String, window: PlotWindow, entropy: Double, arms: [CurveArm],
    noise: Double, pieceLength: Double = 2
  ) {
    self.name = name
    self.summary = summary
    self.window = window
    self.entropy = entropy
    self.arms = arms
    self.noise = noise
    nodes = CurveNodes(
      arms: arms, deviation: noise, pieceLength: pieceLength, window: window.scaled(by: 1.5))
  }

  /// The same data set with another length of the quadrature's pieces.
  package func refined(pieceLength: Double) -> NoisyCurve {
    NoisyCurve(
      name: name, summary: summary, window: window, entropy: entropy, arms: arms, noise: noise,
      pieceLength: pieceLength)
  }

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    drawPoints(count) {
      let arm = arms[generator.uniformIndex(below: arms.count)]
      let point = arm.position(arm.quantile(generator.uniform()))
      let blur = generator.normalPair()
      return (point.x + noise * blur.x, point.y + noise * blur.y)
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    nodes.logDensity(x, y)
  }
}
