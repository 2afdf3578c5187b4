import Testing

@testable import Flows

/// A flow under test, with what its checks need to know of it.
struct FlowRow: Sendable, CustomTestStringConvertible {
  let name: String
  /// The error of a round trip at |x| ≤ 5 in `Double`, relative to max(1, |x|), disturbed weights.
  let roundTrip: Double
  /// The same in `Float`, freshly initialised.
  let floatRoundTrip: Double
  /// False for free log-scales, which may overflow far out.
  let isBounded: Bool
  /// The size of the noise on the weights of a disturbed flow, times 1/√fan-in.
  let noise: Double
  /// Nodes along each side of the quadrature of a density in two columns.
  let nodes: Int
  private let make: @Sendable (inout PhiloxGenerator) -> any Flow<Double>

  init(
    _ name: String, roundTrip: Double = 1e-13, floatRoundTrip: Double = 1e-5,
    isBounded: Bool = true, noise: Double = 0.5, nodes: Int = 200,
    _ make: @escaping @Sendable (inout PhiloxGenerator) -> any Flow<Double>
  ) {
    self.name = name
    self.roundTrip = roundTrip
    self.floatRoundTrip = floatRoundTrip
    self.isBounded = isBounded
    self.noise = noise
    self.nodes = nodes
    self.make = make
  }

  var testDescription: String { name }

  /// The flow as its initializer leaves it, over a standard Gaussian.
  var fresh: NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 1)
    let flow = make(&generator)
    return NormalizingFlow(
      base: Gaussian(dimension: flow.dimension),
      flow: Composition(dimension: flow.dimension, [flow]))
  }

  /// The flow with noise on every trained tensor, so that no part of it is the identity.
  var disturbed: NormalizingFlow<Double> {
    var noise = WeightNoise(size: noise, generator: PhiloxGenerator(seed: 2))
    var model = fresh
    model.visitParameters(&noise)
    return model
  }
}

/// Adds noise to every trained tensor.
private struct WeightNoise: ParameterVisitor {
  let size: Double
  var generator: PhiloxGenerator

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    let fanIn = parameter.rank == 2 ? parameter.shape[0] : 4
    let noise = Tensor<Double>.normal(parameter.shape, using: &generator)
    parameter += noise * (size / Double(fanIn).squareRoot())
  }
}

/// Every flow.
///
/// A new line here gets every check of `FlowCheck.all`.
enum FlowTable {
  static let rows: [FlowRow] =
    affineCouplings + [
      FlowRow("affine, context 2") { affine(2, context: 2, &$0) },
      FlowRow("affine joint, D 3, context 1") { affine(3, context: 1, networks: .joint, &$0) },
      FlowRow("affine, tanh networks") { affine(2, activation: .tanh, &$0) },
      FlowRow("affine, GELU networks") { affine(3, activation: .gelu, &$0) },
      FlowRow("affine, linear networks") { affine(2, hidden: [], &$0) },
      FlowRow("additive, D 2") { additive(2, &$0) },
      FlowRow("additive, D 3, half") { additive(3, mask: .half(1), &$0) },
      FlowRow("additive, D 5, context 2") { additive(5, context: 2, &$0) },
      FlowRow("ActNorm, D 1") { prepared(ActNorm<Double>(dimension: 1), &$0) },
      FlowRow("ActNorm, D 2") { prepared(ActNorm<Double>(dimension: 2), &$0) },
      FlowRow("ActNorm, D 5") { prepared(ActNorm<Double>(dimension: 5), &$0) },
      FlowRow("permutation reversed, D 2") { _ in Permutation<Double>.reversed(dimension: 2) },
      FlowRow("permutation random, D 5") { Permutation<Double>.random(dimension: 5, using: &$0) },
      FlowRow("standardization, D 1") { _ in
        Standardization<Double>(scale: Tensor([0.4]), shift: Tensor([1.5]))
      },
      FlowRow("standardization, D 3") { _ in
        Standardization<Double>(scale: Tensor([0.3, 2, 7]), shift: Tensor([-1, 0.2, 4]))
      },
      FlowRow("composition, D 2") { composed(2, &$0) },
      FlowRow("composition, D 3, context 2") { composed(3, context: 2, &$0) },
      FlowRow("composition, D 5") { composed(5, &$0) },
      FlowRow("empty composition") { _ in Composition<Double>(dimension: 2) },
      FlowRow("inverted affine, D 2") { affine(2, &$0).inverted },
      FlowRow("inverted affine, D 3, context 2") { affine(3, context: 2, &$0).inverted },
      FlowRow("inverted additive, D 2") { additive(2, &$0).inverted },
      FlowRow("inverted ActNorm, D 2") { Inverted(prepared(ActNorm<Double>(dimension: 2), &$0)) },
      FlowRow("inverted composition, D 2") { Inverted(composed(2, &$0)) },
      FlowRow("twice inverted, D 2") { affine(2, &$0).inverted.inverted },
      FlowRow("RLE, D 2", noise: 0.25, nodes: 320) {
        NormalizingFlow<Double>.rle(dimension: 2, using: &$0).flow
      },
      FlowRow("RLE, D 3") { NormalizingFlow<Double>.rle(dimension: 3, using: &$0).flow },
      FlowRow("RealNVP, D 2", noise: 0.25) { realNVP(2, &$0) },
      FlowRow("RealNVP, D 3") { realNVP(3, &$0) },
      FlowRow("NICE, D 2") { nice(2, &$0) },
      FlowRow("NICE, D 5") { nice(5, &$0) },
      FlowRow("a user's shear") { _ in Shear<Double>(slope: Tensor(0.7)) },
      FlowRow("a user's shear, inverted") { _ in Shear<Double>(slope: Tensor(-0.4)).inverted },
    ]

  /// Users' types that files of the table may hold.
  static func types<S: TensorScalar>(_ scalar: S.Type) -> [any StorableFlow<S>.Type] {
    [Shear<S>.self]
  }

  /// Networks × scale × mask × dimension.
  private static let affineCouplings: [FlowRow] = {
    let scales: [(String, CouplingScale)] = [("tanh", .tanh()), ("soft", .soft()), ("free", .free)]
    var rows: [FlowRow] = []
    for networks in [AffineCoupling<Double>.Networks.separate, .joint] {
      for (scaleName, scale) in scales {
        for dimension in [2, 3, 5] {
          let flags = (0..<dimension).map { $0 % 3 != 0 }
          let masks: [(String, CouplingMask)] = [
            ("alternating", .alternating(0)), ("half", .half(1)), ("given", .given(flags)),
          ]
          for (maskName, mask) in masks {
            rows.append(
              FlowRow(
                "affine \(networks) \(scaleName) \(maskName), D \(dimension)",
                isBounded: scale != .free
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
