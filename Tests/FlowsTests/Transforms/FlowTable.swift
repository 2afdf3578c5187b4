import FlowChecks

@testable import Flows

/// Every flow.
///
/// A new line here gets every check of ``FlowCheck/all``.
enum FlowTable {
  static let rows: [FlowCase] =
    affineCouplings + columnTransforms + peerForms + [
      FlowCase("affine, context 2") { affine(2, context: 2, &$0) },
      FlowCase("affine joint, D 3, context 1") { affine(3, context: 1, networks: .joint, &$0) },
      FlowCase("affine, tanh networks") { affine(2, activation: .tanh, &$0) },
      FlowCase("affine, GELU networks") { affine(3, activation: .gelu, &$0) },
      FlowCase("affine, linear networks") { affine(2, hidden: [], &$0) },
      FlowCase("additive, D 2") { additive(2, &$0) },
      FlowCase("additive, D 3, half") { additive(3, mask: .half(1), &$0) },
      FlowCase("additive, D 5, context 2") { additive(5, context: 2, &$0) },
      FlowCase("ActNorm, D 1") { prepared(ActNorm<Double>(dimension: 1), &$0) },
      FlowCase("ActNorm, D 2") { prepared(ActNorm<Double>(dimension: 2), &$0) },
      FlowCase("ActNorm, D 5") { prepared(ActNorm<Double>(dimension: 5), &$0) },
      FlowCase("permutation reversed, D 2") { _ in Permutation<Double>.reversed(dimension: 2) },
      FlowCase("permutation random, D 5") { Permutation<Double>.random(dimension: 5, using: &$0) },
      FlowCase("standardization, D 1") { _ in
        Standardization<Double>(scale: Tensor([0.4]), shift: Tensor([1.5]))
      },
      FlowCase("standardization, D 3") { _ in
        Standardization<Double>(scale: Tensor([0.3, 2, 7]), shift: Tensor([-1, 0.2, 4]))
      },
      FlowCase("composition, D 2") { composed(2, &$0) },
      FlowCase("composition, D 3, context 2") { composed(3, context: 2, &$0) },
      FlowCase("composition, D 5") { composed(5, &$0) },
      FlowCase("empty composition") { _ in Composition<Double>(dimension: 2) },
      FlowCase("inverted affine, D 2") { affine(2, &$0).inverted },
      FlowCase("inverted affine, D 3, context 2") { affine(3, context: 2, &$0).inverted },
      FlowCase("inverted additive, D 2") { additive(2, &$0).inverted },
      FlowCase("inverted ActNorm, D 2") { Inverted(prepared(ActNorm<Double>(dimension: 2), &$0)) },
      FlowCase("ActNorm, prepared inverted, D 2") {
        prepared(ActNorm<Double>(dimension: 2).inverted, &$0)
      },
      FlowCase("inverted composition, D 2") { Inverted(composed(2, &$0)) },
      FlowCase("twice inverted, D 2") { affine(2, &$0).inverted.inverted },
      FlowCase("RLE, D 2", noise: 0.25, nodes: 320) {
        NormalizingFlow<Double>.rle(dimension: 2, using: &$0).flow
      },
      FlowCase("RLE, D 3") { NormalizingFlow<Double>.rle(dimension: 3, using: &$0).flow },
      FlowCase("RealNVP, D 2", noise: 0.25) { realNVP(2, &$0) },
      FlowCase("RealNVP, D 3") { realNVP(3, &$0) },
      FlowCase("NICE, D 2") { nice(2, &$0) },
      FlowCase("NICE, D 5") { nice(5, &$0) },
      FlowCase("a user's shear", types: shear) { _ in Shear<Double>(slope: Tensor(0.7)) },
      FlowCase("a user's shear, inverted", types: shear) { _ in
        Shear<Double>(slope: Tensor(-0.4)).inverted
      },
    ]
    + linear
    + residual
    + supportMaps

