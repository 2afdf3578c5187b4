import Flows
import Foundation
import Testing

@Suite("tabular refuses what it cannot use in one sentence")
struct TabularErrorTests {
  private let tabular = TabularRun()

  /// The message of a run that must fail; it must be one line and hold every one of `parts`.
  private func refused(
    _ arguments: [String], _ parts: [String], isUsage: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try tabular.run(arguments)
    #expect(run.status == (isUsage ? 64 : 1), "\(run.errors)", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.count == (isUsage ? 2 : 1), "\(run.errors)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(
        run.errors.contains(part), "\"\(part)\" is not in: \(run.errors)",
        sourceLocation: sourceLocation)
    }
  }

  private func refusedFit(
    _ content: String, _ parts: [String], _ options: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let file = try tabular.folder.write(content, to: "data.csv")
    try refused(
      ["fit", file, "--output", tabular.folder.path("m.safetensors")] + options,
      ["data.csv"] + parts, sourceLocation: sourceLocation)
  }

  private func lines(_ row: (Int) -> String) -> String {
    "a,b\n" + (0..<40).map { row($0) + "\n" }.joined()
  }

  @Test func commandsAndOptions() throws {
    try refused(["fti", "x.csv"], ["\"fti\"", "did you mean fit?", "describe"], isUsage: true)
    try refused(["fit", "x.csv", "--stesp", "1"], ["--stesp", "--steps"], isUsage: true)
    try refused(
      ["fit", "x.csv", "--flow", "slpine"], ["\"slpine\"", "\"spline\"", "maf"], isUsage: true)
    try refused(["score", "m.safetensors"], ["exactly 2", "MODEL DATA"], isUsage: true)
    try refused(
      ["fit", "x.csv", "--steps", "1", "--minutes", "1"], ["--steps and --minutes"], isUsage: true)
    try refused(
      ["score", "m", "x.csv", "--false-alarm-rate", "0.1"], ["--threshold-from"], isUsage: true)
    try refused(["sample", "m", "--output", "x.txt"], [".csv or .npy"], isUsage: true)
    #expect(try tabular.run([]).status == 64)
  }

  @Test func values() throws {
    try refusedFit(lines { $0 == 4 ? "1,nan" : "\($0),2" }, ["row 6", "column 2"])
    try refusedFit(lines { $0 == 4 ? "one,2" : "\($0),2" }, ["row 6", "column 1", "\"one\""])
    try refusedFit(
      lines { $0 == 4 ? "1e39,2" : "\($0),\($0 * $0)" }, ["row 6", "(\"a\")", "32 bits"])
    try refusedFit("a,b\n1,2\n3,4\n", ["at least 20 rows", "found 2"])
  }

  @Test func columnsWithoutDensity() throws {
    try refusedFit(lines { "\($0),7" }, ["\"b\" is 7 in every row", "--columns"])
    try refusedFit(lines { "\($0 * $0),\($0 * $0)" }, ["\"b\" is equal to \"a\"", "--columns"])
    try refusedFit(lines { "\($0 * $0),\(1 - 2 * $0 * $0)" }, ["a linear function of \"a\""])
  }

  @Test func choosingColumns() throws {
    let data = lines { "\($0 * $0 % 37),\($0)" }
    try refusedFit(data, ["--columns", "no column \"c\"", "a, b"], ["--columns", "a,c"])
    try refusedFit(data, ["2 columns", "\"1-3\""], ["--columns", "1-3"])
    try refusedFit(data, ["\"a\" is named twice"], ["--columns", "a,1"])
    try refusedFit(data, ["none is left"], ["--context", "a,b"])
    try refusedFit(
      data, ["--context", "\"b\" is named by --columns"], ["--columns", "a,b", "--context", "b"])
    let file = try tabular.folder.write(data, to: "one.csv")
    try refused(["fit", file, "--columns", "a", "--flow", "nice"], ["--flow", "but one"])
  }

  @Test func files() throws {
    try refused(["describe", tabular.folder.path("nothing.csv")], ["nothing.csv"])
    let odd = try tabular.folder.write("1,2\n", to: "data.xlsx")
    try refused(["describe", odd], ["data.xlsx", ".csv", ".npz"])
    let cube = tabular.folder.path("cube.npy")
    try NumPyFile.write(Tensor<Float>.ones([2, 3, 4]), to: cube)
    try refused(["describe", cube], ["cube.npy", "rows and columns", "[2, 3, 4]"])
    var archive = NPZFile()
    try archive.add("p", Tensor<Float>.ones([2, 2]))
    try archive.add("q", Tensor<Float>.ones([2, 2]))
    let file = tabular.folder.path("a.npz")
    try archive.write(to: file)
    try refused(["describe", file], ["a.npz", "--array", "p, q"])
    try refused(["describe", file, "--array", "r"], ["a.npz", "\"r\"", "p, q"])
    let data = try tabular.table(tabular.rows(30), "d.csv")
    try refused(
      ["fit", data, "--output", tabular.folder.path("no/where.safetensors")], ["no/where"])
  }

  @Test func modelsAndTheirData() throws {
    let (model, data) = try tabular.fitted()
    let narrow = tabular.folder.path("narrow.npy")
    try NumPyFile.write(tabular.rows(30).columns([0, 1]), to: narrow)
    try refused(
      ["score", model, narrow],
      ["narrow.npy", "the model takes 3 columns (a, b, c); the file has 2"])
    let other = try tabular.table(tabular.rows(30), "other.csv", header: ["a", "b", "d"])
    try refused(["score", model, other], ["other.csv", "a, b, d", "\"c\" is not among them"])
    try refused(["score", data, model], ["train.csv", "expected a model"])
    try refused(["sample", model, "--context", other], ["takes no context"])
    try refused(
      ["plot", model, data, "--columns", "z"], ["model.safetensors", "no column \"z\"", "a, b, c"])
    let few = try tabular.table(tabular.rows(30), "few.csv")
    try refused(["score", model, data, "--threshold-from", few], ["few.csv", "at least 99 rows"])
    var weights = SafetensorsFile()
    try weights.add("weight", Tensor<Float>.ones([2, 2]))
    try weights.write(to: tabular.folder.path("other.safetensors"))
    try refused(
      ["describe", tabular.folder.path("other.safetensors")],
      ["other.safetensors", "saved by Flows"])
    var file = try SafetensorsFile(contentsOf: model)
    file.metadata["tabular"] = "{\"columns\":[\"a\"]}"
    try file.write(to: tabular.folder.path("broken.safetensors"))
    try refused(
      ["score", tabular.folder.path("broken.safetensors"), data],
      ["broken.safetensors", "does not fit its density"])
  }

  @Test func contextIsAskedFor() throws {
    let data = try tabular.table(tabular.rows(60), "d.csv")
    let model = tabular.folder.path("c.safetensors")
    let run = try tabular.run(
      ["fit", data, "--context", "a", "--output", model, "--steps", "10"] + ["--flow", "realnvp"])
    #expect(run.status == 0, "\(run.errors)")
    try refused(["sample", model], ["conditioned on a", "--context"])
    let wide = tabular.folder.path("wide.npy")
    try NumPyFile.write(tabular.rows(5).columns([0, 1]), to: wide)
    try refused(
      ["sample", model, "--context", wide], ["wide.npy", "conditioned on 1 column (a)", "has 2"])
  }
}
