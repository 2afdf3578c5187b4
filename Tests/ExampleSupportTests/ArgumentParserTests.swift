import ExampleSupport
import Testing

private let parser = ArgumentParser(
  program: "train",
  summary: "Trains a flow on a two-dimensional data set and draws what it has learnt.",
  groups: [
    CommandOptionGroup(
      "Data",
      [
        .value("data", "NAME", default: "two-moons", help: "The data set to learn."),
        .value("output", "FILE", help: "The file to write."),
      ]),
    CommandOptionGroup(
      "Training",
      [
        .value("steps", "N", default: "1000", help: "How many steps of the optimiser to take."),
        .value(
          "learning-rate", "RATE", default: "1e-3",
          help: "The step size of the optimiser, which falls to zero along a cosine."),
        .value("shift", "X", default: "0", help: "How far to shift the data."),
        .flag("quiet", help: "Show no progress."),
      ]),
  ])

private func parse(
  _ arguments: String..., using parser: ArgumentParser = parser
) throws -> ParsedArguments {
  guard case .run(let parsed) = try parser.parse(arguments) else {
    throw UnexpectedHelp()
  }
  return parsed
}

private struct UnexpectedHelp: Error {}

private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}

@Suite("Arguments")
struct ArgumentParserTests {
  @Test("options that are not given have their defaults")
  func defaults() throws {
    let arguments = try parse()
    #expect(try arguments.string("data") == "two-moons")
    #expect(try arguments.int("steps", in: 1...10_000) == 1000)
    #expect(try arguments.double("learning-rate") == 1e-3)
    #expect(!arguments.flag("quiet"))
    #expect(arguments.optionalString("output") == nil)
    #expect(
      message { _ = try arguments.string("output") }
        == "The option --output is required but was not given.")
  }

  @Test("both forms of a value, and flags, are read")
  func values() throws {
    let arguments = try parse("--steps", "5", "--learning-rate=0.5", "--quiet", "--data=a=b")
    #expect(try arguments.int("steps") == 5)
    #expect(try arguments.double("learning-rate", in: 0...1) == 0.5)
    #expect(try arguments.string("data") == "a=b")
    #expect(arguments.flag("quiet"))
  }

  @Test("given is what stands in the call, not what has a default")
  func given() throws {
    let arguments = try parse("--steps=1000", "--quiet")
    #expect(arguments.isGiven("steps") && arguments.isGiven("quiet"))
    #expect(!arguments.isGiven("data") && !arguments.isGiven("output"))
    #expect(!(try parse().isGiven("quiet")))
  }

  @Test("conflicts are full sentences")
  func conflicts() {
    let names = ["lift", "evaluate", "study"]
    #expect(
      "\(ArgumentError.notExactlyOne(of: names, given: []))"
        == "Exactly one of --lift, --evaluate, --study is required, but none was given.")
    #expect(
      "\(ArgumentError.notExactlyOne(of: names, given: ["lift", "study"]))"
        == "Exactly one of --lift, --evaluate, --study is required, "
        + "but --lift and --study were given.")
    #expect(
      "\(ArgumentError.foreignOption("steps", command: "study"))"
        == "The option --steps does not go with --study.")
    #expect(
      "\(ArgumentError.strayOption("steps", commands: ["lift", "study"]))"
        == "The option --steps goes with --lift or --study only.")
  }

  @Test("an unknown command is named with the nearest one")
  func unknownCommand() {
    let known = ["fit", "score"]
    #expect(
      "\(ArgumentError.unknownCommand("fti", nearest: "fit", known: known))"
        == "Unknown command \"fti\": did you mean fit? Known: fit, score.")
    #expect(
      "\(ArgumentError.unknownCommand("x", nearest: nil, known: known))"
        == "Unknown command \"x\": no known one is like it. Known: fit, score.")
  }

  @Test("arguments that each have a name of their own")
  func namedPositionals() {
    let parser = ArgumentParser(
      program: "score", summary: "Scores.",
      positionals: .accepted(name: "MODEL DATA", count: 2...2, help: "Two files."), groups: [])
    #expect(parser.helpText.hasPrefix("Usage: score [options] MODEL DATA\n"))
    #expect(
      message { _ = try parse("a", using: parser) }
        == "Expected exactly 2 arguments (MODEL DATA), but 1 was given.")
  }

  @Test("negative numbers are values")
  func negativeNumbers() throws {
    #expect(try parse("--shift", "-2.5").double("shift") == -2.5)
    #expect(try parse("--shift=-1e-3").double("shift") == -1e-3)
    #expect(try parse("--steps", "-3").int("steps") == -3)
    #expect(message { _ = try parse("-3") }.hasPrefix("Unexpected argument \"-3\""))
  }

  @Test("an unknown option suggests the nearest one")
  func unknownOption() {
    #expect(
      message { _ = try parse("--step", "3") } == "Unknown option --step: did you mean --steps?")
    #expect(
      message { _ = try parse("--leaning_rate=3") }
        == "Unknown option --leaning_rate: did you mean --learning-rate?")
    #expect(
      message { _ = try parse("--zzz") } == "Unknown option --zzz: see --help for the known ones.")
    #expect(message { _ = try parse("-steps", "3") }.contains("did you mean --steps?"))
    #expect(message { _ = try parse("--hlep") }.contains("did you mean --help?"))
  }

  @Test("missing, superfluous and repeated values are errors")
  func malformed() {
    let missing = "The option --steps needs a value: write --steps N."
    #expect(message { _ = try parse("--steps") } == missing)
    #expect(message { _ = try parse("--steps", "--quiet") } == missing)
    #expect(
      message { _ = try parse("--quiet=yes") }
        == "The option --quiet takes no value, but \"yes\" was given.")
    #expect(
      message { _ = try parse("--steps=1", "--steps", "2") }
        == "The option --steps is given more than once.")
    #expect(
      message { _ = try parse("--quiet", "--quiet") }
        == "The option --quiet is given more than once.")
  }

  @Test("numbers are checked")
  func numbers() throws {
    let arguments = try parse("--steps", "0", "--learning-rate=nan", "--shift=-1")
    #expect(
      message { _ = try arguments.int("steps", in: 1...50) }
        == "The value of --steps must be between 1 and 50, but is 0.")
    #expect(
      message { _ = try arguments.int("steps", in: 1...Int.max) }
        == "The value of --steps must be at least 1, but is 0.")
    #expect(
      message { _ = try arguments.double("learning-rate") }
        == "The value of --learning-rate must be a finite number, but is \"nan\".")
    #expect(
      message { _ = try arguments.double("shift", in: Double.leastNonzeroMagnitude...1) }
        == "The value of --shift must be above zero and at most 1.0, but is -1.")
    #expect(
      message { _ = try arguments.double("shift", in: -Double.infinity...(-2)) }
        == "The value of --shift must be at most -2.0, but is -1.")
    #expect(
      message { _ = try parse("--steps=1.5").int("steps") }
        == "The value of --steps must be a whole number, but is \"1.5\".")
  }

  @Test("a choice suggests the nearest known one")
  func choices() throws {
    let known = ["two-moons", "rings"]
    #expect(try parse("--data=rings").choice("data", from: known, kind: "data set") == "rings")
    #expect(
      message {
        _ = try parse("--data=two-moon").choice("data", from: known, kind: "data set")
      }
        == "Unknown data set \"two-moon\" for --data: did you mean \"two-moons\"? "
        + "Known: two-moons, rings.")
    #expect(
      message { _ = try parse("--data=x").choice("data", from: known, kind: "data set") }
        == "Unknown data set \"x\" for --data: no known one is like it. Known: two-moons, rings.")
  }

  @Test("positional arguments are taken or refused as declared")
  func positionals() throws {
    #expect(
      message { _ = try parse("--quiet", "file") }
        == "Unexpected argument \"file\": this command takes options only.")
    let files = ArgumentParser(
      program: "show", summary: "Shows files.",
      positionals: .accepted(name: "FILE", count: 1...2, help: "A file to show."),
      groups: [CommandOptionGroup("Options", [.flag("all", help: "Show all.")])])
    let arguments = try parse("a", "--all", "--", "--b", using: files)
    #expect(arguments.positionals == ["a", "--b"])
    #expect(arguments.flag("all"))
    #expect(try parse("-", "-1", using: files).positionals == ["-", "-1"])
    #expect(
      message { _ = try parse(using: files) } == "Expected 1 to 2 FILE, but 0 were given.")
    #expect(files.helpText.hasPrefix("Usage: show [options] FILE ...\n"))
    #expect(files.helpText.contains("Arguments:\n  FILE                    A file to show.\n"))
  }

  @Test("help wins over what stands after it")
  func helpRequest() throws {
    for arguments in [["--help"], ["-h"], ["--quiet", "--help", "--nonsense"]] {
      guard case .help = try parser.parse(arguments) else {
        Issue.record("No help was shown for \(arguments).")
        continue
      }
    }
  }

  @Test("the help text is grouped and wrapped")
  func helpText() {
    #expect(
      parser.helpText == """
        Usage: train [options]

        Trains a flow on a two-dimensional data set and draws what it has learnt.

        Data:
          --data NAME             The data set to learn. Default: two-moons.
          --output FILE           The file to write.

        Training:
          --steps N               How many steps of the optimiser to take. Default:
                                  1000.
          --learning-rate RATE    The step size of the optimiser, which falls to zero
                                  along a cosine. Default: 1e-3.
          --shift X               How far to shift the data. Default: 0.
          --quiet                 Show no progress.

        Help:
          -h, --help              Show this text.

        """)
    #expect(parser.helpText.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("usage errors have the exit status of sysexits.h")
  func exitStatus() {
    #expect(ArgumentError.exitStatus == 64)
  }

  @Test("settings are read without ending the process when all is well")
  func readOrExit() {
    let steps = parser.readOrExit(["--steps=7"]) { (arguments) throws(ArgumentError) in
      try arguments.int("steps")
    }
    #expect(steps == 7)
  }

  @Test("edit distance and nearest match")
  func editDistances() {
    #expect(editDistance("", "abc") == 3)
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("same", "same") == 0)
    #expect(editDistance("abcd", "abdc") == 1)
    #expect(nearestMatch(to: "Rings", among: ["circles", "rings"]) == "rings")
    #expect(nearestMatch(to: "ab", among: ["cd"]) == nil)
    #expect(nearestMatch(to: "x", among: []) == nil)
  }

  @Test("words longer than a line stand alone")
  func wrapping() {
    #expect(wrapText("a bb ccc", indent: 1, width: 5) == [" a bb", " ccc"])
    #expect(wrapText("a longword b", indent: 0, width: 4) == ["a", "longword", "b"])
    #expect(wrapText("", indent: 3) == [])
  }
}
