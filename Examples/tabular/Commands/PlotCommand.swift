import ExampleSupport
import FlowCharts
import Flows

/// Draws every pair of columns, the data below the diagonal and samples of a model above it.
struct PlotCommand: TableCommand {
  static let name = "plot"
  static let summary = "Draws data and samples of a model side by side, every pair of columns."
  static let positionals = PositionalArguments.accepted(
    name: "MODEL DATA", count: 2...2,
    help: "A model that fit wrote, and a .csv, .tsv, .txt, .npy or .npz file.")

  static let groups = [
    CommandOptionGroup(
      "The picture",
      [
        .value("output", "FILE", default: "pairs.png", help: "Where the picture is written."),
        .value(
          "columns", "LIST",
          help: "Columns of the model by name or place from 1: a,b,c or 1-5. The first "
            + "\(mostColumns) by default; those of the context come last."),
        .value("array", "NAME", help: "The array of an .npz file that holds several."),
        .flag("drop-missing", help: "Leave out rows of a CSV file that lack a value."),
      ])
  ]

  /// Columns that are drawn unless the command line says which.
  private static let mostColumns = 8
  /// The share of the data at either end of a column that its axis leaves out.
  private static let trim = 0.005
  /// The least and the most samples that are drawn.
  private static let sampleRange = 2_000...20_000

  let model: String
  let data: String
  let output: String
  let columns: String?
  let array: String?
  let dropsMissing: Bool
  let seed: UInt64
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    (model, data) = (arguments.positionals[0], arguments.positionals[1])
    output = try arguments.string("output")
    columns = arguments.optionalString("columns")
    array = arguments.optionalString("array")
    dropsMissing = arguments.flag("drop-missing")
    seed = try arguments.seed()
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let model = try TableModel(contentsOf: model)
    let table = try Table(data, array: array, dropsMissing: dropsMissing)
    let rows = try model.rows(of: table)
    let names = model.info.columns + model.info.contextColumns
    let chosen = try columns.map {
      try ColumnChoice.indices($0, of: names, option: "columns", file: self.model)
    }
    let shown = chosen ?? Array(names.indices.prefix(PlotCommand.mostColumns))
    guard shown.count <= 20 else {
      throw FlowsError(
        .invalidConfiguration, "a picture holds at most 20 columns, and these are \(shown.count)",
        field: "--columns")
    }
    let samples = draw(model, rows)
    let all = rows.context.map { .concatenated([rows.data, $0], axis: 1) } ?? rows.data
    func values(_ rows: Tensor<Float>) -> [[Float]] {
      shown.map { rows[columns: $0..<$0 + 1].scalars }
    }
    var plot = PairPlot(
      title: model.info.name, names: shown.map { names[$0] },
      below: .init(name: "data", color: Color.series[0], columns: values(all)),
      above: .init(name: "samples", color: Color.series[1], columns: values(samples)),
      trimming: PlotCommand.trim)
    let (outsideData, outsideSamples) = (
      plot.shareOutside(plot.below), plot.shareOutside(plot.above)
    )
    var caption = [
      "Axes reach a little beyond the middle \(percent(1 - 2 * PlotCommand.trim)) of each column of the "
        + "data (\(percent(PlotCommand.trim)) trimmed at either end); outside of some axis lie "
        + "\(percent(outsideData)) of the rows and \(percent(outsideSamples)) of the samples."
    ]
    if let note = plot.drawnText { caption.append(note) }
    if !model.info.contextColumns.isEmpty {
      caption.append("Samples are drawn given the context of the rows.")
    }
    if shown.count < names.count {
      caption.append(
        "\(shown.count) of \(names.count) columns"
          + (chosen == nil ? ", the first; --columns shows others." : "."))
    }
    plot.caption = caption.joined(separator: " ")
    try AtomicFile.write(plot.render().pngData(), to: output)
    if printsJSON {
      print(
        try JSON.object([
          "output": .text(output), "columns": .texts(plot.names), "rows": .integer(rows.count),
          "samples": .integer(samples.shape[0]), "outsideRows": .number(outsideData),
          "outsideSamples": .number(outsideSamples),
        ]).text())
    } else {
      print("\(output): \(counted(rows.count, "row")) and \(counted(samples.shape[0], "sample"))")
      print(plot.caption)
    }
  }

  /// Samples, given the context of the rows where there is one, with that context beside them.
  private func draw(_ model: TableModel, _ rows: TableModel.Rows) -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: seed, stream: 0x9a125)
    let range = PlotCommand.sampleRange
    let count = min(max(rows.count, range.lowerBound), range.upperBound)
    guard let context = rows.context else {
      return model.density.sample(count, using: &generator)
    }
    let places = (0..<count).map { $0 * rows.count / count }
    let given = context.rows(places)
    let draws = model.density.sample(count, context: given, using: &generator)
    return .concatenated([draws, given], axis: 1)
  }
}
