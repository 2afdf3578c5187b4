import ExampleSupport
import Flows
import Foundation

/// What a million rows take in memory, and whether they go as fast as fewer.
struct MemoryCommand: BenchmarkCommand {
  private let settings: CommonSettings
  private static let rows = WorkloadList.largeBatch
  private static let dataBytes = rows * 2 * MemoryLayout<Float>.size

  init(_ settings: CommonSettings) { self.settings = settings }

  private struct Row: Encodable {
    let side: String
    let work: FlowWork
    let rows = MemoryCommand.rows
    let dataBytes = MemoryCommand.dataBytes
    /// The most that the process had resident, its code included.
    let peakBytes: Int
    /// What it had before the first step, with data and weights.
    let bytesBefore: Int
    /// Nil where only memory was measured.
    let rate: Rate?

    private enum CodingKeys: CodingKey {
      case side, work, rows, dataBytes, peakBytes, bytesBefore, rate
    }
  }

  /// Rows per second, of the large batch and of a smaller one in the same rounds.
  private struct Rate: Encodable {
    let large: Double
    let smaller: Double
    /// The median over the rounds of the first by the second.
    let ratio: Double
  }

  func run() throws {
    let rows = try [FlowWork.training, .logDensity].map(measure) + peers()
    if settings.printsJSON { return try printJSON(rows) }
    print("\(Self.rows) rows of 2 columns, \(megabytes(Self.dataBytes)) of data")
    for row in rows {
      var line =
        "\(row.side) \(row.work.rawValue): peak \(megabytes(row.peakBytes - row.dataBytes)) above "
        + "the data, of which \(megabytes(row.peakBytes - row.bytesBefore)) came with the work"
      if let rate = row.rate {
        line +=
          "; \(rateText(rate.large)), \(fixed(100 * rate.ratio, 1)) % of the rate at batch 65536 "
          + "(\(rateText(rate.smaller)))"
      }
      print(line)
    }
  }

  private func measure(_ work: FlowWork) throws -> Row {
    let child: ChildCommand.Work = work == .training ? .training : .logDensity
    guard let line = try child.runInChild(threads: settings.threads),
      let memory = try? JSONDecoder().decode(ChildCommand.Memory.self, from: Data(line.utf8))
    else { throw BenchmarkError("the process of the measurement \(child.rawValue) said nothing") }
    let timed = InterleavedRun(
      workloads: WorkloadList.flows(
        dimensions: [2], batches: [65_536, Self.rows], [work], threads: settings.threads),
      trials: InterleavedRun.largeTrials
    ).run()
    let rates = timed.map { item in item.trials.map { Double(item.workload.batch) / $0.seconds } }
    return Row(
      side: "Flows", work: work, peakBytes: memory.peakBytes, bytesBefore: memory.bytesBefore,
      rate: Rate(
        large: rates[1].median, smaller: rates[0].median,
        ratio: zip(rates[1], rates[0]).map { $0 / $1 }.median))
  }

  /// PyTorch's memory for the same work, each in a process of its own.
  private func peers() throws -> [Row] {
    guard let python = settings.python else { return [] }
    do {
      return try [FlowWork.training, .logDensity].map { work in
        let worker = try PeerWorker(.torch, python: python, threads: settings.threads)
        let answer = try worker.ask(
          .init(workload: work.rawValue, dimension: 2, batch: Self.rows, memory: true))
        try worker.end()
        guard let peak = answer.peakBytes, let before = answer.bytesBefore else {
          throw BenchmarkError(answer.error ?? "\(python) says nothing of memory")
        }
        return Row(
          side: "PyTorch", work: work, peakBytes: peak, bytesBefore: before, rate: nil)
      }
    } catch {
      writeToStandardError("benchmarks: no figure of PyTorch: \(error)\n")
      return []
    }
  }

  private func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1e6, 1) + " MB" }

  private func rateText(_ rowsPerSecond: Double) -> String {
    RateUnit.rows.text(rowsPerSecond) + " " + RateUnit.rows.name
  }
}
