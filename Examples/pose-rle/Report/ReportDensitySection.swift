import FlowCharts
import Foundation

extension ReportFigures {
  /// The learned density of errors against fixed shapes.
  var density: HTML {
    guard let density = report.density else { return HTML([]) }
    return HTML("div", ["class": "plots"]) {
      if let plane = density.plane.flatMap({ ReportPlaneCharts($0) }) {
        ReportFigures.figure(
          "The density that \(density.likelihood) learned", plane.map,
          "How likely each error is, in units of the predicted spread, seen as in the picture: up "
            + "is up. Lines bound the smallest regions that hold the named probability. A Gaussian "
            + "of equal spreads would give circles, a Laplace density squares on their tips.")
        if !plane.errors.isEmpty {
          ReportFigures.figure(
            "The errors that came", plane.scatter(palette.paint(density.likelihood)),
            "Errors on pictures that training did not see, under the same lines, as trained: "
              + "calibration is not in it. " + plane.shares)
        }
      }
      for marginal in density.marginals {
        let charts = ReportMarginalChart(
          marginal: marginal, likelihood: density.likelihood,
          paint: palette.paint(density.likelihood))
        ReportFigures.figure(
          "Along one axis: \(marginal.name)", charts.linear,
          "Bars: the errors that came. The Gaussian and the Laplace density are those that fit them "
            + "best.")
        ReportFigures.figure(
          "The same, with its tails: \(marginal.name)", charts.logarithmic,
          "On a logarithmic axis a Gaussian is a parabola and a Laplace density a tent. Points above "
            + "both far out are large errors that neither shape expects.")
      }
    }
  }
}

/// The charts of a density in the plane, turned so that up is up.
struct ReportPlaneCharts {
  private static let levels = [0.5, 0.8, 0.95]
  private static let shownErrors = 2_500

  private let grid: Grid
  private let window: Window
  private let lines: [(share: Double, value: Double)]
  /// Errors with the second axis upwards.
  let errors: [Point]

  /// None if the grid does not fit its counts, or covers nothing.
  init?(_ plane: ReportDensityPlane) {
    guard plane.rows > 1, plane.columns > 1, plane.density.count == plane.rows * plane.columns,
      plane.x.lowerBound < plane.x.upperBound, plane.y.lowerBound < plane.y.upperBound,
      [plane.x.lowerBound, plane.x.upperBound, plane.y.lowerBound, plane.y.upperBound]
        .allSatisfy(\.isFinite)
    else { return nil }
    window = Window(x: plane.x, y: -plane.y.upperBound...(-plane.y.lowerBound))
    let turned = (0..<plane.rows).reversed().flatMap { row in
      plane.density[row * plane.columns..<(row + 1) * plane.columns]
    }
    let grid = Grid(rows: plane.rows, columns: plane.columns, values: turned, window: window)
    self.grid = grid
    // The density may reach beyond the grid: its values then sum to less than one over the area
    // of a cell. Where they do not look like a density at all, the grid counts as the whole.
    let cell = window.width * window.height / Double(plane.rows * plane.columns)
    let held = plane.density.filter { $0 > 0 && $0.isFinite }.reduce(0, +) * cell
    let whole = held > 0.5 && held < 1.05 ? max(held, 1) / cell : nil
    lines = ReportPlaneCharts.levels.compactMap { share in
      grid.level(holding: share, of: whole).map { (share, $0) }
    }
    errors = plane.errors.filter { $0.x.isFinite && $0.y.isFinite }.map { Point(x: $0.x, y: -$0.y) }
  }

  private var xAxis: SVGChart.Axis {
    SVGChart.Axis("horizontal error / \u{03C3}\u{0302}", range: window.x)
  }
  private var yAxis: SVGChart.Axis {
    SVGChart.Axis("vertical error / \u{03C3}\u{0302}, upwards", range: window.y)
  }
  private var aspect: Double { min(max(window.height / window.width, 0.4), 1.6) }

  private func percent(_ share: Double) -> String {
    NumberText.shown(100 * share, decimals: 0) + "\u{202F}%"
  }

  var map: HTML {
    SVGChart(
      "The learned density of errors in the plane", x: xAxis, y: yAxis, series: [],
      backdrop: SVGHeatMap(
        grid, maximum: grid.quantile(0.999),
        levels: lines.map { SVGHeatMap.Level($0.value, label: percent($0.share)) }),
      aspect: aspect
    ).html
  }

  func scatter(_ paint: SVGChart.Paint) -> HTML {
    let stride = max(1, errors.count / ReportPlaneCharts.shownErrors)
    let shown = errors.indices.filter { $0 % stride == 0 }.map { errors[$0] }.filter {
      window.contains(x: $0.x, y: $0.y)
    }
    let contours = lines.map { line in
      let points = Contours.lines(in: grid, level: line.value, window: window)
        .flatMap { $0 + [Point(x: .nan, y: .nan)] }
      return SVGChart.Series(
        "", x: points.map(\.x), y: points.map(\.y), paint: paint, mark: .line(1.6))
    }
    return SVGChart(
      "Observed errors under the lines of the learned density", x: xAxis, y: yAxis,
      series: [
        SVGChart.Series(
          "", x: shown.map(\.x), y: shown.map(\.y), paint: .ink,
          mark: .points(radius: 1, opacity: 0.4))
      ] + contours, aspect: aspect
    ).html
  }

