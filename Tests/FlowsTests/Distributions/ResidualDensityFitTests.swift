import Testing

@testable import Flows

@Suite("Fitting a residual density")
struct ResidualDensityFitTests {
  private func options(_ steps: Int) -> FitOptions {
    FitOptions {
      $0.steps = steps
      $0.batchSize = 256
      $0.learningRate = .cosine(3e-3).warmingUp(over: 50)
      $0.averageDecay = 0.99
      $0.validationInterval = steps / 2
      $0.patience = nil
      $0.standardizes = false
    }
  }

  @Test("is better than the base alone and no worse than the shape alone", arguments: [1, 2, 3])
  func skewed(dimension: Int) throws {
    let data: Tensor<Float> = skewedErrors(4_000, dimension: dimension, seed: 82)
    let held: Tensor<Float> = skewedErrors(4_000, dimension: dimension, seed: 83)
    var base = Laplace<Float>(dimension: dimension, isLearnable: true)
    var flow: NormalizingFlow<Float> = TrainedFlows.start(dimension: dimension, hidden: [32, 32])
    var product = ResidualDensity(base: base, shape: flow)
    try base.fit(data, options: options(700))
    try flow.fit(data, options: options(700))
    let report = try product.fit(data, options: options(700))
    #expect(report.skippedSteps == 0)
    let density = product.logLikelihood(of: held)
    let overBase = density.difference(from: base.logLikelihood(of: held))
    let overShape = density.difference(from: flow.logLikelihood(of: held))
    #expect(overBase.value > 5 * overBase.standardError, "over the base: \(overBase)")
    #expect(overShape.value > -overShape.standardError, "over the shape: \(overShape)")
    // What was trained on is what is evaluated: the loss of steps is that of the exact normaliser.
    let (trained, measured) = try (
      #require(report.trainingCurve.last), #require(report.validationCurve.last)
    )
    #expect(abs(trained.loss - measured.loss) < 0.25, "\(trained) against \(measured)")
  }

  @Test("reports the loss of the normalised density")
  func loss() throws {
    // One step of no length: its loss is that of all rows under the model as it is.
    let data: Tensor<Double> = skewedErrors(512, dimension: 1, seed: 84)
    var product = ResidualDensity(
      base: Laplace<Double>(dimension: 1, isLearnable: true),
      shape: Gaussian(location: Tensor([0.5]), scale: Tensor([2]), isLearnable: true))
    let expected = -product.logLikelihood(of: data).mean.value
    let report = try product.fit(
      data,
      options: FitOptions {
        $0.steps = 1
        $0.batchSize = 512
        $0.validationFraction = 0
        $0.learningRate = .constant(1e-12)
      })
    let found = try #require(report.trainingCurve.first)
    #expect(abs(found.loss - expected) < 1e-5, "\(found.loss) against \(expected)")
  }

  @Test("works where the shape is wider than the support of the base")
  func bounded() throws {
    var generator = PhiloxGenerator(seed: 86)
    for base in [
      Uniform<Float>(dimension: 3) as any Distribution<Float>,
      Gamma<Float>(
        concentration: Tensor<Float>([2, 2, 2]), rate: Tensor<Float>([4, 4, 4])),
    ] {
      let data = base.sample(1_000, context: nil, using: &generator)
      func check<Q: Distribution<Float>>(_ base: Q) throws {
        var product = ResidualDensity(
          base: base, shape: Gaussian<Float>(dimension: 3, isLearnable: true))
        let before = product.logLikelihood(of: data).mean.value
        let report = try product.fit(data, options: options(100))
        #expect(report.skippedSteps == 0)
        #expect(product.logLikelihood(of: data).mean.value > before)
      }
      try check(base)
    }
  }

  @Test("works as the base of a flow, and resumes")
  func base() throws {
    let data: Tensor<Float> = skewedErrors(2_000, dimension: 1, seed: 85)
    func start() -> NormalizingFlow<Float> {
      NormalizingFlow(
        base: ResidualDensity(
          base: Laplace<Float>(dimension: 1),
          shape: Gaussian(
            location: Tensor<Float>([0.5]), scale: Tensor<Float>([2]), isLearnable: true))
      ) { ActNorm(dimension: 1) }
    }
    var whole = start()
    let before = whole.logLikelihood(of: data).mean.value
    try whole.fit(data, options: options(60))
    #expect(whole.logLikelihood(of: data).mean.value > before)
    try withTemporaryFolder { folder in
      var kept = options(60)
      kept.checkpoint = FitCheckpoint(path: folder + "/fit", every: .steps(10))
      var flow = start()
      try flow.fit(data, options: kept) { $0.step < 33 }
      flow = start()
      let report = try flow.fit(data, options: kept)
      #expect(report.resumedAtStep == 33)
      #expect(flow.namedTensors.map(\.tensor) == whole.namedTensors.map(\.tensor))
    }
  }
}
