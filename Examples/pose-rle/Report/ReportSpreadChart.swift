import FlowCharts

/// The predicted spread of joints against their errors.
struct ReportSpreadChart {
  let spreads: [ReportSpread]
  let palette: ReportPalette

  private static let bins = 12
  private static let shownJoints = 700

  var html: HTML {
    var clouds: [SVGChart.Series] = []
    var means: [SVGChart.Series] = []
    for entry in spreads {
      let pairs = known(entry)
      guard !pairs.isEmpty else { continue }
      let paint = palette.paint(entry.likelihood)
      let stride = max(1, pairs.count / ReportSpreadChart.shownJoints)
      let shown = pairs.indices.filter { $0 % stride == 0 }.map { pairs[$0] }
      clouds.append(
        SVGChart.Series(
          "", x: shown.map(\.x), y: shown.map(\.y), paint: paint,
          mark: .points(radius: 1.3, opacity: 0.28)))
      let middles = binned(pairs)
      means.append(
        SVGChart.Series(
          entry.likelihood, x: middles.map(\.x), y: middles.map(\.y), paint: paint,
          mark: .marks(radius: 3.4)))
    }
    let chart = SVGChart(
      "Error against predicted spread",
      x: SVGChart.Axis("predicted spread \u{03C3}\u{0302}, px", scale: .logarithmic),
      y: SVGChart.Axis("error, px", scale: .logarithmic, range: errorRange(clouds)),
      series: clouds + means, key: .above, aspect: 0.8)
    return ReportFigures.figure(
      "Spread and error", chart.html,
      "Each faint point is a joint. The marks are means over twelve groups of equal size, ordered "
        + "by predicted spread: if they rise, the network knows which of its predictions are "
        + "doubtful. The unit of \u{03C3}\u{0302} is the likelihood's own, so only the slope "
        + "compares.")
  }

  private func known(_ entry: ReportSpread) -> [Point] {
    zip(entry.spread, entry.error).compactMap { spread, error in
      spread.isFinite && error.isFinite && spread > 0 && error > 0
        ? Point(x: spread, y: error) : nil
    }.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
  }

  private func binned(_ pairs: [Point]) -> [Point] {
    let bins = min(ReportSpreadChart.bins, pairs.count)
    return (0..<bins).map { bin in
      let part = pairs[pairs.count * bin / bins..<pairs.count * (bin + 1) / bins]
      let count = Double(part.count)
      return Point(
        x: part.reduce(0) { $0 + $1.x } / count, y: part.reduce(0) { $0 + $1.y } / count)
    }
  }

  /// All errors but the smallest few, which a logarithmic axis would give most of its room.
  private func errorRange(_ clouds: [SVGChart.Series]) -> ClosedRange<Double>? {
    let errors = clouds.flatMap(\.y).sorted()
    guard let last = errors.last else { return nil }
    let first = errors[errors.count / 50]
    return first < last ? first...last * 1.1 : nil
  }
}
