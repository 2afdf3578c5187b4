import Flows

/// Times training steps and log-densities of the RLE RealNVP.
struct StepBenchmark {
  /// What is timed.
  enum Workload: String, CaseIterable {
    /// Forward, backward and Adam.
    case training = "training step"
    /// The log-density of every row.
    case logDensity = "log-density"
  }

  let dimension: Int
  let batch: Int
  let threads: Int
  let trials: Int

  func name(of workload: Workload) -> String {
    "RLE RealNVP D=\(dimension) B=\(batch) \(workload.rawValue)"
  }

  /// Forward, the products that are executed: only the columns that a coupling uses.
  static func forwardOperationsPerRow(dimension: Int) -> Double {
    let passed = Double(dimension / 2)
    let network = passed * 64 + 64 * 64 + 64 * (Double(dimension) - passed)
    return 2 * network * 2 * 6
  }

  func run(_ workloads: [Workload]) -> [BenchmarkOutcome] {
    var generator = PhiloxGenerator(seed: 1)
    let data = Tensor<Float>.normal([batch, dimension], using: &generator)
    let flow =
      dimension == 2
      ? NormalizingFlow<Float>.rle(dimension: 2, using: &generator)
      : NormalizingFlow<Float>.realNVP(
        dimension: dimension, layers: 6, scale: .tanh(bound: 1), using: &generator)
    Workers.count = threads
    let trainer = Trainer(flow, threads: threads)
    let operationsPerRow = Self.forwardOperationsPerRow(dimension: dimension)
    return workloads.map { workload in
      switch workload {
      case .training:
        measure(workload, operations: 3 * operationsPerRow * Double(batch)) {
          _ = trainer.step(rows: batch, learningRate: 1e-4) { model, rows in
            -model.logDensity(of: data[rows: rows]).sum()
          }
        }
      case .logDensity:
        measure(workload, operations: operationsPerRow * Double(batch)) {
          _ = flow.logDensity(of: data)
        }
      }
    }
  }

  private func measure(_ workload: Workload, operations: Double, _ work: () -> Void)
    -> BenchmarkOutcome
  {
    BenchmarkOutcome(
      name: name(of: workload), dimension: dimension, batch: batch, threads: threads,
      trials: trials, operations: operations, work)
  }
}
