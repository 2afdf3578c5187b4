/// Ascents of a log-density from many places at a time.
struct ModeSearch {
  /// The number of columns.
  let columns: Int
  /// Places along each column where a maximum may be without a vanishing gradient.
  let kinks: [[Double]]
  /// The rounding error of log-densities, relative.
  let tolerance: Double
  /// log f and ∇ log f of rows.
  let evaluate: ([Double]) -> (values: [Double], gradients: [Double])

  /// One ascent, in units of the columns' spreads.
  private struct Ascent {
    var point: [Double]
    var value: Double
    var gradient: [Double]
    /// The inverse of −∇²log f, as far as it is known.
    var inverse: [Double]
    var isFresh = true
    var isDone = false

    mutating func forget() {
      inverse = identity(point.count)
      isFresh = true
    }

    /// The direction to go and the slope along it.
    mutating func direction() -> (direction: [Double], slope: Double) {
      for _ in 0..<2 {
        var direction = product(inverse, gradient)
        let length = norm(direction)
        if length > 2 { direction = direction.map { $0 * 2 / length } }
        let slope = dot(direction, gradient)
        if slope > 0 || isFresh { return (direction, slope) }
        forget()
      }
      return (gradient, dot(gradient, gradient))
    }

    /// Moves, and learns from how the gradient changed (Broyden, Fletcher, Goldfarb and Shanno).
    mutating func move(to place: [Double], value: Double, gradient: [Double]) {
      let (step, change) = (
        zip(place, point).map { $0 - $1 }, zip(self.gradient, gradient).map { $0 - $1 }
      )
      let curvature = dot(step, change)
      if curvature > 1e-12 * norm(step) * norm(change) {
        update(step, change, curvature)
        isFresh = false
      } else {
        // Bent upwards: longer steps, until it is not.
        inverse = inverse.map { 2 * $0 }
      }
      (point, self.value, self.gradient) = (place, value, gradient)
    }

    private mutating func update(_ s: [Double], _ y: [Double], _ sy: Double) {
      let n = s.count
      if isFresh { inverse = identity(n).map { $0 * sy / dot(y, y) } }
      let hy = product(inverse, y)
      let factor = (1 + dot(y, hy) / sy) / sy
      for i in 0..<n {
        for j in 0..<n {
          inverse[i * n + j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy
        }
      }
    }
  }

  /// The distinct results, the highest first.
  func run(from pool: [Double], _ heights: [Double], starts: Int) throws -> [DensityMode] {
    let known = heights.indices.filter { heights[$0].isFinite }
    guard !known.isEmpty else {
      throw FlowsError(
        .invalidData, "the log-density is finite at none of the density's own draws")
    }
    let spread = (0..<columns).map { column -> Double in
      let values = known.map { pool[$0 * columns + column] }.sorted()
      let middle = values[values.count * 9 / 10] - values[values.count / 10]
      let width = Swift.max(middle, 1e-6 * (values[values.count - 1] - values[0]))
      return width > 0 ? width / 2.5 : 1
    }
    let scaled = known.map { row in (0..<columns).map { pool[row * columns + $0] / spread[$0] } }
    let chosen = Self.peaks(scaled, known.map { heights[$0] }, count: starts)
    var ascents = measured(chosen.map { scaled[$0] }, spread).map { place in
      Ascent(
        point: place.point, value: place.value, gradient: place.gradient,
        inverse: identity(columns))
    }
    climb(&ascents, spread)
    snap(&ascents, spread)
    return distinct(ascents, spread)
  }

  /// The draws that are farthest from any draw of a higher density.
  private static func peaks(_ points: [[Double]], _ heights: [Double], count: Int) -> [Int] {
    let order = heights.indices.sorted { heights[$0] > heights[$1] }
    // The lowest tenth are tails, all of them lonely.
    let high = Array(order.prefix(Swift.max(1, order.count * 9 / 10)))
    var distances = [Double](repeating: .infinity, count: high.count)
    for place in high.indices.dropFirst() {
      var nearest = Double.infinity
      let point = points[high[place]]
      for other in high.prefix(place) {
        var sum = 0.0
        for (a, b) in zip(point, points[other]) { sum += (a - b) * (a - b) }
        nearest = Swift.min(nearest, sum)
      }
      distances[place] = nearest
    }
    let farthest = high.indices.sorted { (distances[$0], $1) > (distances[$1], $0) }
    return farthest.prefix(count).map { high[$0] }
  }

  private func measured(_ points: [[Double]], _ spread: [Double]) -> [(
    point: [Double], value: Double, gradient: [Double]
  )] {
    guard !points.isEmpty else { return [] }
    let found = evaluate(points.flatMap { point in zip(point, spread).map { $0 * $1 } })
    return points.indices.map { row in
      let gradient = (0..<columns).map { found.gradients[row * columns + $0] * spread[$0] }
      let isKnown = gradient.allSatisfy(\.isFinite)
      return (points[row], isKnown ? found.values[row] : -.infinity, gradient)
    }
  }

