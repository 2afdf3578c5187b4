#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// Uniform density on the eight dark squares of a board with four squares to a side.
package struct Checkerboard: ToyDensity {
  package let name = "checkerboard"
  package let summary = "uniform on the eight dark squares of a 4 by 4 board"

  /// The board itself; no mass lies outside.
  package let window = PlotWindow(halfWidth: 4)

  /// The logarithm of the dark squares' area.
  package let entropy = log(32.0)

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    drawPoints(count) {
      let x = 8 * generator.uniform() - 4
      let height = 4 * generator.uniform()
      let column = (x / 2).rounded(.down)
      // The two dark squares of a column, laid one on the other, make a strip of height 4; the
      // odd columns have theirs one square higher.
      let lift = column.remainder(dividingBy: 2) == 0 ? 0.0 : 2.0
      return (x, (height < 2 ? height - 4 : height - 2) + lift)
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    guard x >= -4, x < 4, y >= -4, y < 4 else { return -.infinity }
    let diagonal = (x / 2).rounded(.down) + (y / 2).rounded(.down)
    return diagonal.remainder(dividingBy: 2) == 0 ? -entropy : -.infinity
  }
}
