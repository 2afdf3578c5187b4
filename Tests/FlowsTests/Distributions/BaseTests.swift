import Testing

@testable import Flows

@Suite("Bases")
struct BaseTests {
  @Test("have known values")
  func knownValues() {
    let origin = Tensor<Double>([[0, 0]])
    #expect(
      Swift.abs(Gaussian(dimension: 2).logDensity(of: origin).scalar + 1.837_877_066_409_345_3)
        < 1e-15)
    #expect(
      Swift.abs(Laplace(dimension: 2).logDensity(of: origin).scalar + 1.386_294_361_119_890_6)
        < 1e-15)
    let narrow = Gaussian<Float>(location: Tensor([0]), scale: Tensor([1e-4]))
    #expect(Swift.abs(narrow.logDensity(of: Tensor([[0]])).scalar - 8.291_402) < 1e-5)
  }

  @Test("stay finite very far out, in value and gradient")
  func extremes() {
    let bases: [any Distribution<Double>] = [
      Gaussian(dimension: 1), Laplace(dimension: 1), Logistic(dimension: 1),
      StudentT(dimension: 1, degreesOfFreedom: 2),
    ]
    for base in bases {
      let x = Tensor<Double>([[1e100], [-1e100]])
      #expect(base.logDensity(of: x, context: nil).isFinite)
      #expect(gradient(at: x) { base.logDensity(of: $0, context: nil).sum() }.isFinite)
    }
  }

  @Test("are trained only where they say so")
  func learnable() {
    func count(_ density: any Distribution<Double>) -> Int { density.parameterCount }
    #expect(Gaussian<Double>(dimension: 3).namedTensors.map(\.name) == ["location", "logScale"])
    #expect(count(Gaussian(dimension: 3)) == 0)
    #expect(count(Logistic(dimension: 3, isLearnable: true)) == 6)
    #expect(count(StudentT(dimension: 2, degreesOfFreedom: 3, isLearnable: true)) == 6)
    #expect(
      count(
        StudentT(
          dimension: 2, degreesOfFreedom: 3, isLearnable: true, learnsDegreesOfFreedom: false))
        == 4)
    #expect(count(Uniform(dimension: 2)) == 0)
    #expect(count(MultivariateGaussian(dimension: 4, isLearnable: true)) == 14)
    let parts: [any Distribution<Double>] = [Gaussian(dimension: 1), Laplace(dimension: 1)]
    #expect(count(Mixture(parts, isLearnable: true)) == 2)
  }

  @Test("whose draws are constants are refused by reverse KL")
  func reverseKL() {
    var model = NormalizingFlow(
      base: StudentT<Double>(dimension: 2, degreesOfFreedom: 3, isLearnable: true),
      flow: Composition(dimension: 2))
    #expect(
      errorText {
        try model.fit(toLogDensity: { -$0.squared().sum(axis: 1) }, options: FitOptions())
      }.contains("reverse KL needs draws that are differentiable"))
  }

  @Test("have quantiles within an open support")
  func quantiles() {
    func check<S: TensorScalar>(_: S.Type) {
      let p = Tensor<S>([[1e-30], [0.001], [0.1], [0.9], [0.999]])
      let beta = Beta<S>(alpha: Tensor([0.05]), beta: Tensor([0.05]))
      let gamma = Gamma<S>(concentration: Tensor([0.01]), rate: Tensor([1]))
      #expect(beta.quantile(of: p).scalars.allSatisfy { $0 > 0 && $0 < 1 })
      #expect(beta.logDensity(of: beta.quantile(of: p)).isFinite)
      #expect(gamma.quantile(of: p).scalars.allSatisfy { $0 > 0 && $0.isFinite })
      #expect(beta.quantile(of: Tensor([[0], [1]])).scalars == [0, 1])
      #expect(gamma.quantile(of: Tensor([[0], [1]])).scalars == [0, .infinity])
    }
    check(Float.self)
    check(Double.self)
  }
}
