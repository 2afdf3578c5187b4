import ExampleSupport
import Flows
import Foundation

/// Scores the rows of a table by their log-density.
struct ScoreCommand: TableCommand {
  static let name = "score"
  static let summary = "Gives each row of a table its log-density, and flags anomalies."
  static let positionals = PositionalArguments.accepted(
    name: "MODEL DATA", count: 2...2,
    help: "A model that fit wrote, and a .csv, .tsv, .txt, .npy or .npz file.")

  static let groups = [
    CommandOptionGroup(
      "Scores",
      [
        .value(
          "output", "FILE",
          help:
            "A CSV file of scores: row (from 1), logDensity in nats, and anomaly (1 or 0) with a "
            + "threshold."),
        .value(
          "threshold-from", "FILE",
          help:
            "Ordinary rows that the fit has not seen: a row is an anomaly where its log-density is "
            + "below that of almost all of these."),
        .value(
          "false-alarm-rate", "R", default: "0.01",
          help: "The share of ordinary rows that may be flagged."),
        .value("array", "NAME", help: "The array of an .npz file that holds several."),
      ])
  ]

  let model: String
  let data: String
  let output: String?
  let reference: String?
  let rate: Double
  let array: String?
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    (model, data) = (arguments.positionals[0], arguments.positionals[1])
    output = arguments.optionalString("output")
    reference = arguments.optionalString("threshold-from")
    if arguments.isGiven("false-alarm-rate") && reference == nil {
      throw .strayOption("false-alarm-rate", commands: ["threshold-from"])
    }
    rate = try arguments.double("false-alarm-rate", in: 1e-9...0.5)
    array = arguments.optionalString("array")
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let model = try TableModel(contentsOf: model)
    let scores = try scores(of: data, by: model)
    let threshold = try reference.map { path in
      try AnomalyThreshold(try self.scores(of: path, by: model).rows, rate: rate, file: path)
    }
    if let output { try AtomicFile.write(csv(scores.rows, threshold), to: output) }
    print(
      printsJSON ? try json(scores, threshold).text() : text(scores, threshold))
  }

  private func scores(of path: String, by model: TableModel) throws -> LogLikelihood {
    let table = try Table(path, array: Table.suffix(of: path) == "npz" ? array : nil)
    return model.logLikelihood(of: try model.rows(of: table))
  }

  private func csv(_ scores: [Double], _ threshold: AnomalyThreshold?) -> [UInt8] {
    var text = threshold == nil ? "row,logDensity\n" : "row,logDensity,anomaly\n"
    for (row, score) in scores.enumerated() {
      // The density is one of 32 bits; more digits would say nothing.
      text += "\(row + 1),\(score.isNaN ? "nan" : "\(Float(score))")"
      if let threshold { text += threshold.flags(score) ? ",1" : ",0" }
      text += "\n"
    }
    return Array(text.utf8)
  }

  private func json(_ scores: LogLikelihood, _ threshold: AnomalyThreshold?) -> JSON {
    let lowest = lowest(scores)
    var members: [String: JSON] = [
      "rows": .integer(scores.rows.count), "meanLogDensity": .number(scores.mean.value),
      "standardError": .number(scores.mean.standardError),
      "lowestLogDensity": .number(lowest.score), "lowestRow": .integer(lowest.row),
      "output": .text(output),
    ]
    if let threshold {
      let count = scores.rows.count(where: threshold.flags)
      members["threshold"] = .number(threshold.value)
      members["falseAlarmRate"] = .number(rate)
      members["thresholdRows"] = .integer(threshold.rows)
      members["anomalies"] = .integer(count)
      members["anomalyShare"] = .number(Double(count) / Double(scores.rows.count))
    }
    return .object(members)
  }

  private func text(_ scores: LogLikelihood, _ threshold: AnomalyThreshold?) -> String {
    let lowest = lowest(scores)
    var lines = [
      "\(data): \(counted(scores.rows.count, "row"))",
      "  mean log-density  \(shown(scores.mean)) nats a row",
      "  lowest            \(fixed(lowest.score, 2)) in row \(lowest.row)",
    ]
    if let threshold {
      let count = scores.rows.count(where: threshold.flags)
      lines.append(
        "  threshold         \(fixed(threshold.value, 4)): at most \(rate) of ordinary rows lie below, "
          + "by \(counted(threshold.rows, "row")) of \(reference ?? "")")
      lines.append(
        "  anomalies         \(counted(count, "row")), "
          + percent(Double(count) / Double(scores.rows.count)))
    }
    if let output { lines.append("  scores            \(output)") }
    return lines.joined(separator: "\n")
  }

  private func lowest(_ scores: LogLikelihood) -> (row: Int, score: Double) {
    let row = scores.rows.indices.min { scores.rows[$0] < scores.rows[$1] } ?? 0
    return (row + 1, scores.rows[row])
  }
}
