import FlowCharts
import Flows
import PoseRLE

/// The figures of the study.
struct StudyFigures {
  let world: StudyWorld
  let lessons: [StudyLesson]

  private func lesson(_ name: String) -> StudyLesson? { lessons.first { $0.name == name } }

  /// The density of the error as it is, and as likelihoods predict it at one input.
  func densities() throws -> Figure {
    let window = Window(x: -2.4...4.2, y: -2.6...3.6)
    let cells = 240
    func center(_ range: ClosedRange<Double>, _ index: Int) -> Double {
      range.lowerBound + (range.upperBound - range.lowerBound) * (Double(index) + 0.5)
        / Double(cells)
    }
    let points = Tensor<Float>(
      shape: [cells * cells, 2],
      scalars: (0..<cells).flatMap { row in
        (0..<cells).flatMap { column in
          [Float(center(window.x, column)), Float(center(window.y, row))]
        }
      })
    func grid(_ logDensity: Tensor<Float>) -> Grid {
      Grid(
        rows: cells, columns: cells, values: exp(Tensor<Double>(logDensity)).scalars,
        window: window)
    }
    let truth = grid(world.errors.logDensity(of: points))
    var panels = [Panel(title: "true error", window: window, layers: [.heatMap(truth)])]
    let x = Tensor<Float>.zeros([1, StudyWorld.inputs])
    let center0 = world.centers(x)[rows: 0..<1].reshaped(to: [StudyWorld.joints, 2])[rows: 0..<1]
    let scale = world.scales(x).scalars[0]
    for name in ["laplace", "direct", "residual", "residualMMPose"] {
      guard let lesson = lesson(name) else { continue }
      let density = try lesson.calibrated(x)[0, 0]
      let logDensity = density.logDensity(of: center0 + points * scale) + 2 * log(Tensor(scale))
      panels.append(Panel(title: name, window: window, layers: [.heatMap(grid(logDensity))]))
    }
    var style = FigureStyle()
    style.panelSize = 340
    return Figure(
      title: "Density of the error of one keypoint, in units of its true scale",
      caption: "After calibration of one factor of all scales; the same input for all.",
      colorScale: ColorScale(map: .magma, label: "density", maximum: truth.quantile(0.997)),
      panels: panels, style: style)
  }

  /// What σ̂ is, against the scale that it should tell.
  func scales() -> Figure {
    let (x, _) = lessons[0].sample(20_000, stream: 0x7e57)
    let truth = world.scales(x).scalars
    let order = truth.indices.sorted { truth[$0] < truth[$1] }
    let bins = 24
    var series: [LineChart.Series] = []
    func means(_ values: [Float]) -> [Double] {
      (0..<bins).map { bin in
        let part = order[order.count * bin / bins..<order.count * (bin + 1) / bins]
        return part.reduce(0) { $0 + Double(values[$1]) } / Double(part.count)
      }
    }
    let places = means(truth)
    for lesson in lessons where lesson.model.loss.likelihood.scale == .learned {
      let sigma = lesson.model.predict(x).scale.mean(axis: 2).scalars
      series.append(LineChart.Series(name: lesson.name, x: places, y: means(sigma)))
    }
    return Figure(
      title: "What the predicted σ says of the true scale",
      caption: "Means over 24 bins of 80,000 keypoints. Each likelihood has a unit of its own.",
      panels: [
        Panel(
          title: "", chart: LineChart(series: series, yScale: .logarithmic),
          xLabel: "true scale s of the error", yLabel: "mean of the predicted σ", aspect: 1.6)
      ])
  }

  /// How often regions hold the label.
  func coverage() throws -> Figure {
    let levels = (1..<20).map { Double($0) / 20 }
    let (x, labels) = lessons[0].sample(5_000, stream: 0xc0fe)
    func panel(_ title: String, _ density: (StudyLesson) throws -> PoseDensity<Float>) throws
      -> Panel
    {
      let ideal = LineChart.Series(
        name: "ideal", x: [0, 1], y: [0, 1], color: .faintInk, lineWidth: 1.2)
      // As many curves as there are colours.
      let curves = try lessons.filter { $0.name != "l2" }.map { lesson in
        let ranks = try density(lesson).ranks(of: labels).scalars.sorted()
        let shares = levels.map { level in
          Double(ranks.prefix { $0 < level }.count) / Double(ranks.count)
        }
        return LineChart.Series(name: lesson.name, x: levels, y: shares)
      }
      return Panel(
        title: title,
        chart: LineChart(series: [ideal] + curves, xRange: 0...1, yRange: 0...1),
        xLabel: "level of the region", yLabel: "share of labels inside", aspect: 1.1)
    }
    return Figure(
      title: "Coverage of highest-density regions",
      caption: "20,000 keypoints that training did not see.",
      panels: [
        try panel("as trained") { $0.density(x) },
        try panel("one factor fitted") { try $0.calibrated(x) },
      ])
  }
}
