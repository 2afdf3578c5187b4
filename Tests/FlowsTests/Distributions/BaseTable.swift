import FlowChecks

@testable import Flows

/// Every density that is made of nothing but itself or of other densities.
///
/// A new line here gets every check of ``FlowCheck/allForDensities``.
enum BaseTable {
  static let rows: [DensityCase] =
    locationScale + [
      DensityCase("Student's t, ν 1") { _ in
        StudentT(location: Tensor([0.5]), scale: Tensor([2]), degreesOfFreedom: Tensor([1]))
      },
      DensityCase("Student's t, ν 0.7, learnable, ν fixed") { _ in
        StudentT<Double>(
          dimension: 1, degreesOfFreedom: 0.7, isLearnable: true, learnsDegreesOfFreedom: false)
      },
      DensityCase("Student's t, D 2, learnable") { _ in
        StudentT(
          location: Tensor([0.5, -1]), scale: Tensor([2, 0.3]), degreesOfFreedom: Tensor([4, 25]),
          isLearnable: true)
      },
      DensityCase("Student's t, ν 10⁶, learnable") { _ in
        StudentT<Double>(dimension: 3, degreesOfFreedom: 1e6, isLearnable: true)
      },
      DensityCase("uniform, D 1") { _ in Uniform<Double>(dimension: 1) },
      DensityCase("uniform, D 2") { _ in Uniform(low: Tensor([-1, 3.0]), high: Tensor([2, 3.5])) },
      DensityCase("gamma, α 0.5") { _ in gamma([0.5], [2]) },
      DensityCase("gamma, α 1") { _ in gamma([1], [0.5]) },
      DensityCase("gamma, D 2, learnable") { _ in gamma([2.5, 12], [1, 3], isLearnable: true) },
      DensityCase("gamma, D 3, learnable") { _ in
        gamma([0.1, 1, 80], [1, 3, 100], isLearnable: true)
      },
      DensityCase("beta, arcsine") { _ in beta([0.5], [0.5]) },
      DensityCase("beta, flat") { _ in beta([1], [1]) },
      DensityCase("beta, D 2, learnable") { _ in beta([2.5, 0.6], [3, 4], isLearnable: true) },
      DensityCase("beta, D 3, learnable") { _ in beta([30, 1, 12], [12, 3, 80], isLearnable: true)
      },
      DensityCase("full Gaussian, D 1, learnable") { multivariate(1, isLearnable: true, &$0) },
      DensityCase("full Gaussian, D 2") { multivariate(2, &$0) },
      DensityCase("full Gaussian, D 2, learnable") { multivariate(2, isLearnable: true, &$0) },
      DensityCase("full Gaussian, D 5, learnable") { multivariate(5, isLearnable: true, &$0) },
      DensityCase("full Gaussian, D 6") { multivariate(6, &$0) },
      DensityCase("low-rank Gaussian, D 1") { lowRank(1, 1, &$0) },
      DensityCase("low-rank Gaussian, D 2, learnable") { lowRank(2, 1, isLearnable: true, &$0) },
      DensityCase("low-rank Gaussian, D 3, r 4, learnable") {
        lowRank(3, 4, isLearnable: true, &$0)
      },
      DensityCase("low-rank Gaussian, D 12, r 2") { lowRank(12, 2, &$0) },
    ] + composites

  private static let locationScale: [DensityCase] = {
    func rows<D: LocationScaleDistribution<Double>>(_ name: String, _ type: D.Type) -> [DensityCase]
    {
      [
        DensityCase("\(name), standard, D 2") { _ in D(dimension: 2) },
        DensityCase("\(name), D 1, learnable") { _ in
          D(location: Tensor([0.3]), scale: Tensor([0.01]), isLearnable: true)
        },
        DensityCase("\(name), D 3, learnable") { _ in
          D(
            location: Tensor([0.5, -2, 300]), scale: Tensor([1, 0.01, 40]), isLearnable: true)
        },
      ]
    }
    return rows("Gaussian", Gaussian.self) + rows("Laplace", Laplace.self)
      + rows("logistic", Logistic.self)
  }()

