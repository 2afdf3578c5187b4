import Flows
import Foundation
import Testing

/// Runs of tabular with what they print, on small tables that are made here.
struct TabularRun {
  let folder = TemporaryFolder()

  /// A size that is fitted within a second.
  static let small = [
    "--flow", "spline-autoregressive", "--layers", "2", "--hidden", "16", "--steps", "120",
    "--batch", "64", "--learning-rate", "1e-2",
  ]

  func run(_ arguments: [String]) throws -> ExampleRun { try ExampleRun("tabular", arguments) }

  /// What a run with `--json` prints; the run must succeed.
  func json(
    _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [String: Any] {
    let run = try run(arguments + ["--json"])
    #expect(run.status == 0, "\(run.errors)", sourceLocation: sourceLocation)
    return try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any],
      sourceLocation: sourceLocation)
  }

  /// Rows of three columns: the second bends with the first, the third is apart.
  func rows(_ count: Int, seed: UInt64 = 1) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    let noise = Tensor<Double>.normal([count, 3], using: &generator)
    let (a, b) = (noise[columns: 0..<1], noise[columns: 1..<2])
    return .concatenated([a, a * a + b * 0.3, noise[columns: 2..<3] * 2 + 5], axis: 1)
  }

  /// Writes a table as CSV with the names a, b and c.
  func table(_ rows: Tensor<Double>, _ name: String, header: [String]? = ["a", "b", "c"]) throws
    -> String
  {
    try CSVFile.write(rows, to: folder.path(name), header: header)
    return folder.path(name)
  }

  /// Fits a small model to 300 rows.
  func fitted(_ extra: [String] = []) throws -> (model: String, data: String) {
    let data = try table(rows(300), "train.csv")
    let model = folder.path("model.safetensors")
    let run = try run(["fit", data, "--output", model] + Self.small + extra)
    #expect(run.status == 0, "\(run.errors)")
    return (model, data)
  }
}
