import FlowCharts

/// The charts of a report, each with a sentence on how to read it.
struct ReportFigures {
  let report: PoseReport
  let palette: ReportPalette

  /// A chart with a headline and an explanation.
  static func figure(_ title: String, _ chart: HTML, _ caption: String) -> HTML {
    HTML("figure", ["class": "plot"]) {
      HTML("h3") { title }
      chart
      HTML("figcaption") { caption }
    }
  }

  // MARK: - Calibration

  var trust: HTML {
    HTML("div", ["class": "plots"]) {
      if !report.reliability.isEmpty { reliability }
      if !report.spreads.isEmpty {
        ReportSpreadChart(spreads: report.spreads, palette: palette).html
      }
    }
  }

  private var reliability: HTML {
    let ideal = SVGChart.Series("", x: [0, 1], y: [0, 1], paint: .faint, mark: .line(1))
    var bands: [SVGChart.Series] = []
    var curves: [SVGChart.Series] = []
    var hasBoth = false
    for entry in report.reliability {
      let paint = palette.paint(entry.likelihood)
      let count = entry.nominal.count
      if entry.upper.count == count, entry.lower.count == count {
        bands.append(
          SVGChart.Series(
            "", x: entry.nominal, y: entry.upper, paint: paint, mark: .band(lower: entry.lower)))
      }
      let hasAfter = entry.after.count == count && count > 0
      let mark = SVGChart.Mark.marks(radius: count > 10 ? 2.2 : 3)
      if entry.before.count == count, count > 0 {
        curves.append(
          SVGChart.Series(
            hasAfter ? "" : entry.likelihood, x: entry.nominal, y: entry.before, paint: paint,
            mark: hasAfter ? .dashes() : mark))
        hasBoth = hasBoth || hasAfter
      }
      if hasAfter {
        curves.append(
          SVGChart.Series(
            entry.likelihood, x: entry.nominal, y: entry.after, paint: paint, mark: mark))
      }
    }
    if hasBoth {
      curves += [
        SVGChart.Series("calibrated", x: [], y: [], paint: .faint),
        SVGChart.Series("as trained", x: [], y: [], paint: .faint, mark: .dashes()),
      ]
    }
    let chart = SVGChart(
      "Share of labels inside regions against the level of the regions",
      x: SVGChart.Axis("level of the region", range: 0...1, isShare: true),
      y: SVGChart.Axis("labels inside", range: 0...1, isShare: true),
      series: [ideal] + bands + curves, key: .above, aspect: 0.8)
    return ReportFigures.figure(
      "Reliability", chart.html,
      "For regions of each level, the share of labels that they hold. On the grey diagonal a region "
        + "keeps its promise; below it regions are too small, above it too large.")
  }

  // MARK: - Training

  var training: HTML {
    HTML("div", ["class": "plots narrow"]) {
      if report.courses.contains(where: { !$0.pck.isEmpty }) { precision }
      for likelihood in likelihoods { losses(likelihood) }
    }
  }

  private var likelihoods: [String] {
    report.courses.reduce(into: []) { names, course in
      if !names.contains(course.likelihood) { names.append(course.likelihood) }
    }
  }

  private func losses(_ likelihood: String) -> HTML {
    var series: [SVGChart.Series] = []
    let courses = report.courses.filter { $0.likelihood == likelihood }
    for (index, course) in courses.enumerated() {
      let (steps, losses) = ReportFigures.smoothed(course.steps, course.trainingLoss)
      series += [
        SVGChart.Series("", x: course.steps, y: course.trainingLoss, paint: .pale, mark: .line(1)),
        SVGChart.Series(
          index == 0 ? "training" : "", x: steps, y: losses, paint: .faint, mark: .line(1.4)),
        SVGChart.Series(
          index == 0 ? "validation" : "", x: course.validationSteps, y: course.validationLoss,
          paint: palette.paint(likelihood), mark: .line(2.2)),
      ]
    }
    let values = series.flatMap(\.y).filter(\.isFinite)
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    let isWide = low > 0 && high > 20 * low
    let chart = SVGChart(
      "Loss of \(likelihood) over steps",
      x: SVGChart.Axis("step"),
      y: SVGChart.Axis("loss", scale: isWide ? .logarithmic : .linear),
      series: series, key: .above, width: 360, aspect: 0.7)
    return ReportFigures.figure(
      "Loss: \(likelihood)", chart.html,
      courses.count > 1
        ? "One pair of lines for each of \(courses.count) seeds. A loss compares with itself "
          + "alone: each likelihood has a scale of its own."
        : "A loss compares with itself alone: each likelihood has a scale of its own, and one that "
          + "predicts spreads may fall below zero.")
  }

  /// The means of so many parts of a course, or the course itself if it is short.
  static func smoothed(_ steps: [Double], _ values: [Double], parts: Int = 60) -> (
    steps: [Double], values: [Double]
  ) {
    let count = min(steps.count, values.count)
    guard count >= 4 * parts else { return (steps, values) }
    let ranges = (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
    func means(_ numbers: [Double]) -> [Double] {
      ranges.map { range in
        let known = numbers[range].filter(\.isFinite)
        return known.reduce(0, +) / Double(known.count)
      }
    }
    return (means(steps), means(values))
  }

  private var precision: HTML {
    var seen: Set<String> = []
    let series = report.courses.filter {
      !$0.pck.isEmpty && $0.pck.count == $0.validationSteps.count
    }.map { course in
      SVGChart.Series(
        seen.insert(course.likelihood).inserted ? course.likelihood : "",
        x: course.validationSteps, y: course.pck, paint: palette.paint(course.likelihood),
        mark: course.pck.count > 40 ? .line(2) : .marks(radius: 2.4))
    }
    let chart = SVGChart(
      "PCK over steps", x: SVGChart.Axis("step"), y: SVGChart.Axis("PCK", isShare: true),
      series: series, key: .direct, width: 360, aspect: 0.82)
    return ReportFigures.figure(
      "Joints in the right place", chart.html,
      "PCK on pictures that training did not see: this compares likelihoods, which losses do not.")
  }
}
