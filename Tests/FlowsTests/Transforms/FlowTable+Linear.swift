import FlowChecks

@testable import Flows

extension FlowTable {
  /// Matrices, rotations and normalisations.
  static let linear: [FlowCase] = [
    FlowCase("LU, D 1") { _ in LULinear<Double>(dimension: 1) },
    FlowCase("LU, D 2") { _ in LULinear<Double>(dimension: 2) },
    FlowCase("LU exp, D 3") { _ in LULinear<Double>(dimension: 3, diagonal: .exp) },
    FlowCase("LU permuting, D 2") { _ in LULinear<Double>(dimension: 2, permutation: [1, 0]) },
    FlowCase("LU permuting, D 5") { LULinear<Double>.permuting(dimension: 5, using: &$0) },
    FlowCase("inverted LU, D 3") { _ in
      LULinear<Double>(dimension: 3, permutation: [2, 0, 1]).inverted
    },
    FlowCase("Householder, D 1") { Householder<Double>(dimension: 1, using: &$0) },
    FlowCase("Householder, D 2") { Householder<Double>(dimension: 2, using: &$0) },
    FlowCase("Householder, D 3") {
      Householder<Double>(dimension: 3, startsAsIdentity: false, using: &$0)
    },
    FlowCase("Householder, D 3, 7 reflections") {
      Householder<Double>(dimension: 3, reflections: 7, using: &$0)
    },
    FlowCase("Householder, D 5, 2 reflections") {
      Householder<Double>(dimension: 5, reflections: 2, using: &$0)
    },
    FlowCase("inverted Householder, D 2") {
      Householder<Double>(dimension: 2, reflections: 3, using: &$0).inverted
    },
    FlowCase("orthogonal, D 1") { Orthogonal<Double>.random(dimension: 1, using: &$0) },
    FlowCase("orthogonal, D 2") { Orthogonal<Double>.random(dimension: 2, using: &$0) },
    FlowCase("orthogonal, D 5") { Orthogonal<Double>.random(dimension: 5, using: &$0) },
    FlowCase("batch normalisation, D 1") {
      normalized(BatchNormalizationFlow(dimension: 1), &$0)
    },
    FlowCase("batch normalisation, D 3") {
      normalized(BatchNormalizationFlow(dimension: 3, epsilon: 1e-3, momentum: 0.01), &$0)
    },
    FlowCase("inverted batch normalisation, D 2") {
      normalized(BatchNormalizationFlow(dimension: 2).inverted, &$0)
    },
    FlowCase("Glow step, D 3, context 1") { generator in
      normalized(
        Composition(
          dimension: 3,
          [
            AffineCoupling<Double>(
              dimension: 3, mask: .half(0), contextDimension: 1, hidden: [8], scale: .soft(),
              using: &generator),
            LULinear<Double>.permuting(dimension: 3, using: &generator),
            BatchNormalizationFlow<Double>(dimension: 3),
          ]), context: 1, &generator)
    },
  ]

  private static func normalized(
    _ flow: any Flow<Double>, context: Int = 0, _ generator: inout PhiloxGenerator
  ) -> any Flow<Double> {
    var flow = flow
    let data = Tensor<Double>.normal([64, flow.dimension], using: &generator)
    let given = context > 0 ? Tensor<Double>.normal([64, context], using: &generator) : nil
    flow.prepare(with: data.scaled(by: 1.4, plus: 0.2), context: given)
    return flow
  }
}
