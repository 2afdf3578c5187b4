import ExampleSupport
import Foundation

/// Times our side and those of other libraries in turn, so that only one computes at any time.
struct PeerRun {
  /// Work that every side can do.
  struct Item {
    /// What peers are asked for.
    let request: String
    let workload: Workload
  }

  /// How long each side is timed each time it has its turn.
  static let secondsOfTurn = 0.5
  /// Between turns: threads that spin when their work is done have gone to sleep by then.
  private static let pause = 0.15

  let python: String
  let threads: Int
  let rounds: Int
  private var workers: [PeerWorker] = []
  /// What is missing or failed, one sentence each.
  private(set) var notes: [String] = []
  /// The processor time that idle processes used while another one was timed, of that time: the
  /// largest share of a core.
  private(set) var idleShare = 0.0

  /// The libraries that answer.
  var peers: [Peer] { workers.map(\.peer) }

  /// All versions, such as `torch 2.9`.
  var versions: [String] {
    let all = workers.reduce(into: [:]) { $0.merge($1.versions) { first, _ in first } }
    return all.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
  }

  /// Starts a process for each of some libraries that is there.
  init(_ peers: [Peer], python: String, threads: Int, rounds: Int) {
    self.python = python
    self.threads = threads
    self.rounds = rounds
    for peer in peers {
      do {
        workers.append(try PeerWorker(peer, python: python, threads: threads))
      } catch {
        note("\(peer.rawValue) is not here: \(error).")
      }
    }
    if workers.isEmpty { note("No library answered, so that these are our figures alone.") }
  }

  /// Times one piece of work on every side.
  mutating func row(_ item: Item) -> PeerRow {
    let ours = TimedWorkload(item.workload, limits: Limits())
    var failed: Set<Peer> = []
    var ratios: [Peer: [Double]] = [:]
    var times: [Peer: [Double]] = [:]
    // Compiling and other first times, with nobody's clock running.
    for worker in workers where time(item, worker, 0) == nil { failed.insert(worker.peer) }
    for _ in 0..<rounds {
      rest()
      let own = watchingOthers(of: nil) { ours.runTrials(forSeconds: Self.secondsOfTurn) }
      for worker in workers where !failed.contains(worker.peer) {
        rest()
        guard let time = time(item, worker, Self.secondsOfTurn) else {
          failed.insert(worker.peer)
          continue
        }
        times[worker.peer, default: []].append(time)
        ratios[worker.peer, default: []].append(time / own)
      }
    }
    var sides: [String: PeerRow.Side] = [:]
    for (peer, found) in ratios where !failed.contains(peer) {
      let time = (times[peer] ?? []).median
      sides[peer.rawValue] = PeerRow.Side(
        secondsPerStep: time, rowsPerSecond: Double(item.workload.batch) / time,
        ratio: found.median, ratioSmallest: found.quantile(0), ratioLargest: found.quantile(1))
    }
    return PeerRow(ours: BenchmarkOutcome(ours), peers: sides)
  }

  /// Ends all processes.
  mutating func end() {
    for worker in workers { try? worker.end() }
    workers = []
  }

  private mutating func time(_ item: Item, _ worker: PeerWorker, _ duration: Double) -> Double? {
    let request = PeerWorker.Request(
      workload: item.request, dimension: item.workload.dimension, batch: item.workload.batch,
      minimumSeconds: duration)
    do {
      let answer = try watchingOthers(of: worker) { try worker.ask(request) }
      if let seconds = answer.secondsPerStep { return seconds }
      throw BenchmarkError(answer.error ?? "an answer without a time")
    } catch {
      note("\(worker.peer.rawValue) failed: \(error).")
      return nil
    }
  }

  private func rest() { Thread.sleep(forTimeInterval: Self.pause) }

  /// Does something while all processes but one, this one where nil, should be idle.
  private mutating func watchingOthers<Result>(
    of active: PeerWorker?, _ body: () throws -> Result
  ) rethrows -> Result {
    let own = active == nil ? [] : [getpid()]
    let others = workers.filter { $0 !== active }.map(\.identifier) + own
    let before = others.map(ProcessFigures.processorTime)
    let start = ContinuousClock.now
    let result = try body()
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    for (process, used) in zip(others, before) {
      guard let used, let now = ProcessFigures.processorTime(of: process) else { continue }
      idleShare = max(idleShare, (now - used) / elapsed)
    }
    return result
  }

  private mutating func note(_ text: String) {
    // What Python says may end with a full stop of its own.
    let sentence = text.hasSuffix("..") ? String(text.dropLast()) : text
    if !notes.contains(sentence) { notes.append(sentence) }
  }
}
