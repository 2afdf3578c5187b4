import Flows

/// Everything that is timed; a later workload is one more line here.
enum WorkloadList {
  static let dimensions = [2, 8, 64]
  static let batches = [256, 4_096, 65_536]
  static let largeBatch = 1_048_576

  static func all(threads: Int) -> [Workload] {
    flows(threads: threads)
      + AutoregressiveWork.all.map { $0.workload(threads: threads) }
      + [
        .keypointLoss(images: 32, threads: threads),
        .fit(threads: threads),
      ] + images(threads: threads).map(\.workload) + [.cropLoading(threads: threads)]
      + KernelWorkloads.all(threads: threads)
  }

  /// Training steps, log-densities and draws of the RLE RealNVP.
  static func flows(
    dimensions: [Int] = dimensions, batches: [Int] = batches + [largeBatch],
    _ works: [FlowWork] = FlowWork.allCases, threads: Int
  ) -> [Workload] {
    dimensions.flatMap { dimension in
      batches.flatMap { batch in
        let fixture = FlowFixture(dimension: dimension, batch: batch)
        return works.map {
          $0.workload(fixture, threads: threads, isLarge: batch >= largeBatch)
        }
      }
    }
  }

  /// Training steps and forward passes of residual networks, with what peers are asked for.
  static func images(threads: Int) -> [PeerRun.Item] {
    ImageNetwork.all.flatMap { network in
      ImageWork.allCases.filter { $0 != .likelihoodTraining || network.name == "compact" }.map {
        PeerRun.Item(
          request: $0.request(network), workload: $0.workload(network, threads: threads))
      }
    }
  }

  /// Those whose name contains a text, all where it is empty.
  ///
  /// Large ones are among them where they are asked for, or where the text names their batch.
  static func matching(
    _ filter: String, _ workloads: [Workload], withLarge: Bool = false
  ) throws -> [Workload] {
    let namesLarge = withLarge || filter.contains("B=\(largeBatch)")
    let found = workloads.filter {
      (filter.isEmpty || $0.name.contains(filter)) && (namesLarge || !$0.isLarge)
    }
    guard !found.isEmpty else {
      throw BenchmarkError(
        "no workload has \"\(filter)\" in its name; such names are "
          + workloads.prefix(3).map { "\"\($0.name)\"" }.joined(separator: ", "))
    }
    return found
  }
}

/// A failure, as one line for people.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
