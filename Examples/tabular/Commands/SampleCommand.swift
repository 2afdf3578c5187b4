import ExampleSupport
import Flows

/// Draws rows from a model.
struct SampleCommand: TableCommand {
  static let name = "sample"
  static let summary = "Draws rows from a model."
  static let positionals = PositionalArguments.accepted(
    name: "MODEL", count: 1...1, help: "A model that fit wrote.")

  static let groups = [
    CommandOptionGroup(
      "Rows",
      [
        .value(
          "count", "N",
          help: "Rows to draw, 1000 by default; with --context for each of its rows, 1 by default."),
        .value(
          "output", "FILE",
          help: "A .csv or .npy file; without it rows are printed as CSV."),
        .value(
          "context", "FILE",
          help:
            "Rows of the context columns, for a conditional model; they follow the columns drawn."),
        .value("array", "NAME", help: "The array of an .npz file that holds several."),
      ])
  ]

  let model: String
  let count: Int?
  let output: String?
  let context: String?
  let array: String?
  let seed: UInt64
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    model = arguments.positionals[0]
    count = try arguments.optionalInt("count", in: 1...100_000_000)
    output = arguments.optionalString("output")
    if let output, !["csv", "npy"].contains(Table.suffix(of: output)) {
      throw .notANumber(
        option: "output", value: output, expected: "a file that ends in .csv or .npy")
    }
    context = arguments.optionalString("context")
    array = arguments.optionalString("array")
    seed = try arguments.seed()
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let model = try TableModel(contentsOf: model)
    let rows = try draw(model)
    let names = model.info.columns + model.info.contextColumns
    if let output {
      if Table.suffix(of: output) == "npy" {
        try NumPyFile.write(rows, to: output)
      } else {
        try CSVFile.write(rows, to: output, header: names)
      }
    }
    if printsJSON {
      var members: [String: JSON] = [
        "rows": .integer(rows.shape[0]), "columns": .texts(names), "output": .text(output),
      ]
      if output == nil {
        members["values"] = .list(
          (0..<rows.shape[0]).map { row in
            .list(rows[rows: row..<row + 1].scalars.map { .number(Double($0)) })
          })
      }
      print(try JSON.object(members).text())
    } else if let output {
      print("\(counted(rows.shape[0], "row")) of \(counted(names.count, "column")) in \(output)")
    } else {
      print(names.map(quoted).joined(separator: ","))
      for row in 0..<rows.shape[0] {
        print(rows[rows: row..<row + 1].scalars.map { "\($0)" }.joined(separator: ","))
      }
    }
  }

  /// Draws, with the context beside them where there is one.
  private func draw(_ model: TableModel) throws -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: seed, stream: 0x5a3b1e)
    let info = model.info
    guard let context else {
      guard info.contextColumns.isEmpty else {
        throw FlowsError(
          .modelMismatch,
          "the model is conditioned on \(listed(info.contextColumns)): give rows of these by --context",
          file: self.model)
      }
      return model.density.sample(count ?? 1_000, using: &generator)
    }
    guard !info.contextColumns.isEmpty else {
      throw FlowsError(
        .modelMismatch, "the model takes no context; leave --context out", file: self.model)
    }
    let table = try Table(context, array: array)
    let given = try table.floats(try info.contextPlaces(in: table))
    let times = count ?? 1
    let repeated =
      times == 1
      ? given : given.rows((0..<given.shape[0] * times).map { $0 / times })
    let draws = model.density.sample(repeated.shape[0], context: repeated, using: &generator)
    return .concatenated([draws, repeated], axis: 1)
  }

  private func quoted(_ name: String) -> String {
    name.contains { $0 == "," || $0 == "\"" || $0.isNewline }
      ? "\"" + name.replacing("\"", with: "\"\"") + "\"" : name
  }
}
