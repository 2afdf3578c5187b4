import Flows

/// The RLE RealNVP with rows to work on, made once for all workloads that share them.
final class FlowFixture {
  let dimension: Int
  let batch: Int
  private(set) lazy var flow = Self.flow(dimension: dimension)
  private(set) lazy var data: Tensor<Float> = {
    var generator = PhiloxGenerator(seed: 2)
    return .normal([batch, dimension], using: &generator)
  }()

  init(dimension: Int, batch: Int) {
    self.dimension = dimension
    self.batch = batch
  }

  /// Six couplings, each with two networks of its own, D/2 → 64 → 64 → D/2; for D = 2 it is
  /// `NormalizingFlow.rle`.
  static func flow(dimension: Int) -> NormalizingFlow<Float> {
    var generator = PhiloxGenerator(seed: 1)
    let couplings: [any Flow<Float>] = (0..<6).map { layer in
      AffineCoupling<Float>(
        dimension: dimension, mask: .alternating(layer), hidden: [64, 64],
        activation: .leakyReLU(slope: 0.01), networks: .separate, scale: .tanh(bound: 1),
        using: &generator)
    }
    return NormalizingFlow(
      base: Gaussian(dimension: dimension),
      flow: Composition(dimension: dimension, couplings))
  }
}

/// One training step of maximum likelihood: forward, backward and Adam.
func takeTrainingStep(_ trainer: Trainer<NormalizingFlow<Float>>, on data: Tensor<Float>) {
  let result = trainer.step(on: data, learningRate: 1e-4)
  precondition(result.wasTaken, "the training step had no finite loss and gradient")
}

/// What is done with the RLE RealNVP.
enum FlowWork: String, CaseIterable, Codable {
  /// Forward, backward and Adam.
  case training = "training step"
  /// The log-density of every row.
  case logDensity = "log-density"
  /// As many draws as there are rows.
  case sampling

  func workload(_ fixture: FlowFixture, threads: Int, isLarge: Bool = false) -> Workload {
    let dimension = fixture.dimension
    let operations =
      self == .training
      ? FlowOperations.training(dimension: dimension)
      : FlowOperations.forward(dimension: dimension)
    return Workload(
      name: "RLE RealNVP D=\(dimension) B=\(fixture.batch) \(rawValue)", dimension: dimension,
      batch: fixture.batch, threads: threads, isLarge: isLarge,
      cost: operations.cost(rows: fixture.batch)
    ) { body(fixture) }
  }

  /// The work on as many threads as ``Workers`` has when it runs.
  func body(_ fixture: FlowFixture) -> Workload.Body { body(fixture.flow, fixture.data) }

  /// The same of any flow.
  func body(_ flow: NormalizingFlow<Float>, _ data: Tensor<Float>) -> Workload.Body {
    switch self {
    case .training:
      let trainer = Trainer(flow)
      return { repeats in
        trainer.threads = Workers.count
        for _ in 0..<repeats { takeTrainingStep(trainer, on: data) }
      }
    case .logDensity:
      return { repeats in for _ in 0..<repeats { _ = flow.logDensity(of: data) } }
    case .sampling:
      var generator = PhiloxGenerator(seed: 3)
      return { repeats in
        for _ in 0..<repeats { _ = flow.sample(data.shape[0], using: &generator) }
      }
    }
  }
}
