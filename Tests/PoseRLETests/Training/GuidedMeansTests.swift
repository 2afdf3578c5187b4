import Flows
import PoseRLE
import Testing

/// Means and scales as parameters, so that a step of descent shows their gradient.
private struct Raw: Parameterized {
  typealias Scalar = Double
  var mean: Tensor<Double>
  var logit: Tensor<Double>
  var loss: KeypointLoss<Double>

  init(_ likelihood: KeypointLikelihood) {
    var generator = PhiloxGenerator(seed: 4)
    mean = .normal([3, 2, 2], using: &generator) * 0.3
    logit = .normal([3, 2, 2], using: &generator)
    loss = KeypointLoss(likelihood, joints: 2, dimension: 2, using: &generator)
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    visitor.visit("mean", &mean)
    visitor.visit("logit", &logit)
    visitor.visit("loss", &loss)
  }
}

@Suite("Means that follow the base")
struct GuidedMeansTests {
  /// The model before and after one step of descent at rate 1, and the loss.
  private func step(_ likelihood: KeypointLikelihood, weight: Double) -> (Raw, Raw, Double) {
    var generator = PhiloxGenerator(seed: 9)
    let labels = KeypointLabels<Double>(positions: .normal([3, 2, 2], using: &generator))
    let before = Raw(likelihood)
    let trainer = Trainer(before, optimizer: .sgd())
    let result = trainer.step(
      labels, loss: \.loss, learningRate: 1, mixesPoses: true, shapeWeight: weight,
      generator: PhiloxGenerator(seed: 2)
    ) { model, poses in
      KeypointPrediction(mean: model.mean[rows: poses], scaleLogit: model.logit[rows: poses])
    }
    return (before, trainer.model, result.loss)
  }

  private func differs(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double {
    abs(a - b).reshaped(to: [-1]).max(axis: 0).scalar
  }

  @Test(
    "have the gradient of the base, scales and flow that of the likelihood",
    arguments: [KeypointLikelihood.residual, .direct, .residualReleased, .residualMMPose])
  func gradients(likelihood: KeypointLikelihood) {
    var base = KeypointLikelihood.laplace
    base.reduction = likelihood.reduction
    let (start, joint, loss) = step(likelihood, weight: 1)
    let (_, plain, _) = step(base, weight: 1)
    for weight in [0.0, 0.3] {
      let (_, guided, reported) = step(likelihood, weight: weight)
      #expect(abs(reported - loss) < 1e-12)
      let expected = joint.mean * weight + plain.mean * (1 - weight)
      #expect(differs(guided.mean, expected) < 1e-12)
      #expect(differs(guided.logit, joint.logit) < 1e-12)
      for (a, b) in zip(guided.loss.namedTensors, joint.loss.namedTensors) {
        #expect(differs(a.tensor, b.tensor) < 1e-12, "\(a.name)")
      }
    }
    #expect(differs(plain.mean, start.mean) > 1e-3)
    #expect(differs(plain.mean, joint.mean) > 1e-3)
  }

  @Test("are those of the likelihood where there is no flow")
  func plain() {
    let (_, joint, _) = step(.laplace, weight: 1)
    let (_, guided, _) = step(.laplace, weight: 0)
    #expect(guided.mean == joint.mean && guided.logit == joint.logit)
  }
}