  private static let shear = StorableTypes(
    flows: [Shear<Double>.self], floatFlows: [Shear<Float>.self])

  /// Networks × scale × mask × dimension.
  private static let affineCouplings: [FlowCase] = {
    let scales: [(String, CouplingScale)] = [("tanh", .tanh()), ("soft", .soft()), ("free", .free)]
    var rows: [FlowCase] = []
    for networks in [AffineCoupling<Double>.Networks.separate, .joint] {
      for (scaleName, scale) in scales {
        for dimension in [2, 3, 5] {
          let flags = (0..<dimension).map { $0 % 3 != 0 }
          let masks: [(String, CouplingMask)] = [
            ("alternating", .alternating(0)), ("half", .half(1)), ("given", .given(flags)),
          ]
          for (maskName, mask) in masks {
            rows.append(
              FlowCase(
                "affine \(networks) \(scaleName) \(maskName), D \(dimension)",
                staysFinite: scale != .free
              ) { affine(dimension, mask: mask, networks: networks, scale: scale, &$0) })
          }
        }
      }
    }
    return rows
  }()

  private static func affine(
    _ dimension: Int, mask: CouplingMask = .alternating(1), context: Int = 0,
    hidden: [Int] = [8, 8], activation: Activation = .leakyReLU(),
    networks: AffineCoupling<Double>.Networks = .separate, scale: CouplingScale = .tanh(),
    _ generator: inout PhiloxGenerator
  ) -> AffineCoupling<Double> {
    AffineCoupling(
      dimension: dimension, mask: mask, contextDimension: context, hidden: hidden,
      activation: activation, networks: networks, scale: scale, using: &generator)
  }

  private static func additive(
    _ dimension: Int, mask: CouplingMask = .alternating(0), context: Int = 0,
    _ generator: inout PhiloxGenerator
  ) -> AdditiveCoupling<Double> {
    AdditiveCoupling(
      dimension: dimension, mask: mask, contextDimension: context, hidden: [8, 8],
      using: &generator)
  }

  /// Several kinds of flows one after the other.
  private static func composed(
    _ dimension: Int, context: Int = 0, _ generator: inout PhiloxGenerator
  ) -> any Flow<Double> {
    let flows: [any Flow<Double>] = [
      affine(dimension, mask: .half(0), context: context, &generator),
      Permutation<Double>.random(dimension: dimension, using: &generator),
      ActNorm<Double>(dimension: dimension),
      additive(dimension, mask: .alternating(1), context: context, &generator),
      affine(dimension, networks: .joint, scale: .soft(bound: 2), &generator).inverted,
      Standardization<Double>(
        scale: Tensor(repeating: 1.5, shape: [dimension]),
        shift: Tensor(repeating: -0.5, shape: [dimension])),
    ]
    return prepared(Composition(dimension: dimension, flows), context: context, &generator)
  }

  private static func prepared(
    _ flow: any Flow<Double>, context: Int = 0, _ generator: inout PhiloxGenerator
  ) -> any Flow<Double> {
    var flow = flow
    let data = Tensor<Double>.normal([64, flow.dimension], using: &generator)
    let given = context > 0 ? Tensor<Double>.normal([64, context], using: &generator) : nil
    flow.prepare(with: data.scaled(by: 1.7, plus: 0.6), context: given)
    return flow
  }

  private static func realNVP(_ dimension: Int, _ generator: inout PhiloxGenerator)
    -> any Flow<Double>
  {
    NormalizingFlow<Double>.realNVP(
      dimension: dimension, layers: 4, hidden: [16], using: &generator
    ).flow
  }

  private static func nice(_ dimension: Int, _ generator: inout PhiloxGenerator)
    -> any Flow<Double>
  {
    NormalizingFlow<Double>.nice(dimension: dimension, layers: 4, hidden: [16], using: &generator)
      .flow
  }
}
