/// Times all workloads beside the machine's limits.
struct SpeedCommand: BenchmarkCommand {
  private let settings: CommonSettings
  private let withLarge: Bool

  init(_ settings: CommonSettings, withLarge: Bool) {
    self.settings = settings
    self.withLarge = withLarge
  }

  func run() throws {
    let workloads = try WorkloadList.matching(
      settings.filter, WorkloadList.all(threads: settings.threads), withLarge: withLarge)
    _ = introduceMachine(settings)
    let outcomes = InterleavedRun(workloads: workloads, trials: settings.trials).run()
      .map(BenchmarkOutcome.init)
    if settings.printsJSON {
      try printJSON(outcomes)
    } else {
      for outcome in outcomes { print(outcome.line) }
    }
  }
}
