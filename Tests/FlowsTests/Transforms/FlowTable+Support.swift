import FlowChecks
import Foundation

@testable import Flows

extension FlowTable {
  /// Maps onto declared supports, simplices and increasing rows.
  static let supportMaps: [FlowCase] =
    [
      FlowCase("support, positive, D 1") { _ in SupportMap<Double>([.positive]) },
      FlowCase("support, positive in units, D 2", roundTrip: 1e-12) {
        support([.positive, .positive], &$0)
      },
      FlowCase("support, interval, D 1") { _ in SupportMap<Double>([.interval(0, 1)]) },
      FlowCase("support, intervals, D 2", roundTrip: 1e-12, floatRoundTrip: 1e-4) { _ in
        SupportMap<Double>([.interval(-2, 5), .interval(-1, 0)])
      },
      FlowCase("support, circle, D 1") { _ in SupportMap<Double>([.circle]) },
      FlowCase("support, real, D 2") { _ in SupportMap<Double>([.real, .real]) },
      FlowCase("support, circle and positive, D 2", roundTrip: 1e-12) {
        support([.circle, .positive], &$0)
      },
      FlowCase("support of every kind, D 5", roundTrip: 1e-12, floatRoundTrip: 1e-4) {
        support([.positive, .interval(0, 1), .real, .circle, .positive], &$0)
      },
      FlowCase("couplings onto a support, D 2", roundTrip: 1e-11, floatRoundTrip: 1e-3, noise: 0.25)
      {
        composed([.positive, .interval(0, 1)], &$0)
      },
      FlowCase("logit map, D 2", roundTrip: 1e-12, floatRoundTrip: 1e-4) { _ in
        LogitMap<Double>(dimension: 2, alpha: 0.05, levels: 256)
      },
    ]
    + [1, 2, 3].map { dimension in
      FlowCase(
        "simplex, D \(dimension)", roundTrip: 1e-10, floatRoundTrip: 0.02, points: .images
      ) { _ in SimplexMap<Double>(dimension: dimension) }
    }
    + [1, 2, 3].map { dimension in
      FlowCase(
        "ordered, D \(dimension)", roundTrip: 1e-12, floatRoundTrip: 1e-3, points: .images
      ) { _ in OrderedMap<Double>(dimension: dimension) }
    }

  /// Started by data of another unit.
  private static func support(_ columns: [Support], _ generator: inout PhiloxGenerator)
    -> SupportMap<Double>
  {
    var map = SupportMap<Double>(columns)
    let z = Tensor<Double>.normal([63, columns.count], using: &generator)
    map.prepare(with: exp(z) * 2.5, context: nil)
    return map
  }

  private static func composed(_ columns: [Support], _ generator: inout PhiloxGenerator)
    -> any Flow<Double>
  {
    let couplings = NormalizingFlow<Double>.realNVP(
      dimension: columns.count, layers: 2, hidden: [8], using: &generator
    ).flow.flows
    return Composition(
      dimension: columns.count, couplings + [support(columns, &generator)])
  }
}
