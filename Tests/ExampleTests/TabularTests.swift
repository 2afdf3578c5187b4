import Flows
import Foundation
import Testing

@Suite("tabular")
struct TabularTests {
  private let tabular = TabularRun()

  @Test("fit prints what it came to, and the model has its columns")
  func fit() throws {
    let data = try tabular.table(tabular.rows(400), "train.csv")
    let model = tabular.folder.path("model.safetensors")
    let object = try tabular.json(
      ["fit", data, "--output", model, "--name", "bend"] + TabularRun.small)
    #expect(
      Set(object.keys) == [
        "name", "model", "columns", "contextColumns", "flow", "layers", "hidden", "reason",
        "parameters", "trainingRows", "validationRows", "steps", "bestStep", "skippedSteps",
        "stopReason", "seconds", "validationLogLikelihood", "standardError",
        "gaussianLogLikelihood", "gaussianStandardError", "gain", "gainStandardError", "warnings",
      ])
    #expect(object["columns"] as? [String] == ["a", "b", "c"])
    #expect(object["trainingRows"] as? Int == 360 && object["validationRows"] as? Int == 40)
    let (own, gaussian) = (
      object["validationLogLikelihood"] as? Double, object["gaussianLogLikelihood"] as? Double
    )
    #expect(try #require(own) > #require(gaussian))
    let flow = try NormalizingFlow<Float>.load(from: model)
    #expect(flow.dimension == 3 && flow.parameterCount == object["parameters"] as? Int)
    let described = try tabular.json(["describe", model])
    #expect(described["name"] as? String == "bend")
    #expect(described["columns"] as? [String] == ["a", "b", "c"])
    #expect(described["validationLogLikelihood"] as? Double == own)
    #expect(
      (described["architecture"] as? [String])?.contains { $0.contains("Autoregressive") } == true)
  }

  @Test("scores are those of the library, whatever the order of named columns")
  func score() throws {
    let (model, _) = try tabular.fitted()
    let rows = tabular.rows(50, seed: 2)
    let file = try tabular.table(rows, "test.csv")
    let scores = tabular.folder.path("scores.csv")
    let object = try tabular.json(["score", model, file, "--output", scores])
    let expected = try NormalizingFlow<Float>.load(from: model)
      .logLikelihood(of: Tensor<Float>(rows))
    // A decimal that JSON holds may be read back with another last bit.
    func isClose(_ object: [String: Any], _ key: String, _ value: Double) throws -> Bool {
      abs(try #require(object[key] as? Double) - value) < 1e-12 * max(1, abs(value))
    }
    #expect(object["rows"] as? Int == 50)
    #expect(try isClose(object, "meanLogDensity", expected.mean.value))
    #expect(try isClose(object, "standardError", expected.mean.standardError))
    let written = try CSVFile.read(scores, as: Double.self)
    #expect(written.header == ["row", "logDensity"] && written.tensor.shape == [50, 2])
    for row in 0..<50 {
      #expect(written.tensor[row, 0] == Double(row + 1))
      #expect(Float(written.tensor[row, 1]) == Float(expected.rows[row]))
    }
    let turned = try tabular.table(
      .concatenated([rows.columns([2, 0]), rows, rows.columns([1])], axis: 1), "turned.csv",
      header: ["c", "a", "u", "v", "w", "b"])
    let again = try tabular.json(["score", model, turned])
    #expect(try isClose(again, "meanLogDensity", expected.mean.value))
    let array = tabular.folder.path("test.npy")
    try NumPyFile.write(rows, to: array)
    let byPlace = try tabular.json(["score", model, array])
    #expect(try isClose(byPlace, "meanLogDensity", expected.mean.value))
  }

  @Test("a threshold flags no more of its own rows than the rate, and far rows")
  func anomalies() throws {
    let (model, _) = try tabular.fitted()
    let ordinary = try tabular.table(tabular.rows(99, seed: 3), "ordinary.csv")
    let scores = tabular.folder.path("scores.csv")
    let arguments = ["--threshold-from", ordinary, "--false-alarm-rate", "0.1"]
    let same = try tabular.json(["score", model, ordinary, "--output", scores] + arguments)
    // The 10th lowest of 99 is the threshold; nine lie below.
    #expect(same["anomalies"] as? Int == 9 && same["thresholdRows"] as? Int == 99)
    let flags = try CSVFile.read(scores, as: Double.self).tensor[columns: 2..<3].scalars
    #expect(flags.reduce(0, +) == 9)
    let far = try tabular.table(tabular.rows(20, seed: 4) + 30, "far.csv")
    let object = try tabular.json(["score", model, far] + arguments)
    #expect(object["anomalies"] as? Int == 20)
  }

  @Test("samples as CSV, as NPY and on standard output; a seed fixes them")
  func sample() throws {
    let (model, _) = try tabular.fitted()
    let (csv, npy) = (tabular.folder.path("s.csv"), tabular.folder.path("s.npy"))
    let object = try tabular.json(["sample", model, "--count", "500", "--output", csv])
    #expect(object["rows"] as? Int == 500)
    let table = try CSVFile.read(csv, as: Float.self)
    #expect(table.header == ["a", "b", "c"] && table.tensor.shape == [500, 3])
    #expect(abs(Double(table.tensor[columns: 2..<3].mean().scalar) - 5) < 1)
    _ = try tabular.json(["sample", model, "--count", "500", "--output", npy])
    #expect(try NumPyFile.read(npy, as: Float.self) == table.tensor)
    let printed = try tabular.run(["sample", model, "--count", "3", "--seed", "1"])
    #expect(printed.output.split(separator: "\n").count == 4)
    let listed = try tabular.json(["sample", model, "--count", "3", "--seed", "1"])
    #expect((listed["values"] as? [[Double]])?.map(\.count) == [3, 3, 3])
  }

  @Test("a conditional density: its draws follow the context")
  func conditional() throws {
    var generator = PhiloxGenerator(seed: 7)
    let noise = Tensor<Double>.normal([400, 2], using: &generator)
    let c = noise[columns: 0..<1]
    let data = try tabular.table(
      .concatenated([c, c * 3 + noise[columns: 1..<2]], axis: 1), "y.csv", header: ["c", "y"])
    let model = tabular.folder.path("y.safetensors")
    let object = try tabular.json(
      ["fit", data, "--context", "c", "--output", model, "--flow", "maf", "--layers", "2"]
        + ["--hidden", "16", "--steps", "300", "--batch", "64", "--learning-rate", "2e-2"])
    #expect(object["columns"] as? [String] == ["y"])
    #expect(object["contextColumns"] as? [String] == ["c"])
    // The truth is the linear Gaussian itself, so that no flow can do much better.
    let gain = try #require(object["gain"] as? Double)
    #expect(abs(gain) < 0.3)
    let places = try tabular.table(Tensor([[-1], [1]]), "c.csv", header: ["c"])
    let draws = tabular.folder.path("draws.csv")
    let sampled = try tabular.json(
      ["sample", model, "--context", places, "--count", "200", "--output", draws])
    #expect(sampled["rows"] as? Int == 400)
    let table = try CSVFile.read(draws, as: Double.self)
    #expect(table.header == ["y", "c"])
    let y = table.tensor[columns: 0..<1]
    #expect(abs(y[rows: 0..<200].mean().scalar + 3) < 0.7)
    #expect(abs(y[rows: 200..<400].mean().scalar - 3) < 0.7)
    let score = try tabular.json(["score", model, data])
    #expect(score["rows"] as? Int == 400)
    let picture = try tabular.json(
      ["plot", model, data, "--output", tabular.folder.path("y.png")])
    #expect(picture["columns"] as? [String] == ["y", "c"])
  }

  @Test("a picture of every pair of columns")
  func plot() throws {
    let (model, data) = try tabular.fitted()
    let output = tabular.folder.path("pairs.png")
    let object = try tabular.json(["plot", model, data, "--output", output, "--columns", "c,1"])
    #expect(object["columns"] as? [String] == ["c", "a"])
    #expect(object["rows"] as? Int == 300)
    let picture = try Data(contentsOf: URL(fileURLWithPath: output))
    #expect(Array(picture.prefix(8)) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  }

  @Test("arrays of .npz files, chosen columns, a file to validate on, a fit by time")
  func inputs() throws {
    var file = NPZFile()
    try file.add("other", Tensor<Float>.ones([4]))
    try file.add("rows", tabular.rows(200))
    let data = tabular.folder.path("d.npz")
    try file.write(to: data)
    let held = tabular.folder.path("held.npy")
    try NumPyFile.write(tabular.rows(60, seed: 5), to: held)
    let model = tabular.folder.path("m.safetensors")
    let object = try tabular.json(
      ["fit", data, "--array", "rows", "--columns", "2-3", "--validation", held]
        + ["--output", model, "--flow", "realnvp", "--layers", "2", "--minutes", "0.01"])
    #expect(object["columns"] as? [String] == ["x2", "x3"])
    #expect(object["trainingRows"] as? Int == 200 && object["validationRows"] as? Int == 60)
    #expect(try #require(object["steps"] as? Int) > 0)
    let score = try tabular.json(["score", model, held])
    #expect(
      score["meanLogDensity"] as? Double == object["validationLogLikelihood"] as? Double)
  }

  @Test("one seed gives one model, whatever the threads; a checkpoint of a complete fit, too")
  func reproducible() throws {
    let data = try tabular.table(tabular.rows(300), "train.csv")
    func bytes(_ name: String, _ extra: [String]) throws -> Data {
      let path = tabular.folder.path(name)
      let run = try tabular.run(["fit", data, "--output", path] + TabularRun.small + extra)
      #expect(run.status == 0, "\(run.errors)")
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    let checkpoint = ["--checkpoint", tabular.folder.path("state")]
    let first = try bytes("1", ["--threads", "1"] + checkpoint)
    #expect(try bytes("2", ["--threads", "2"]) == first)
    #expect(try bytes("3", checkpoint) == first)
    #expect(try bytes("4", ["--seed", "1"]) != first)
  }

  @Test("describe finds what stands in the way of a density")
  func describeData() throws {
    let rows = tabular.rows(100)
    let masses = Tensor(
      shape: [100, 1], scalars: (0..<100).map { $0 % 3 == 0 ? 0.5 : Double($0) + 0.25 })
    let all = Tensor.concatenated(
      [rows.columns([0]), masses, .ones([100, 1]), rows.columns([0]), rows.columns([0]) * 2 + 1],
      axis: 1)
    let data = try tabular.table(all, "d.csv", header: ["a", "mass", "one", "again", "line"])
    let object = try tabular.json(["describe", data])
    #expect(object["rows"] as? Int == 100)
    let columns = try #require(object["columns"] as? [[String: Any]])
    #expect(columns.compactMap { $0["kind"] as? String }.filter { $0 == "constant" }.count == 1)
    #expect(columns[0]["distinct"] as? Int == 100)
    let points = try #require(columns[1]["pointMasses"] as? [[String: Any]])
    #expect(points.first?["value"] as? Double == 0.5 && points.first?["share"] as? Double == 0.34)
    let twins = try #require(object["duplicates"] as? [[String: Any]])
    #expect(twins.compactMap { $0["column"] as? String } == ["again", "line"])
    #expect(twins.compactMap { $0["kind"] as? String } == ["equal", "linear"])
    #expect((object["obstacle"] as? String)?.contains("\"one\"") == true)
    let text = try tabular.run(["describe", data])
    #expect(text.output.contains("34 % of the rows are 0.5") && text.output.contains("constant"))
  }

  @Test("help of the whole and of each command")
  func help() throws {
    let help = try tabular.run(["--help"])
    #expect(help.status == 0)
    for command in ["fit", "score", "sample", "describe", "plot"] {
      #expect(help.output.contains("  \(command) "))
      let own = try tabular.run([command, "--help"])
      #expect(own.status == 0 && own.output.contains("--json") && own.output.contains("--seed"))
    }
  }
}
