import Flows

/// A workload that is ready to run, with the trials so far.
final class TimedWorkload {
  /// One timing between two samples of the limit.
  struct Trial {
    /// Of one run.
    let seconds: Double
    /// Operations or bytes per second.
    let limit: Double
  }

  let workload: Workload
  private(set) var trials: [Trial] = []
  private let body: Workload.Body
  private let limits: Limits
  private let repeats: Int

  /// Makes ready: data, a first run, and how many runs a trial needs to be long enough to time.
  init(_ workload: Workload, limits: Limits) {
    self.workload = workload
    self.limits = limits
    let body = Self.settingUp(workload, workload.prepare)
    self.body = body
    let first = Self.settingUp(workload) { timed { body(1) } }
    guard first < 0.02 else {
      repeats = 1
      return
    }
    let second = Self.settingUp(workload) { timed { body(3) } } / 3
    // Long beside the milliseconds that a system may take to spread threads over the cores.
    repeats = max(1, Int((15e-3 / second).rounded(.up)))
  }

  /// Times once.
  @discardableResult
  func runTrial() -> Trial {
    // What ran before has left its own data in the caches; steady work is what is timed.
    if repeats > 1 { Self.settingUp(workload) { body((repeats + 4) / 5) } }
    let before = limits.sample(workload)
    let time = Self.settingUp(workload) { timed { body(repeats) } } / Double(repeats)
    let after = limits.sample(workload)
    let trial = Trial(seconds: time, limit: (before + after) / 2)
    trials.append(trial)
    return trial
  }

  /// Times for so long, at least once, and returns the median of these trials.
  func runTrials(forSeconds duration: Double) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    repeat { times.append(runTrial().seconds) } while clock.now - start < .seconds(duration)
    return times.median
  }

  private static func settingUp<Result>(_ workload: Workload, _ body: () -> Result) -> Result {
    Workers.count = workload.threads
    return InstructionSet.with(workload.instructionSet ?? .current, body)
  }
}
