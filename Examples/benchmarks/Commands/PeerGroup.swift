import ExampleSupport

/// Work that the same libraries can do: one table.
enum PeerGroup: CaseIterable {
  /// The flow of RLE.
  case flows
  /// Autoregressive flows.
  case autoregressive
  /// Residual networks.
  case images

  /// Who else does it.
  var peers: [Peer] {
    switch self {
    case .flows: [.torch, .torchCompiled, .jax, .zuko, .flowjax]
    case .autoregressive: [.zukoTransforms]
    case .images: [.torchImages, .torchImagesChannelsLast]
    }
  }

  /// What rates are given in.
  var unit: RateUnit { self == .images ? .images : .rows }

  /// What the names of all its workloads begin with, and what stands above them.
  private var prefix: String {
    switch self {
    case .flows: "RLE RealNVP "
    case .autoregressive: ""
    case .images: "images "
    }
  }
  private var title: String {
    switch self {
    case .flows: "RLE RealNVP"
    case .autoregressive: "Autoregressive"
    case .images: "Residual networks"
    }
  }

  /// All its work.
  func items(threads: Int) -> [PeerRun.Item] {
    switch self {
    case .images: return WorkloadList.images(threads: threads)
    case .autoregressive:
      return AutoregressiveWork.all.map {
        PeerRun.Item(request: $0.request, workload: $0.workload(threads: threads))
      }
    case .flows:
      let fixtures = [2, 8].flatMap { dimension in
        WorkloadList.batches.map { FlowFixture(dimension: dimension, batch: $0) }
      }
      return fixtures.flatMap { fixture in
        FlowWork.allCases.map {
          PeerRun.Item(
            request: $0.rawValue, workload: $0.workload(fixture, threads: threads))
        }
      }
    }
  }

  func heading(_ peers: [Peer]) -> [String] {
    let columns = [title, "ours"] + fractions.map(\.title) + peers.map(\.rawValue)
    return [row(columns), row(columns.map { _ in "---" })]
  }

  func line(_ row: PeerRow, _ peers: [Peer]) -> String {
    let ours = row.ours
    let digits = self == .images ? 2 : 1
    return self.row(
      [String(ours.name.dropFirst(prefix.count)), unit.text(ours.rowsPerSecond)]
        + fractions.map { fixed(100 * $0.value(ours), 0) + " %" }
        + peers.map { peer in
          guard let side = row.peers[peer.rawValue] else { return "—" }
          return "\(unit.text(side.rowsPerSecond)) (\(fixed(side.ratio, digits)))"
        })
  }

  /// Shares of the multiply-add peak.
  private var fractions: [(title: String, value: (BenchmarkOutcome) -> Double)] {
    let executed = ("of peak", { (outcome: BenchmarkOutcome) in outcome.fractionOfPeak })
    guard self == .flows else { return [executed] }
    return [
      executed,
      ("dense count, of peak", { $0.denseFractionOfPeak ?? $0.fractionOfPeak }),
    ]
  }

  private func row(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }
}