  /// A sentence on the shares of errors inside the lines.
  var shares: String {
    let parts = lines.map { line in
      let inside = errors.filter { error in
        guard window.contains(x: error.x, y: error.y) else { return false }
        let column = Int((error.x - window.x.lowerBound) / window.width * Double(grid.columns))
        let row = Int((error.y - window.y.lowerBound) / window.height * Double(grid.rows))
        return Double(grid[min(row, grid.rows - 1), min(column, grid.columns - 1)]) >= line.value
      }.count
      let share = 100 * Double(inside) / Double(errors.count)
      return NumberText.shown(share, decimals: 1)
        + "\u{202F}% lie inside the \(percent(line.share)) line"
    }
    guard let last = parts.last else { return "" }
    let joined = parts.count > 1 ? parts.dropLast().joined(separator: ", ") + " and " + last : last
    return joined + "."
  }
}

/// A learned density along one axis over a histogram of errors.
struct ReportMarginalChart {
  let marginal: ReportMarginal
  let likelihood: String
  let paint: SVGChart.Paint

  private static let bins = 60

  /// The errors that count, in ascending order.
  private var errors: [Double] { marginal.errors.filter(\.isFinite).sorted() }

  var linear: HTML { chart(isLogarithmic: false) }
  var logarithmic: HTML { chart(isLogarithmic: true) }

  private func chart(isLogarithmic: Bool) -> HTML {
    let errors = errors
    let reach = self.reach(errors, share: isLogarithmic ? 0.0005 : 0.01)
    let width = 2 * reach / Double(ReportMarginalChart.bins)
    var counts = [Double](repeating: 0, count: ReportMarginalChart.bins)
    for error in errors where abs(error) < reach {
      counts[min(Int((error + reach) / width), counts.count - 1)] += 1
    }
    let places = counts.indices.map { -reach + (Double($0) + 0.5) * width }
    let heights = counts.map { errors.isEmpty ? 0 : $0 / (Double(errors.count) * width) }
    var series = [
      SVGChart.Series(
        errors.isEmpty ? "" : "observed", x: places, y: heights, paint: .faint,
        mark: isLogarithmic ? .points(radius: 2.4, opacity: 0.6) : .bars(width: width * 0.92))
    ]
    let grid = (0...240).map { -reach + 2 * reach * Double($0) / 240 }
    if let fit = ErrorShapeFit(sorted: errors) {
      series += [
        SVGChart.Series(
          "Gaussian", x: grid, y: grid.map(fit.gaussian), paint: .ink, mark: .dashes(1.5)),
        SVGChart.Series("Laplace", x: grid, y: grid.map(fit.laplace), paint: .ink, mark: .dots(2)),
      ]
    }
    let inside = marginal.places.indices.filter {
      abs(marginal.places[$0]) <= reach && marginal.learned.indices.contains($0)
    }
    series.append(
      SVGChart.Series(
        "learned (\(likelihood))", x: inside.map { marginal.places[$0] },
        y: inside.map { marginal.learned[$0] }, paint: paint, mark: .line(2.6)))
    let lowest = heights.filter { $0 > 0 }.min() ?? 1e-3
    let highest = (heights + inside.map { marginal.learned[$0] }).filter(\.isFinite).max() ?? 1
    let range = isLogarithmic && highest > lowest ? lowest / 2...highest * 2.5 : nil
    return SVGChart(
      "Density of the \(marginal.name) error",
      x: SVGChart.Axis("\(marginal.name) error / \u{03C3}\u{0302}", range: -reach...reach),
      y: SVGChart.Axis(
        "density", scale: isLogarithmic ? .logarithmic : .linear, range: range,
        including: isLogarithmic ? nil : 0),
      series: series, key: .above, aspect: 0.62
    ).html
  }

  /// How far the axis goes: a share of the errors may lie beyond either end.
  private func reach(_ sorted: [Double], share: Double) -> Double {
    let known = marginal.places.filter(\.isFinite)
    let learned = known.map(abs).max() ?? 4
    guard !sorted.isEmpty else { return learned > 0 ? learned : 1 }
    let cut = Int(Double(sorted.count) * share)
    let reach = max(abs(sorted[cut]), abs(sorted[sorted.count - 1 - cut])) * 1.1
    return reach > 1e-9 ? reach : 1
  }
}

/// The Gaussian and the Laplace density of greatest likelihood.
struct ErrorShapeFit {
  private let mean: Double
  private let deviation: Double
  private let median: Double
  private let scale: Double

  /// None for errors without a spread.
  init?(sorted errors: [Double]) {
    guard errors.count > 1 else { return nil }
    let count = Double(errors.count)
    let mean = errors.reduce(0, +) / count
    let half = errors.count / 2
    let median = errors.count % 2 == 1 ? errors[half] : (errors[half - 1] + errors[half]) / 2
    self.mean = mean
    self.median = median
    deviation = (errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    scale = errors.reduce(0) { $0 + abs($1 - median) } / count
    guard deviation > 0, scale > 0, deviation.isFinite else { return nil }
  }

  func gaussian(_ x: Double) -> Double {
    let z = (x - mean) / deviation
    return exp(-z * z / 2) / (deviation * (2 * Double.pi).squareRoot())
  }

  func laplace(_ x: Double) -> Double { exp(-abs(x - median) / scale) / (2 * scale) }
}
