import Flows
import Foundation
import Testing

@Suite("fit2d refuses bad input with a clear message")
struct Fit2DErrorTests {
  /// Runs with a file of the given content; the message must hold every one of `parts`.
  private func refused(
    file name: String, _ content: String, _ parts: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let folder = TemporaryFolder()
    let file = try folder.write(content, to: name)
    try refused(["--data", file, "--output", folder.path("o")], parts, sourceLocation)
  }

  private func refused(
    _ arguments: [String], _ parts: [String],
    _ sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try ExampleRun("fit2d", arguments)
    #expect(run.status != 0, sourceLocation: sourceLocation)
    #expect(run.status < 128, "ended by a signal: \(run.errors)", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    for part in parts {
      #expect(
        run.errors.contains(part), "\"\(part)\" is not in: \(run.errors)",
        sourceLocation: sourceLocation)
    }
  }

  @Test func missingFile() throws {
    let folder = TemporaryFolder()
    try refused(
      ["--data", folder.path("nothing.csv"), "--output", folder.path("o")], ["nothing.csv"])
  }

  @Test func textInANumberColumn() throws {
    try refused(
      file: "text.csv", "x,y\n1,2\n3,four\n5,6\n", ["text.csv", "row 3", "column 2", "four"])
  }

  @Test func textInTheFirstRow() throws {
    try refused(file: "first.csv", "1,two\n3,4\n5,6\n", ["first.csv", "row 1", "two"])
  }

  @Test func rowWithNaN() throws {
    try refused(file: "nan.csv", "x,y\n1,2\n3,NaN\n5,6\n", ["nan.csv", "row 3", "column 2"])
  }

  @Test func rowWithNaNInNPY() throws {
    let folder = TemporaryFolder()
    var scalars = [Float](repeating: 1, count: 100)
    scalars[41] = .nan
    let file = folder.path("nan.npy")
    try NumPyFile.write(Tensor(shape: [50, 2], scalars: scalars), to: file)
    try refused(
      ["--data", file, "--output", folder.path("o")], ["nan.npy", "row 21", "column 2", "nan"])
  }

  @Test func oneColumn() throws {
    try refused(file: "one.csv", "x\n1\n2\n3\n", ["one.csv", "two columns", "1 column"])
  }

  @Test func noRows() throws {
    try refused(file: "empty.csv", "x,y\n", ["empty.csv", "only a header"])
  }

  @Test func truncatedNPY() throws {
    let folder = TemporaryFolder()
    let file = folder.path("short.npy")
    try NumPyFile.write(Tensor<Float>.zeros([100, 2]), to: file)
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    try whole.dropLast(300).write(to: URL(fileURLWithPath: file))
    try refused(["--data", file, "--output", folder.path("o")], ["short.npy", "800", "500"])
  }

  @Test func constantColumn() throws {
    let rows = (0..<50).map { "\($0),7\n" }.joined()
    try refused(file: "constant.csv", "x,y\n" + rows, ["constant", "column 2"])
  }

  @Test func modelOfAnotherKind() throws {
    let folder = TemporaryFolder()
    var file = SafetensorsFile()
    try file.add("weight", Tensor<Float>.ones([2, 2]))
    try file.write(to: folder.path("other.safetensors"))
    try refused(
      ["--model", folder.path("other.safetensors"), "--output", folder.path("o")],
      ["other.safetensors", "saved by Flows"])
  }

  @Test func modelOfAnotherDimension() throws {
    let folder = TemporaryFolder()
    var generator = PhiloxGenerator(seed: 0)
    let path = folder.path("three.safetensors")
    try NormalizingFlow<Float>.realNVP(dimension: 3, layers: 2, using: &generator).save(to: path)
    try refused(
      ["--model", path, "--output", folder.path("o")], ["three.safetensors", "3 columns"])
  }

  @Test func unknownOption() throws {
    try refused(["--stpes", "10"], ["--stpes", "--steps"])
  }

  @Test func unknownDataSet() throws {
    try refused(["--dataset", "two-moon"], ["two-moon", "two-moons", "checkerboard"])
  }

  @Test func outputFolderThatCannotBeMade() throws {
    let folder = TemporaryFolder()
    let file = try folder.write("a file", to: "taken")
    try refused(["--steps", "10", "--output", file + "/inside"], ["taken", "output folder"])
  }
}
