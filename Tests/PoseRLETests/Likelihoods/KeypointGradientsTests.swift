import Flows
import Testing

@testable import PoseRLE

@Suite("Gradients for heads that live elsewhere")
struct KeypointGradientsTests {
  @Test("are those of the whole batch, for any number of threads")
  func agreement() {
    for (name, preset) in KeypointLikelihood.presets {
      var likelihood = preset
      if likelihood.scale == .learned { likelihood.hasFullCovariance = true }
      if likelihood.normalization != .exact || likelihood.shape == .direct {
        likelihood.flow.sharing = .features(2)
      }
      let (poses, joints) = (70, 5)
      let hasFeatures = likelihood.flow.sharing != .shared
      let model = GoldenModel(
        mean: LikelihoodTests.normal([poses, joints, 2], seed: 3),
        logit: LikelihoodTests.normal([poses, joints, 2], seed: 4),
        shear: LikelihoodTests.normal([poses, joints, 1], seed: 5),
        loss: LikelihoodTests.loss(likelihood, joints: joints))
      let shear = likelihood.hasFullCovariance ? model.shear : nil
      let features = hasFeatures ? LikelihoodTests.normal([poses, 2], seed: 6) : nil
      var weights = Tensor<Double>.ones([poses, joints])
      weights.withMutableScalars { scalars in for index in 0..<60 { scalars[index] = 0 } }
      let labels = KeypointLabels(
        positions: LikelihoodTests.normal([poses, joints, 2], seed: 7), weights: weights)
      let generator = PhiloxGenerator(seed: 8)
      let (value, gradient) = valueAndGradient(at: model) { model in
        model.loss(
          KeypointPrediction(
            mean: model.mean, scaleLogit: model.logit,
            shear: likelihood.hasFullCovariance ? model.shear : nil, features: features),
          labels, normalizer: .nodes(generator))
      }
      let steps = [1, 3].map { threads in
        KeypointGradients(model.loss, threads: threads)(
          mean: model.mean, scaleLogit: model.logit, shear: shear, features: features, labels,
          generator: generator)
      }
      func check(_ found: Tensor<Double>, _ expected: Tensor<Double>, _ part: String) {
        let difference = abs(found - expected).flattened().max(axis: 0).scalar
        let scale = Swift.max(1, abs(expected).flattened().max(axis: 0).scalar)
        #expect(difference < 1e-12 * scale, "\(name), \(part): \(difference)")
      }
      #expect(Swift.abs(steps[0].value - value) < 1e-9 * Swift.max(1, Swift.abs(value)), "\(name)")
      check(steps[0].mean, gradient.mean, "mean")
      check(steps[0].scale, gradient.logit, "scale")
      if let found = steps[0].shear { check(found, gradient.shear, "shear") }
      #expect((steps[0].features != nil) == hasFeatures)
      if let features, let found = steps[0].features {
        let expected = Flows.gradient(at: features) { features in
          model.loss(
            KeypointPrediction(
              mean: model.mean, scaleLogit: model.logit, shear: shear, features: features), labels)
        }
        check(found, expected, "features")
        #expect(abs(expected).sum().scalar > 0)
      }
      let byLogScale = KeypointGradients(model.loss)(
        mean: model.mean, logScale: logSigmoid(model.logit), shear: shear, features: features,
        labels, generator: generator)
      check(byLogScale.scale * (1 - sigmoid(model.logit)), gradient.logit, "log scale")
      for (a, b) in zip(steps[0].loss.flows, gradient.loss.flows) {
        for (a, b) in zip(a.flow.namedTensors, b.flow.namedTensors) {
          check(a.tensor, b.tensor, a.name)
        }
      }
      #expect(steps[0].value == steps[1].value && steps[0].mean == steps[1].mean)
      #expect(steps[0].scale == steps[1].scale && steps[0].shear == steps[1].shear)
      #expect(
        steps[0].loss.namedTensors.map(\.tensor) == steps[1].loss.namedTensors.map(\.tensor))
    }
  }

  @Test("follow a loss that is trained")
  func training() {
    var loss = LikelihoodTests.loss(.residualMMPose, joints: 5)
    let gradients = KeypointGradients(loss)
    var state = OptimizerState(.adam(), for: loss)
    let mean = LikelihoodTests.normal([40, 5, 2], seed: 3)
    let labels = KeypointLabels(positions: mean + LikelihoodTests.normal([40, 5, 2], seed: 4) + 1)
    let logits = Tensor<Double>.zeros([40, 5, 2])
    let values = (0..<100).map { _ in
      let step = gradients(mean: mean, scaleLogit: logits, labels)
      state.update(&loss, along: step.loss, learningRate: 3e-3)
      gradients.move(to: loss)
      return step.value
    }
    #expect(values[99] < values[0] - 1)
  }
}
