import Flows

/// Times training steps and log-densities with the kernels of each instruction set, as fractions of
/// the peak of that set.
struct SetsCommand: BenchmarkCommand {
  private let settings: CommonSettings

  init(_ settings: CommonSettings) { self.settings = settings }

  func run() throws {
    let workloads = try WorkloadList.matching(
      settings.filter,
      WorkloadList.flows(batches: [4_096], [.training, .logDensity], threads: settings.threads))
    _ = introduceMachine(settings)
    let timed = InterleavedRun(
      workloads: InstructionSet.available.reversed().flatMap { set in
        workloads.map { $0.with(instructionSet: set) }
      }, trials: settings.trials
    ).run()
    let outcomes = timed.map(BenchmarkOutcome.init)
    if settings.printsJSON { return try printJSON(outcomes) }
    for outcome in outcomes { print("\(outcome.instructionSet): \(outcome.line)") }
  }
}
