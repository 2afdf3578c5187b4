import FlowChecks

@testable import Flows

extension FlowTable {
  /// Planar, radial and Sylvester flows.
  static let residual: [FlowCase] =
    [1, 2, 3, 5].flatMap { dimension in
      [
        FlowCase("planar, D \(dimension)", roundTrip: 1e-12) {
          Planar<Double>(dimension: dimension, using: &$0)
        },
        FlowCase("radial, D \(dimension)", roundTrip: 1e-12) {
          Radial<Double>(dimension: dimension, using: &$0)
        },
        FlowCase("Sylvester, D \(dimension)", roundTrip: 1e-12) {
          Sylvester<Double>(dimension: dimension, using: &$0)
        },
      ]
    } + [
      FlowCase("planar, D 1, context 1", roundTrip: 1e-12) {
        Planar<Double>(dimension: 1, contextDimension: 1, hidden: [8], using: &$0)
      },
      FlowCase("planar, D 3, context 2", roundTrip: 1e-12) {
        Planar<Double>(
          dimension: 3, contextDimension: 2, hidden: [8, 8], activation: .tanh, using: &$0)
      },
      FlowCase("radial, D 2, context 1", roundTrip: 1e-12) {
        Radial<Double>(dimension: 2, contextDimension: 1, hidden: [8], using: &$0)
      },
      FlowCase("Sylvester, D 2, context 1", roundTrip: 1e-12) {
        Sylvester<Double>(dimension: 2, contextDimension: 1, hidden: [8], using: &$0)
      },
      FlowCase("Sylvester, D 5, rank 2, context 2", roundTrip: 1e-12) {
        Sylvester<Double>(dimension: 5, rank: 2, contextDimension: 2, hidden: [], using: &$0)
      },
      FlowCase("inverted planar, D 2", roundTrip: 1e-12) {
        Planar<Double>(dimension: 2, using: &$0).inverted
      },
      FlowCase("inverted radial, D 2", roundTrip: 1e-12) {
        Radial<Double>(dimension: 2, using: &$0).inverted
      },
      FlowCase("inverted Sylvester, D 3, rank 2", roundTrip: 1e-12) {
        Sylvester<Double>(dimension: 3, rank: 2, using: &$0).inverted
      },
      FlowCase("four planar flows, D 2", roundTrip: 1e-11) { generator in
        Composition(
          dimension: 2, (0..<4).map { _ in Planar<Double>(dimension: 2, using: &generator) })
      },
    ]
}
