import ExampleSupport
import FlowCharts
import Flows

/// The picture of a fit: truth, learned density and samples on one colour scale.
struct Picture {
  let target: Target
  let flow: NormalizingFlow<Float>
  let title: String
  let caption: String
  let drawsGrid: Bool
  /// The rows that were fitted, shown where the truth is not known.
  let data: Tensor<Float>?
  let seed: UInt64

  private var window: Window { Window(x: target.window.xRange, y: target.window.yRange) }
  private static let cells = 400

  func png() -> [UInt8] {
    var generator = PhiloxGenerator(seed: seed, stream: 0x71c)
    let samples = flow.sample(400_000, using: &generator)
    let centers = target.window.gridCenters(Picture.cells)
    let learned = grid(flow.logDensity(of: Tensor(points: centers)).scalars.map(Double.init))
    let truth = target.logDensities.map { grid($0(centers)) }
    let first =
      truth.map { Panel(title: "true density", window: window, layers: [.heatMap($0)]) }
      ?? Panel(title: "data", window: window, layers: [.heatMap(histogram(data ?? samples))])
    var panels = [
      first,
      Panel(title: "learned density", window: window, layers: [.heatMap(learned)]),
      Panel(
        title: "samples of the flow", window: window, layers: [.heatMap(histogram(samples))]),
    ]
    if drawsGrid { panels.append(warpedGrid()) }
    let scale = ColorScale(
      map: .magma, label: "density", maximum: (truth ?? learned).quantile(0.9995))
    let figure = Figure(title: title, caption: caption, colorScale: scale, panels: panels)
    return figure.render(scale: 1).pngData()
  }

  private func grid(_ logDensity: [Double]) -> Grid {
    Grid(
      rows: Picture.cells, columns: Picture.cells, values: exp(Tensor(logDensity)).scalars,
      window: window)
  }

  private func histogram(_ rows: Tensor<Float>) -> Grid {
    // Few rows need wider cells, or the histogram shows nothing but noise.
    let cells = rows.shape[0] >= 200_000 ? 160 : 80
    return Grid(
      densityOf: rows[columns: 0..<1].scalars, rows[columns: 1..<2].scalars, rows: cells,
      columns: cells, over: window)
  }

  private func warpedGrid() -> Panel {
    let family = LineFamily(gridOver: Window(halfWidth: 3), count: 25)
    let warped = family.lines.map { line in
      let points = line.flatMap { [$0.x, $0.y] }
      let image = flow.toData(Tensor(points: points)).value.points
      return stride(from: 0, to: image.count, by: 2).map { Point(x: image[$0], y: image[$0 + 1]) }
    }
    return Panel(
      title: "image of a latent grid", window: window,
      layers: [.lines(LineFamily(lines: warped, stroke: family.stroke))])
  }
}
