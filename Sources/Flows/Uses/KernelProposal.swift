#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A proposal that follows weighted points: Student's t kernels around them, and one wide kernel
/// around all of them, so that weights stay bounded where the kernels end.
struct KernelProposal: Sendable {
  private static let degreesOfFreedom = 5.0
  private static let wideShare = 0.15

  let dimension: Int
  /// The centres in whitened units, row by row; the last one is that of the wide kernel.
  private let centres: [Double]
  private let centreCount: Int
  /// Of the points, and its inverse; row by row.
  private let factor: [Double]
  private let inverse: [Double]
  private let logDeterminant: Double
  /// Widths of the kernels and of the wide one, in whitened units.
  private let widths: (narrow: Double, wide: Double)

  /// - Parameters:
  ///   - points: row by row, alike in weight.
  ///   - dimension: the columns.
  ///   - effectiveCount: how many independent points they are worth.
  init(points: [Double], dimension: Int, effectiveCount: Double) {
    let count = points.count / dimension
    var mean = [Double](repeating: 0, count: dimension)
    for row in 0..<count {
      for i in 0..<dimension { mean[i] += points[row * dimension + i] / Double(count) }
    }
    var covariance = [Double](repeating: 0, count: dimension * dimension)
    for row in 0..<count {
      for i in 0..<dimension {
        let first = points[row * dimension + i] - mean[i]
        for j in 0..<dimension {
          covariance[i * dimension + j] +=
            first * (points[row * dimension + j] - mean[j]) / Double(count)
        }
      }
    }
    var matrix = Tensor<Double>(shape: [dimension, dimension], scalars: covariance)
    let diagonal = (0..<dimension).map { covariance[$0 * dimension + $0] }
    let floor = Swift.max(diagonal.max() ?? 0, 1e-20) * 1e-12
    let ridge = diagonal.map { 1e-6 * $0 + floor }
    matrix = matrix + Tensor<Double>.identity(dimension) * Tensor(ridge)
    let lower = matrix.choleskyFactor() ?? .identity(dimension) * sqrt(Tensor(ridge))
    let inverted = lower.inverseOfLowerTriangle()
    (factor, inverse) = (lower.scalars, inverted.scalars)
    self.dimension = dimension
    logDeterminant = (0..<dimension).reduce(0) {
      $0 + log(lower.scalars[$1 * dimension + $1])
    }
    let whiten = Self.transformer(inverse, dimension)
    centres = (0..<count).flatMap { whiten(points, $0) } + whiten(mean, 0)
    centreCount = count
    // Scott's rule, narrowed since tails are those of Student's t.
    let scott = pow(Swift.max(2, effectiveCount), -1 / Double(dimension + 4))
    widths = (0.9 * scott, 1.5)
  }

  private static func transformer(_ matrix: [Double], _ n: Int) -> ([Double], Int) -> [Double] {
    { points, row in
      (0..<n).map { i in
        var sum = 0.0
        for j in 0...i { sum += matrix[i * n + j] * points[row * n + j] }
        return sum
      }
    }
  }

  /// Draws, row by row.
  func sample(_ count: Int, using generator: inout PhiloxGenerator) -> [Double] {
    let (n, nu) = (dimension, Self.degreesOfFreedom)
    let noise = Tensor<Double>.normal([count, n], using: &generator).scalars
    let gamma = Tensor<Double>.gamma([count], alpha: nu / 2, using: &generator).scalars
    let choice = Tensor<Double>.uniform([count, 2], using: &generator).scalars
    let color = Self.transformer(factor, n)
    var result: [Double] = []
    result.reserveCapacity(count * n)
    for row in 0..<count {
      let isWide = choice[2 * row] < Self.wideShare
      let centre =
        isWide
        ? centreCount
        : Swift.min(centreCount - 1, Int(choice[2 * row + 1] * Double(centreCount)))
      let width = (isWide ? widths.wide : widths.narrow) * (nu / (2 * gamma[row])).squareRoot()
      let white = (0..<n).map { centres[centre * n + $0] + width * noise[row * n + $0] }
      result += color(white, 0)
    }
    return result
  }

  /// log q of rows.
  func logDensity(of points: [Double]) -> [Double] {
    let (n, nu, count) = (dimension, Self.degreesOfFreedom, points.count / dimension)
    let whiten = Self.transformer(inverse, n)
    let exponent = -(nu + Double(n)) / 2
    let constant =
      lgamma(-exponent) - lgamma(nu / 2) - Double(n) / 2 * log(nu * .pi) - logDeterminant
    let narrow =
      constant - Double(n) * log(widths.narrow) + log((1 - Self.wideShare) / Double(centreCount))
    let wide = constant - Double(n) * log(widths.wide) + log(Self.wideShare)
    let narrowScale = 1 / (nu * widths.narrow * widths.narrow)
    let wideScale = 1 / (nu * widths.wide * widths.wide)
    return
      (Tiles.map(rows: count, columns: nil) { rows in
        Tensor<Double>(
          rows.map { row in
            let white = whiten(points, row)
            func squaredDistance(_ centre: Int) -> Double {
              var sum = 0.0
              for i in 0..<n {
                let difference = white[i] - centres[centre * n + i]
                sum += difference * difference
              }
              return sum
            }
            var sum = 0.0
            for centre in 0..<centreCount {
              sum += pow(1 + narrowScale * squaredDistance(centre), exponent)
            }
            let far = wide + exponent * log1p(wideScale * squaredDistance(centreCount))
            let near = narrow + log(sum)
            let top = Swift.max(near, far)
            return top + log1p(exp(-(near - far).magnitude))
          })
      } as Tensor<Double>).scalars
  }
}
