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

  @Test("at most one command can be asked for")
  func oneCommand() throws {
    let sentence = "Exactly one of --lift, --evaluate, --study, --predict, --test is required, but "
    try refused(
      ["--study", "out", "--lift", "data"], sentence + "--lift and --study were given.")
    try refused(
      ["--evaluate", "a", "--study", "out", "--lift", "data"],
      sentence + "--lift and --evaluate and --study were given.")
  }

  @Test("what training is asked for is checked")
  func training() throws {
    try refused(
      ["--compare", "l1,residul"],
      "Unknown likelihood \"residul\" for --compare: did you mean \"residual\"? Known: l2, l1, "
        + "gaussian, laplace, direct, residual, residualReleased, residualMMPose, all.")
    try refused(
      ["--epochs", "2", "--steps", "3"],
      "Exactly one of --epochs, --steps is required, but --epochs and --steps were given.")
    try refused(
      ["--images", "folder"], "The option --annotations is required but was not given.")
    try refused(
      ["--size", "64"],
      "The value of --size must be width x height of 16 to 4096 pixels, as 192x256, but is \"64\".")
    try refused(
      ["--model", "m"], "The option --model goes with --predict or --test only.")
    try refused(["a.jpg"], "Unexpected argument \"a.jpg\": this command takes options only.")
    try refused(["--predict", "--model", "m"], "Expected at least 1 IMAGE, but 0 were given.")
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
