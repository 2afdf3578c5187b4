extension HighestDensityRegion {
  /// The intervals that make up the region of a density of one column, from left to right.
  ///
  /// Their ends are places where the log-density passes the threshold, found by bisection between
  /// points of a grid and draws; gaps narrower than both are not seen. More than one interval where
  /// there are several modes.
  ///
  /// - Precondition: the density has one column.
  public var intervals: [ClosedRange<Double>] {
    precondition(
      density.dimension == 1,
      "intervals are those of one column; the density has \(density.dimension)")
    let bounds = density.support[0].bounds
    let inside = insideDraws()[0].sorted()
    guard let first = inside.first, let last = inside.last else { return [] }
    let low = beyond(first, by: -0.05 * Swift.max(last - first, 1e-6 * first.magnitude), bounds.low)
    let high = beyond(last, by: 0.05 * Swift.max(last - first, 1e-6 * last.magnitude), bounds.high)
    let step = Swift.max(1, inside.count / 2_048)
    var places = (0...2_048).map { low + (high - low) * Double($0) / 2_048 }
    places += stride(from: 0, to: inside.count, by: step).map { inside[$0] } + [last]
    places += density.kinks[0].filter { $0 > low && $0 < high }
    places = Set(places).sorted()
    let flags = isInside(places)
    var crossings: [(inner: Double, outer: Double)] = []
    for index in 1..<places.count where flags[index] != flags[index - 1] {
      crossings.append(
        flags[index] ? (places[index], places[index - 1]) : (places[index - 1], places[index]))
    }
    refine(&crossings)
    var ends = crossings.map(\.inner)
    if flags[0] { ends.insert(places[0], at: 0) }
    if flags[places.count - 1] { ends.append(places[places.count - 1]) }
    return stride(from: 0, to: ends.count - 1, by: 2).map { ends[$0]...ends[$0 + 1] }
  }

  private func isInside(_ places: [Double]) -> [Bool] {
    contains(Tensor(rows: places, columns: 1))
  }

  /// A place outside of the region on one side, or the end of the support.
  private func beyond(_ place: Double, by margin: Double, _ end: Double) -> Double {
    var step = margin == 0 ? (end < place ? -1e-6 : 1e-6) : margin
    for _ in 0..<64 {
      let next = step < 0 ? Swift.max(end, place + step) : Swift.min(end, place + step)
      if next == end || !isInside([next])[0] { return next }
      step *= 2
    }
    return place + step
  }

  private func refine(_ crossings: inout [(inner: Double, outer: Double)]) {
    for _ in 0..<(Scalar.scalarKind == .float32 ? 30 : 60) {
      let middles = crossings.map { ($0.inner + $0.outer) / 2 }
      for (index, flag) in isInside(middles).enumerated() {
        if flag {
          crossings[index].inner = middles[index]
        } else {
          crossings[index].outer = middles[index]
        }
      }
    }
  }
}
