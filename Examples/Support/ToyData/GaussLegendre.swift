#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The nodes and weights of Gauss–Legendre quadrature on [−1, 1].
package struct GaussLegendre: Sendable {
  /// The nodes in ascending order.
  package let nodes: [Double]

  /// The weights, which sum to 2.
  package let weights: [Double]

  /// Computes the rule with the given number of nodes, exact for polynomials of degree 2n − 1.
  package init(_ count: Int) {
    precondition(count > 0, "A quadrature rule needs at least one node, not \(count).")
    var nodes: [Double] = []
    var weights: [Double] = []
    for index in (1...count).reversed() {
      // The usual cosine guess lies in the basin of the right root for every n.
      var x = cos(Double.pi * (Double(index) - 0.25) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<8 {
        let value = GaussLegendre.polynomial(count, at: x)
        slope = value.derivative
        x -= value.value / slope
      }
      nodes.append(x)
      weights.append(2 / ((1 - x * x) * slope * slope))
    }
    self.nodes = nodes
    self.weights = weights
  }

  /// The Legendre polynomial of a degree and its derivative, by the three-term recurrence.
  private static func polynomial(
    _ degree: Int, at x: Double
  ) -> (value: Double, derivative: Double) {
    var previous = 0.0
    var current = 1.0
    for k in 0..<degree {
      let next = ((2 * Double(k) + 1) * x * current - Double(k) * previous) / Double(k + 1)
      previous = current
      current = next
    }
    return (current, Double(degree) * (x * current - previous) / (x * x - 1))
  }
}
