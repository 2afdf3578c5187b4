import Testing

@testable import Flows

@Suite("Fitting a residual density")
struct ResidualDensityFitTests {
  /// Maximum likelihood on batches, with the rows of the normaliser's nodes behind those of the data.
  func fitted<D: Distribution<Float>>(
    _ model: D, _ data: Tensor<Float>, steps: Int, seed: UInt64 = 81
  )
    -> D
  {
    let trainer = Trainer(model, clipping: .norm(5), averageDecay: 0.99)
    let schedule = LearningRateSchedule.cosine(3e-3).warmingUp(over: 50)
    var generator = PhiloxGenerator(seed: seed)
    for step in 0..<steps {
      let batch = 256
      let indices = Tensor<Double>.uniform([batch], using: &generator).scalars.map {
        Int($0 * Double(data.shape[0]))
      }
      var rows = data.rows(indices)
      var weights = Tensor<Float>(repeating: -1, shape: [batch])
      if let normalized = trainer.model as? any NodeNormalized<Float> {
        let nodes = self.nodes(normalized, generator.forked(UInt64(step)))
        rows = .concatenated([rows, nodes.points])
        weights = .concatenated([weights, nodes.shares * Float(batch)])
      }
      let (all, factors) = (rows, weights)
      let result = trainer.step(
        rows: all.shape[0], totalWeight: Double(batch),
        learningRate: schedule.rate(at: step, of: steps)
      ) { model, range in
        let x = all[rows: range]
        let logDensity =
          if let normalized = model as? any NodeNormalized<Float> {
            normalized.unnormalizedLogDensity(of: x, context: nil)
          } else {
            model.logDensity(of: x)
          }
        return (logDensity * factors[rows: range]).sum()
      }
      #expect(result.wasTaken)
    }
    return trainer.averagedModel
  }

  private func nodes<D: NodeNormalized<Float>>(_ model: D, _ generator: PhiloxGenerator) -> (
    points: Tensor<Float>, shares: Tensor<Float>
  ) {
    #expect(model.isNormalizedByNodes)
    let (points, logWeights) = model.trainingNodes(using: generator)
    let terms = model.unnormalizedLogDensity(of: points, context: nil) + logWeights
    return (points, exp(terms - terms.logSumExp(axis: 0)))
  }

  @Test("is better than the base alone and no worse than the shape alone", arguments: [1, 2, 3])
  func skewed(dimension: Int) {
    let data: Tensor<Float> = skewedErrors(4_000, dimension: dimension, seed: 82)
    let held: Tensor<Float> = skewedErrors(4_000, dimension: dimension, seed: 83)
    let base = Laplace<Float>(dimension: dimension, isLearnable: true)
    let flow: NormalizingFlow<Float> = TrainedFlows.start(dimension: dimension, hidden: [32, 32])
    let steps = 700
    let alone = fitted(base, data, steps: steps).logDensity(of: held)
    let shape = fitted(flow, data, steps: steps).logDensity(of: held)
    let product = fitted(ResidualDensity(base: base, shape: flow), data, steps: steps)
    let density = product.logDensity(of: held)
    func paired(_ other: Tensor<Float>) -> (gain: Double, error: Double) {
      let gains = Tensor<Double>(density) - Tensor<Double>(other)
      return (
        gains.mean().scalar, (gains.variance(axis: 0) / Double(gains.count)).scalar.squareRoot()
      )
    }
    let (overBase, overShape) = (paired(alone), paired(shape))
    #expect(overBase.gain > 5 * overBase.error, "over the base: \(overBase)")
    #expect(overShape.gain > -overShape.error, "over the shape: \(overShape)")

  }
}