  private func climb(_ ascents: inout [Ascent], _ spread: [Double]) {
    let flat = tolerance.squareRoot()
    for _ in 0..<300 {
      for index in ascents.indices where norm(ascents[index].gradient) <= flat {
        ascents[index].isDone = true
      }
      var pending = ascents.indices.filter { !ascents[$0].isDone }
      if pending.isEmpty { return }
      var ways: [Int: (direction: [Double], slope: Double)] = [:]
      for index in pending { ways[index] = ascents[index].direction() }
      var length = 1.0
      // Where 40 halvings do not help, this is as high as rounding lets it go.
      for _ in 0..<40 where !pending.isEmpty {
        let trials = measured(
          pending.map { index in
            zip(ascents[index].point, ways[index]?.direction ?? []).map { $0 + length * $1 }
          }, spread)
        var left: [Int] = []
        for (index, trial) in zip(pending, trials) {
          let gain = 1e-4 * length * (ways[index]?.slope ?? 0)
          if trial.value >= ascents[index].value + gain, trial.value < .infinity,
            trial.point != ascents[index].point
          {
            ascents[index].move(
              to: trial.point, value: trial.value, gradient: trial.gradient)
          } else {
            left.append(index)
          }
        }
        pending = left
        length /= 2
      }
      for index in pending {
        if ascents[index].isFresh { ascents[index].isDone = true } else { ascents[index].forget() }
      }
    }
  }

  /// Moves results next to a kink onto it where that is higher.
  private func snap(_ ascents: inout [Ascent], _ spread: [Double]) {
    for column in 0..<columns where !kinks[column].isEmpty {
      let trials = measured(
        ascents.map { ascent in
          var point = ascent.point
          let nearest = kinks[column].map { $0 / spread[column] }.min {
            ($0 - point[column]).magnitude < ($1 - point[column]).magnitude
          }
          if let nearest, (nearest - point[column]).magnitude < 0.05 { point[column] = nearest }
          return point
        }, spread)
      for (index, trial) in trials.enumerated() where trial.value > ascents[index].value {
        (ascents[index].point, ascents[index].value) = (trial.point, trial.value)
        ascents[index].gradient = trial.gradient
      }
    }
  }

  // MARK: - Results

  private func distinct(_ ascents: [Ascent], _ spread: [Double]) -> [DensityMode] {
    var kept: [(ascent: Ascent, count: Int)] = []
    for ascent in ascents.sorted(by: { $0.value > $1.value }) {
      // The nearest first: it is most often the one.
      let order = kept.indices.sorted {
        distance(kept[$0].ascent.point, ascent.point)
          < distance(kept[$1].ascent.point, ascent.point)
      }
      if let same = order.first(where: { !dips(between: kept[$0].ascent, and: ascent, spread) }) {
        kept[same].count += 1
      } else {
        kept.append((ascent, 1))
      }
    }
    return kept.map { ascent, count in
      let gradientNorm = norm(ascent.gradient)
      return DensityMode(
        point: zip(ascent.point, spread).map { $0 * $1 }, logDensity: ascent.value,
        gradientNorm: gradientNorm,
        isMaximum: gradientNorm <= 10 * tolerance.squareRoot() && isConcave(at: ascent, spread),
        ascents: count)
    }
  }

  /// Whether log f is lower between two places than at the lower of them.
  private func dips(between high: Ascent, and low: Ascent, _ spread: [Double]) -> Bool {
    let flat = tolerance.squareRoot()
    if distance(high.point, low.point) <= 10 * flat { return false }
    let points = (1..<32).map { index in
      zip(high.point, low.point).map { $0 + ($1 - $0) * Double(index) / 32 }
    }
    let lowest = measured(points, spread).map(\.value).min() ?? 0
    return lowest < low.value - 1e3 * tolerance * Swift.max(1, low.value.magnitude)
  }

  private func isConcave(at ascent: Ascent, _ spread: [Double]) -> Bool {
    let step = cubeRoot(tolerance)
    let points = (0..<columns).flatMap { column in
      [step, -step].map { shift in
        var point = ascent.point
        point[column] += shift
        return point
      }
    }
    let gradients = measured(points, spread).map(\.gradient)
    var hessian = [Double](repeating: 0, count: columns * columns)
    for i in 0..<columns {
      for j in 0..<columns {
        let slope = (gradients[2 * i + 1][j] - gradients[2 * i][j]) / (4 * step)
        hessian[i * columns + j] += slope
        hessian[j * columns + i] += slope
      }
    }
    let matrix = Tensor<Double>(shape: [columns, columns], scalars: hessian)
    return matrix.isFinite && matrix.choleskyFactor() != nil
  }
}

private func identity(_ n: Int) -> [Double] { (0..<n * n).map { $0 % (n + 1) == 0 ? 1 : 0 } }

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}

private func norm(_ a: [Double]) -> Double { dot(a, a).squareRoot() }

private func distance(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
}

private func product(_ matrix: [Double], _ vector: [Double]) -> [Double] {
  let n = vector.count
  return (0..<n).map { i in
    var sum = 0.0
    for j in 0..<n { sum += matrix[i * n + j] * vector[j] }
    return sum
  }
}

/// The cube root of the rounding error of a scalar type: the step at which central differences are
/// best.
private func cubeRoot(_ tolerance: Double) -> Double { tolerance < 1e-12 ? 6e-6 : 5e-3 }
