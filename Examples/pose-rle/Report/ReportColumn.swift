import FlowCharts

/// A column of the table of results: what it shows, how, and which value is best.
struct ReportColumn: Sendable {
  /// Which of two values is better.
  enum Order: Sendable {
    case higher
    case lower
    /// The closer one to a value.
    case closest(Double)
    /// No judgement.
    case none
  }

  var title: String
  var unit: String
  var decimals: Int
  var factor = 1.0
  var order: Order
  var value: @Sendable (ReportRow) -> ReportValue

  static let pck = ReportColumn(
    title: "PCK", unit: "%", decimals: 1, factor: 100, order: .higher, value: { $0.pck })
  static let meanError = ReportColumn(
    title: "Mean error", unit: "px", decimals: 2, order: .lower, value: { $0.meanError })
  static let medianError = ReportColumn(
    title: "Median error", unit: "px", decimals: 2, order: .lower, value: { $0.medianError })
  static let spearman = ReportColumn(
    title: "Rank correlation", unit: "", decimals: 2, order: .higher, value: { $0.spearman })
  static let nll = ReportColumn(
    title: "NLL", unit: "nats", decimals: 2, order: .lower, value: { $0.nll })
  static let seconds = ReportColumn(
    title: "Training", unit: "s", decimals: 0, order: .none, value: { $0.seconds })
  static let rate = ReportColumn(
    title: "Images/s", unit: "", decimals: 0, order: .none, value: { $0.imagesPerSecond })

  /// The coverage of regions at one of ``ReportRow/levels``.
  static func coverage(_ index: Int) -> ReportColumn {
    let level = ReportRow.levels[index]
    return ReportColumn(
      title: "\(NumberText.shown(100 * level, decimals: 0))\u{202F}% region", unit: "% inside",
      decimals: 1, factor: 100, order: .closest(level),
      value: { $0.coverage.indices.contains(index) ? $0.coverage[index] : ReportValue(nil) })
  }

  static let all =
    [pck, meanError, medianError, spearman, nll] + ReportRow.levels.indices.map(coverage)
    + [seconds, rate]

  /// The mean as it is written.
  func text(_ row: ReportRow) -> String {
    NumberText.shown(value(row).mean * factor, decimals: decimals)
  }

  /// The standard deviation as it is written; none without one.
  func deviation(_ row: ReportRow) -> String? {
    guard let deviation = value(row).deviation, deviation.isFinite, value(row).mean.isFinite
    else { return nil }
    return "\u{00B1}\u{2009}" + NumberText.shown(deviation * factor, decimals: decimals)
  }

  /// The text of the best value; none where there is nothing to compare.
  func best(of rows: [ReportRow]) -> String? {
    let known = rows.filter { value($0).mean.isFinite }
    guard known.count > 1 else { return nil }
    let winner: ReportRow? =
      switch order {
      case .higher: known.max { value($0).mean < value($1).mean }
      case .lower: known.min { value($0).mean < value($1).mean }
      case .closest(let target):
        known.min { abs(value($0).mean - target) < abs(value($1).mean - target) }
      case .none: nil
      }
    return winner.map(text)
  }
}
