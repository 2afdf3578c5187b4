import FlowChecks

@testable import Flows

/// Every column transform, in every structure.
extension FlowTable {
  static let transforms: [(name: String, transform: ColumnTransform)] =
    [
      ("additive", .additive),
      ("affine soft", .affine(scale: .soft())),
      ("affine", .affine()),
      ("logistic mixture", .logisticMixture(components: 4)),
      ("Bernstein, linear tails", .bernstein(BernsteinPolynomial(degree: 7, interval: -3...3))),
      (
        "Bernstein, learned tails",
        .bernstein(BernsteinPolynomial(degree: 7, interval: -3...2, tails: .learned))
      ),
    ]
    + [RationalQuadraticSpline.Tails.linear, .learned].flatMap { tails in
      [RationalQuadraticSpline.Parametrization.soft, .floored, .flooredIdentity].map { form in
        (
          "spline \(tails) \(form)",
          .spline(
            RationalQuadraticSpline(
              bins: 5, interval: -3...2.5, tails: tails, parametrization: form))
        )
      }
    }

  static let columnTransforms: [FlowCase] =
    transforms.flatMap { name, transform -> [FlowCase] in
      [
        row("elementwise \(name), D 1", transform) { elementwise(1, [transform], &$0) },
        row("coupling \(name), D 2", transform) { coupling(2, [transform], &$0) },
        row("autoregressive \(name), D 2", transform) { autoregressive(2, [transform], &$0) },
      ]
    } + [
      row("elementwise spline, D 3, context 2") { elementwise(3, context: 2, [.spline()], &$0) },
      row("elementwise mixture started at quantiles, D 2", .logisticMixture()) { generator in
        var flow = Elementwise<Double>(
          dimension: 2, transform: .logisticMixture(components: 4), startsAtQuantiles: true,
          using: &generator)
        let data = Tensor<Double>.normal([64, 2], using: &generator)
        flow.prepare(with: data.scaled(by: 1.7, plus: 0.6), context: nil)
        return flow
      },
      row("coupling spline, D 3, context 2") { coupling(3, context: 2, [.spline()], &$0) },
      row("coupling spline, D 5, half") { coupling(5, mask: .half(1), [.spline()], &$0) },
      row("coupling, a transform for each of 4 columns") { coupling(4, mixed, &$0) },
      row("coupling spline, GELU network, D 2") {
        coupling(2, activation: .gelu, [.spline()], &$0)
      },
      row("coupling spline, no hidden layer, D 3") { coupling(3, hidden: [], [.spline()], &$0) },
      row("autoregressive spline, D 1, context 1") {
        autoregressive(1, context: 1, [.spline()], &$0)
      },
      row("autoregressive spline, D 3, context 2") {
        autoregressive(3, context: 2, [.spline()], &$0)
      },
      row("autoregressive, a transform for each of 4 columns") { autoregressive(4, mixed, &$0) },
      row("autoregressive, order 2 0 1") {
        autoregressive(3, order: [2, 0, 1], [.affine()], &$0)
      },
      row("autoregressive, 2 passes of 5 columns") {
        autoregressive(5, passes: 2, [.affine()], &$0)
      },
      row("autoregressive, 3 passes of 5 columns, context 1") {
        autoregressive(5, passes: 3, context: 1, [.spline()], &$0)
      },
      row("autoregressive, GELU network, D 3") {
        autoregressive(3, activation: .gelu, [.affine()], &$0)
      },
      row("autoregressive, ten layers, D 2", .affine()) {
        autoregressive(2, hidden: [Int](repeating: 3, count: 9), [.affine()], &$0)
      },
      row("autoregressive, no hidden layer, D 3") {
        autoregressive(3, hidden: [], [.affine()], &$0)
      },
      row("autoregressive, 5 columns and 3 units") {
        autoregressive(5, hidden: [3], [.affine()], &$0)
      },
      row("inverted autoregressive, D 3, context 2") {
        autoregressive(3, context: 2, [.affine()], &$0).inverted
      },
      row("embedded context of 3 columns, D 2", .affine()) { generator in
        let embedding = MLP<Double>(
          inputs: 3, hidden: [6], outputs: 2, activation: .tanh, using: &generator)
        return EmbeddedContext(embedding, autoregressive(2, context: 2, [.affine()], &generator))
      },
      row("MAF, D 3") {
        NormalizingFlow<Double>.maf(dimension: 3, layers: 2, hidden: [8], using: &$0).flow
      },
      row("IAF, D 3") {
        NormalizingFlow<Double>.iaf(dimension: 3, layers: 2, hidden: [8], using: &$0).flow
      },
      row("neural spline, autoregressive, D 1") {
        NormalizingFlow<Double>.neuralSpline(.autoregressive, dimension: 1, layers: 2, using: &$0)
          .flow
      },
      row("Glow, D 3, context 1", .affine()) {
        NormalizingFlow<Double>.glow(
          dimension: 3, contextDimension: 1, layers: 2, hidden: [8], using: &$0
        ).flow
      },
      row("Gaussianization, D 2") {
        NormalizingFlow<Double>.gaussianization(
          dimension: 2, layers: 2, components: 3, using: &$0
        ).flow
      },
      row("neural spline, couplings, D 1") {
        NormalizingFlow<Double>.neuralSpline(.coupling, dimension: 1, layers: 2, using: &$0).flow
      },
      row("neural spline, couplings, D 3, context 1") {
        NormalizingFlow<Double>.neuralSpline(
          .coupling, dimension: 3, contextDimension: 1, layers: 4, hidden: [8], using: &$0
        ).flow
      },
      row("neural spline, autoregressive, D 3") {
        NormalizingFlow<Double>.neuralSpline(
          .autoregressive, dimension: 3, layers: 2, hidden: [8], using: &$0
        ).flow
      },
    ]

