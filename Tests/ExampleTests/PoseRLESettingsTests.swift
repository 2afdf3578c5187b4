import Testing

@Suite("pose-rle: arguments")
struct PoseRLESettingsTests {
  private func refused(
    _ arguments: [String], _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try ExampleRun("pose-rle", arguments)
    #expect(run.status == 64, sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    #expect(
      run.errors
        == "Examples/pose-rle: \(message)\nSee Examples/pose-rle --help for all options.\n",
      sourceLocation: sourceLocation)
  }

  @Test("exactly one command has to be asked for")
  func oneCommand() throws {
    let sentence = "Exactly one of --lift, --evaluate, --study is required, but "
    try refused([], sentence + "none was given.")
    try refused(["--seed", "3", "--json"], sentence + "none was given.")
    try refused(
      ["--study", "out", "--lift", "data"], sentence + "--lift and --study were given.")
    try refused(
      ["--evaluate", "a", "--study", "out", "--lift", "data"],
      sentence + "--lift and --evaluate and --study were given.")
  }

  @Test("options of other commands are refused")
  func foreign() throws {
    try refused(
      ["--evaluate", "a", "--annotations", "b", "--steps", "3000"],
      "The option --steps does not go with --evaluate.")
    try refused(
      ["--lift", "data", "--bootstrap", "10"],
      "The option --bootstrap does not go with --lift.")
    try refused(
      ["--lift", "data", "--study-steps", "10"],
      "The option --study-steps does not go with --lift.")
    try refused(
      ["--study", "out", "--likelihood", "residual"],
      "The option --likelihood does not go with --study.")
  }

  @Test("a seed is checked whatever is done with it")
  func seed() throws {
    try refused(
      ["--evaluate", "a", "--annotations", "b", "--seed", "x"],
      "The value of --seed must be a whole number, but is \"x\".")
  }
}