  private static let composites: [DensityCase] = [
    DensityCase("mixture of one") { _ in Mixture([Gaussian<Double>(dimension: 1)]) },
    DensityCase("mixture of kinds, D 1") { _ in
      Mixture(
        [
          Gaussian(location: Tensor([-2]), scale: Tensor([0.5])),
          Laplace(location: Tensor([1.5]), scale: Tensor([0.7])), Uniform<Double>(dimension: 1),
        ], weights: [1, 2, 0.5])
    },
    DensityCase("mixture of learnable parts, D 2") { _ in
      Mixture(
        [
          Gaussian(location: Tensor([-1, 0]), scale: Tensor([0.5, 1]), isLearnable: true),
          Logistic(location: Tensor([1.5, 1]), scale: Tensor([0.7, 0.3]), isLearnable: true),
        ], weights: [1, 2])
    },
    DensityCase("mixture with learnable weights, D 2") { generator in
      Mixture(
        [multivariate(2, isLearnable: true, &generator), Laplace<Double>(dimension: 2)],
        isLearnable: true)
    },
    DensityCase("mixture of bounded parts") { _ in
      Mixture<Double>(
        [Uniform(low: Tensor([-3]), high: Tensor([-1])), beta([2], [3], isLearnable: true)],
        weights: [0.3, 0.7], isLearnable: true)
    },
    DensityCase("mixture of positive parts") { _ in
      Mixture<Double>([gamma([3], [1], isLearnable: true), beta([2], [2])])
    },
    DensityCase("mixture of products, D 2") { _ in
      Mixture<Double>([
        ProductDistribution([gamma([2], [1]), Uniform(dimension: 1)]),
        ProductDistribution([Gaussian(dimension: 1), beta([2], [2])]),
      ])
    },
    DensityCase("mixture of flows with context") { generator in
      Mixture([flow(2, context: 1, &generator), Gaussian<Double>(dimension: 2)])
    },
    DensityCase("product, D 2") { _ in
      ProductDistribution<Double>([Laplace(dimension: 1), gamma([2.5], [1], isLearnable: true)])
    },
    DensityCase("product of bounded parts, D 3") { _ in
      ProductDistribution<Double>([
        Uniform(dimension: 1), beta([2, 3], [2, 1.5], isLearnable: true),
      ])
    },
    DensityCase("product of wide parts, D 4") { generator in
      ProductDistribution([
        multivariate(3, isLearnable: true, &generator), Logistic(dimension: 1, isLearnable: true),
      ])
    },
    DensityCase("product with a mixture, D 2") { _ in
      ProductDistribution<Double>([
        Mixture([Gaussian(dimension: 1), Laplace(dimension: 1)], isLearnable: true),
        Logistic(dimension: 1),
      ])
    },
    DensityCase("product of products, D 3") { _ in
      ProductDistribution<Double>([
        ProductDistribution([Gaussian(dimension: 1), gamma([2], [2])]),
        StudentT(dimension: 1, degreesOfFreedom: 3, isLearnable: true),
      ])
    },
    DensityCase("product with context, D 3") { generator in
      ProductDistribution([flow(2, context: 2, &generator), gamma([2], [1])])
    },
  ]

  private static func gamma(_ alpha: [Double], _ rate: [Double], isLearnable: Bool = false)
    -> Gamma<Double>
  {
    Gamma(concentration: Tensor(alpha), rate: Tensor(rate), isLearnable: isLearnable)
  }

  private static func beta(_ alpha: [Double], _ beta: [Double], isLearnable: Bool = false)
    -> Beta<Double>
  {
    Beta(alpha: Tensor(alpha), beta: Tensor(beta), isLearnable: isLearnable)
  }

  private static func multivariate(
    _ n: Int, isLearnable: Bool = false, _ generator: inout PhiloxGenerator
  ) -> MultivariateGaussian<Double> {
    let root = Tensor<Double>.normal([n, n], using: &generator) * 0.4
    let below = (0..<n).map { i in (0..<n).map { $0 < i ? 1.0 : 0 } }
    return MultivariateGaussian(
      mean: .normal([n], using: &generator),
      factor: root * Tensor(below) + .identity(n) * exp(root), isLearnable: isLearnable)
  }

  private static func lowRank(
    _ n: Int, _ r: Int, isLearnable: Bool = false, _ generator: inout PhiloxGenerator
  ) -> LowRankGaussian<Double> {
    LowRankGaussian(
      mean: .normal([n], using: &generator), factor: .normal([n, r], using: &generator),
      diagonal: exp(.normal([n], using: &generator)), isLearnable: isLearnable)
  }

  private static func flow(_ n: Int, context: Int, _ generator: inout PhiloxGenerator)
    -> NormalizingFlow<Double>
  {
    NormalizingFlow(base: Gaussian<Double>(dimension: n)) {
      AffineCoupling(
        dimension: n, mask: .alternating(0), contextDimension: context, hidden: [8],
        activation: .tanh, using: &generator)
    }
  }
}
