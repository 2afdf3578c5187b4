import Flows

/// Autoregressive flows as zuko has them: five transforms, networks 64 × 64 with ReLU.
enum AutoregressiveKind: String {
  /// Rational-quadratic splines of eight bins.
  case spline = "NSF"
  /// Affine.
  case affine = "MAF"

  func flow(dimension: Int) -> NormalizingFlow<Float> {
    var generator = PhiloxGenerator(seed: 1)
    switch self {
    case .spline:
      return .neuralSpline(.autoregressive, dimension: dimension, layers: 5, using: &generator)
    case .affine: return .maf(dimension: dimension, layers: 5, using: &generator)
    }
  }
}

/// Something that is done with an autoregressive flow.
struct AutoregressiveWork {
  let kind: AutoregressiveKind
  let work: FlowWork
  let dimension: Int
  let batch: Int

  /// What is timed, beside zuko as well.
  static let all: [AutoregressiveWork] =
    [256, 4_096].flatMap { batch in
      FlowWork.allCases.map {
        AutoregressiveWork(kind: .spline, work: $0, dimension: 8, batch: batch)
      }
    }
    + [256, 65_536].flatMap { batch in
      [FlowWork.training, .logDensity].map {
        AutoregressiveWork(kind: .affine, work: $0, dimension: 8, batch: batch)
      }
    }
    + [8, 63].map {
      AutoregressiveWork(kind: .affine, work: .sampling, dimension: $0, batch: 4_096)
    }

  /// What peers are asked for.
  var request: String { "\(kind.rawValue) \(work.rawValue)" }

  func workload(threads: Int) -> Workload {
    let flow = kind.flow(dimension: dimension)
    let forward = flow.flow.flows.reduce(0) { sum, flow in
      sum + 2 * ((flow as? Autoregressive<Float>)?.network.multiplyAdds ?? 0)
    }
    let operations = Double(batch * forward * (work == .training ? 3 : 1))
    return Workload(
      name: "\(kind.rawValue) D=\(dimension) B=\(batch) \(work.rawValue)", dimension: dimension,
      batch: batch, threads: threads, cost: .products(executed: operations, dense: nil)
    ) {
      var generator = PhiloxGenerator(seed: 2)
      let data = Tensor<Float>.normal([batch, dimension], using: &generator)
      return work.body(flow, data)
    }
  }
}