  private static let mixed: [ColumnTransform] = [
    .spline(), .affine(), .logisticMixture(components: 3),
    .bernstein(BernsteinPolynomial(degree: 5)),
  ]

  /// A row with the tolerance of its transform: equations of degree above one are solved toward data, and
  /// knots bound the accuracy of a quadrature.
  private static func row(
    _ name: String, _ transform: ColumnTransform = .spline(),
    make: @escaping @Sendable (inout PhiloxGenerator) -> any Flow<Double>
  ) -> FlowCase {
    switch transform {
    case .additive, .affine, .latentAffine: FlowCase(name, noise: 0.25, make: make)
    case .spline, .logisticMixture, .bernstein:
      FlowCase(
        name, roundTrip: 1e-11, floatRoundTrip: 1e-5, noise: 0.25, nodes: 640, make: make)
    }
  }

  private static func elementwise(
    _ dimension: Int, context: Int = 0, _ transforms: [ColumnTransform],
    _ generator: inout PhiloxGenerator
  ) -> Elementwise<Double> {
    Elementwise(
      .init(
        dimension: dimension, transforms: transforms, contextDimension: context, hidden: [8],
        activation: .tanh, startsAtQuantiles: false),
      outputInitializer: .pyTorch, using: &generator)
  }

  private static func coupling(
    _ dimension: Int, mask: CouplingMask = .alternating(1), context: Int = 0,
    hidden: [Int] = [8, 8], activation: Activation = .leakyReLU(),
    _ transforms: [ColumnTransform], _ generator: inout PhiloxGenerator
  ) -> Coupling<Double> {
    Coupling(
      .init(
        dimension: dimension, mask: mask, contextDimension: context, hidden: hidden,
        activation: activation, transforms: transforms),
      outputInitializer: .pyTorch, using: &generator)
  }

  private static func autoregressive(
    _ dimension: Int, order: [Int]? = nil, passes: Int? = nil, context: Int = 0,
    hidden: [Int] = [8, 8], activation: Activation = .tanh, _ transforms: [ColumnTransform],
    _ generator: inout PhiloxGenerator
  ) -> Autoregressive<Double> {
    Autoregressive(
      .init(
        dimension: dimension, order: order ?? Array(0..<dimension), passes: passes ?? dimension,
        contextDimension: context, hidden: hidden, activation: activation,
        transforms: transforms),
      outputInitializer: .pyTorch, using: &generator)
  }
}
