import ExampleSupport

/// Times workloads in rounds: each round runs every workload once, so that the machine's mood meets
/// all alike.
struct InterleavedRun {
  let workloads: [Workload]
  let trials: Int
  /// How often workloads that take long are timed.
  static let largeTrials = 5

  /// The workloads with their trials, in their order.
  func run() -> [TimedWorkload] {
    var bar = ProgressBar(total: workloads.count + trials)
    let limits = Limits()
    let timed = workloads.enumerated().map { index, workload in
      bar.update(step: index, message: workload.name)
      return TimedWorkload(workload, limits: limits)
    }
    for round in 0..<trials {
      limits.beginRound()
      for item in timed where round < Self.largeTrials || !item.workload.isLarge {
        item.runTrial()
      }
      bar.update(step: workloads.count + round + 1, message: "round \(round + 1)")
    }
    bar.finish()
    return timed
  }
}
