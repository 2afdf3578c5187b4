import Flows
import Testing

@testable import PoseRLE

@Suite("Likelihoods of keypoints")
struct LikelihoodTests {
  /// A loss with a flow that is far from the identity, in Double.
  static func loss(
    _ likelihood: KeypointLikelihood, joints: Int = 1, dimension: Int = 2, seed: UInt64 = 1,
    acceptsMissingDepth: Bool = false
  ) -> KeypointLoss<Double> {
    var generator = PhiloxGenerator(seed: seed)
    var likelihood = likelihood
    likelihood.flow.hidden = [8, 8]
    likelihood.flow.initialization = .pyTorch
    return KeypointLoss(
      likelihood, joints: joints, dimension: dimension, acceptsMissingDepth: acceptsMissingDepth,
      using: &generator)
  }

  static func normal(_ shape: [Int], seed: UInt64, scale: Double = 1) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return Tensor<Double>.normal(shape, using: &generator) * scale
  }

  // MARK: - Densities

  @Test("that are densities integrate to one over the label", arguments: [false, true])
  func integrals(hasFullCovariance: Bool) {
    for (name, preset) in KeypointLikelihood.presets {
      var likelihood = preset
      if case .fixed = likelihood.scale {
        if hasFullCovariance { continue }
        likelihood.scale = .fixed(0.2)
      }
      likelihood.hasFullCovariance = hasFullCovariance
      let loss = Self.loss(likelihood)
      let side = 800
      let width = likelihood.shape == .basic ? 24.0 : 8.0
      let places = (0..<side).map { ((Double($0) + 0.5) / Double(side) - 0.5) * width }
      let count = side * side
      let grid = Tensor<Double>(
        shape: [count, 1, 2],
        scalars: places.flatMap { y in places.flatMap { [$0 + 0.1, y - 0.2] } })
      func rows(_ values: [Double]) -> Tensor<Double> {
        Tensor(shape: [1, 1, values.count], scalars: values)
          .broadcast(to: [count, 1, values.count])
      }
      let prediction = KeypointPrediction(
        mean: rows([0.1, -0.2]), scale: rows([0.15, 0.25]),
        shear: hasFullCovariance ? rows([0.6]) : nil)
      let logDensity = -loss.negativeLogDensity(prediction, KeypointLabels(positions: grid))
      let cell = (width / Double(side)) * (width / Double(side))
      let integral = exp(logDensity).sum().scalar * cell
      #expect(Swift.abs(integral - 1) < 2e-3, "\(name): \(integral)")
    }
  }

  @Test("have the loss as the negative log-density exactly where they say so")
  func losses() {
    let target = Self.normal([7, 3, 2], seed: 2, scale: 0.3)
    let prediction = KeypointPrediction(
      mean: Self.normal([7, 3, 2], seed: 3, scale: 0.3),
      scaleLogit: Self.normal([7, 3, 2], seed: 4))
    for (name, likelihood) in KeypointLikelihood.presets {
      let loss = Self.loss(likelihood, joints: 3)
      let labels = KeypointLabels(positions: target)
      let value = loss(prediction, labels, normalizer: .exact).scalar
      let density = loss.negativeLogDensity(prediction, labels).mean().scalar
      let agrees = Swift.abs(value - density) < 1e-9
      #expect(agrees == likelihood.isDensity, "\(name): \(value), \(density)")
    }
  }

  @Test(
    "of the published forms are D times the flow's plus an absolute error (identity Q6)",
    arguments: [2, 3])
  func releasedIdentity(dimension: Int) {
    let target = Self.normal([6, 2, dimension], seed: 2)
    let mean = Self.normal([6, 2, dimension], seed: 3)
    let logit = Self.normal([6, 2, dimension], seed: 4)
    let prediction = KeypointPrediction(mean: mean, scaleLogit: logit)
    let labels = KeypointLabels(positions: target)
    let error = (Flows.abs(target - mean) / sigmoid(logit)).sum().scalar / 6
    let slope = 0.5.squareRoot()
    let axes = Double(dimension)
    // In two axes log σ is left over by none; in three once with the other sign.
    let leftOver = (2 - axes) * logSigmoid(logit).sum().scalar / 6
    for (likelihood, slope, constant) in [
      (KeypointLikelihood.residualReleased, slope, 0.918_938_533_204_672_7),
      (.residualMMPose, 1, 0.693_147_180_559_945_3),
    ] {
      let loss = Self.loss(likelihood, joints: 2, dimension: dimension)
      let flow = loss.negativeLogDensity(prediction, labels).sum().scalar / 6
      let value = loss(prediction, labels).scalar
      let expected = axes * flow + slope * error + leftOver + 2 * axes * constant
      #expect(Swift.abs(value - expected) < 1e-9 * Swift.abs(expected))
    }
  }

  @Test("agree between the loss and the density of the standardised error")
  func errorDensity() {
    let target = Self.normal([5, 2, 2], seed: 2, scale: 0.5)
    let mean = Self.normal([5, 2, 2], seed: 3, scale: 0.5)
    let logScale = Self.normal([5, 2, 2], seed: 4) - 1
    for (name, likelihood) in KeypointLikelihood.presets where likelihood.shape != .basic {
      let loss = Self.loss(likelihood, joints: 2)
      let prediction = loss.effective(KeypointPrediction(mean: mean, logScale: logScale))
      let nll = loss.negativeLogDensity(prediction, KeypointLabels(positions: target))
      for joint in 0..<2 {
        func of(_ tensor: Tensor<Double>) -> Tensor<Double> {
          tensor.slice(joint..<(joint + 1), axis: 1).reshaped(to: [5, 2])
        }
        let error = (of(target) - of(mean)) / exp(of(prediction.logScale))
        let found =
          loss.errorDensity(joint: joint).logDensity(of: error)
          - of(prediction.logScale).sum(axis: 1)
        let difference = Flows.abs(found + nll.slice(joint..<(joint + 1), axis: 1).flattened())
        #expect(difference.max(axis: 0).scalar < 1e-9, "\(name)")
      }
    }
  }

  // MARK: - Weights

  @Test("never look at labels of weight 0")
  func masks() {
    var positions = Self.normal([4, 3, 2], seed: 2)
    var weights = Tensor<Double>.ones([4, 3])
    positions.withMutableScalars { scalars in
      for index in [0, 1, 14, 15] { scalars[index] = .nan }
    }
    weights.withMutableScalars { scalars in
      for index in [0, 7] { scalars[index] = 0 }
    }
    for (name, likelihood) in KeypointLikelihood.presets {
      let model = GoldenModel(
        mean: Self.normal([4, 3, 2], seed: 3), logit: Self.normal([4, 3, 2], seed: 4),
        shear: .zeros([4, 3, 1]), loss: Self.loss(likelihood, joints: 3))
      let (value, gradient) = valueAndGradient(at: model) { model in
        model.loss(
          KeypointPrediction(mean: model.mean, scaleLogit: model.logit),
          KeypointLabels(positions: positions, weights: weights))
      }
      #expect(value.isFinite, "\(name)")
      #expect(gradient.namedTensors.allSatisfy { $0.tensor.isFinite }, "\(name)")
      let slopes = gradient.mean.scalars
      #expect([0, 1, 14, 15].allSatisfy { slopes[$0] == 0 } && slopes[2] != 0, "\(name)")
    }
  }

  @Test("are 0 where nothing is labelled")
  func nothing() {
    for (name, likelihood) in KeypointLikelihood.presets {
      let prediction = KeypointPrediction(
        mean: Tensor<Double>.zeros([2, 3, 2]), scaleLogit: .zeros([2, 3, 2]))
      let labels = KeypointLabels(
        positions: Tensor(repeating: .nan, shape: [2, 3, 2]), weights: Tensor<Double>.zeros([2, 3]))
      let loss = Self.loss(likelihood, joints: 3)
      #expect(loss(prediction, labels).scalar == 0, "\(name)")
      #expect(loss.negativeLogDensity(prediction, labels).scalars.allSatisfy { $0 == 0 }, "\(name)")
      let step = KeypointGradients(loss)(
        mean: prediction.mean, scaleLogit: prediction.mean, labels)
      #expect(step.isFinite && step.value == 0, "\(name)")
      #expect(step.mean == .zeros([2, 3, 2]) && step.scale == .zeros([2, 3, 2]), "\(name)")
      let empty = KeypointPrediction(
        mean: Tensor<Double>.zeros([0, 3, 2]), scaleLogit: .zeros([0, 3, 2]))
      #expect(loss(empty, KeypointLabels(positions: .zeros([0, 3, 2]))).scalar == 0, "\(name)")
    }
  }

  @Test("are averaged as they say")
  func reductions() {
    let weights = Tensor<Double>(shape: [3, 2], scalars: [1, 1, 0, 0, 0.5, 0])
    let labels = KeypointLabels(positions: .zeros([3, 2, 2]), weights: weights)
    let expected: [(KeypointLikelihood.Reduction, [Double])] = [
      (.meanOverJoints, [0.4, 0.4, 0, 0, 0.2, 0]),
      (.meanOverJointsThenImages, [0.25, 0.25, 0, 0, 0.5, 0]),
      (.meanOverImages, [1.0 / 3, 1.0 / 3, 0, 0, 0.5 / 3, 0]),
    ]
    for (reduction, weights) in expected {
      let found = labels.reduced(by: reduction).weights?.scalars ?? []
      #expect(zip(found, weights).allSatisfy { Swift.abs($0 - $1) < 1e-15 }, "\(reduction)")
    }
  }

  @Test("give joints of their own flows what one flow would give them")
  func perJoint() {
    var likelihood = KeypointLikelihood.residual
    likelihood.flow.sharing = .perJoint
    var loss = Self.loss(likelihood, joints: 3)
    #expect(loss.flows.count == 3)
    let prediction = KeypointPrediction(
      mean: Self.normal([4, 3, 2], seed: 3), scaleLogit: Self.normal([4, 3, 2], seed: 4))
    let labels = KeypointLabels(positions: Self.normal([4, 3, 2], seed: 2))
    let separate = loss(prediction, labels, normalizer: .exact).scalar
    let separateDensity = loss.negativeLogDensity(prediction, labels)
    for joint in 0..<3 {
      let own = KeypointLoss<Double>(
        .residual, joints: 3, dimension: 2, flows: [loss.flows[joint]])
      let expected = own.negativeLogDensity(prediction, labels)
      let difference = Flows.abs(expected - separateDensity).slice(joint..<joint + 1, axis: 1)
      #expect(difference.flattened().max(axis: 0).scalar < 1e-9, "joint \(joint)")
    }
    loss.flows = Array(repeating: loss.flows[0], count: 3)
    let repeated = loss(prediction, labels, normalizer: .exact).scalar
    let shared = Self.loss(.residual, joints: 3)
    #expect(separate != repeated)
    #expect(Swift.abs(repeated - shared(prediction, labels, normalizer: .exact).scalar) < 1e-9)
  }

  @Test("see features where they are conditioned on them")
  func features() {
    var likelihood = KeypointLikelihood.direct
    likelihood.flow.sharing = .features(3)
    let loss = Self.loss(likelihood, joints: 2)
    let labels = KeypointLabels(positions: Self.normal([4, 2, 2], seed: 2))
    func nll(_ features: Tensor<Double>) -> Tensor<Double> {
      loss.negativeLogDensity(
        KeypointPrediction(
          mean: Self.normal([4, 2, 2], seed: 3), scaleLogit: Self.normal([4, 2, 2], seed: 4),
          features: features), labels)
    }
    let features = Self.normal([4, 3], seed: 5)
    var changed = features
    changed.withMutableScalars { $0[3] += 1 }
    let (a, b) = (nll(features).scalars, nll(changed).scalars)
    #expect(zip(a, b).map(!=) == [false, false, true, true, false, false, false, false])
  }

  // MARK: - Derivatives

  static let derivativeCases: [(name: String, likelihood: KeypointLikelihood)] = {
    var cases = KeypointLikelihood.presets
    for (name, likelihood) in KeypointLikelihood.presets {
      guard case .learned = likelihood.scale else { continue }
      var full = likelihood
      full.hasFullCovariance = true
      cases.append((name + " with full covariance", full))
    }
    var gaussian = KeypointLikelihood.residual
    gaussian.base = .gaussian
    cases.append(("residual to a Gaussian", gaussian))
    var perJoint = KeypointLikelihood.residual
    perJoint.flow.sharing = .perJoint
    cases.append(("residual for each joint", perJoint))
    return cases
  }()

  @Test("have derivatives that agree with differences", arguments: derivativeCases.indices, [2, 3])
  func derivatives(index: Int, dimension: Int) {
    let (name, likelihood) = Self.derivativeCases[index]
    let (poses, joints) = (5, 2)
    let labels = KeypointLabels(
      positions: Self.normal([poses, joints, dimension], seed: 2, scale: 0.4),
      weights: exp(Self.normal([poses, joints], seed: 9, scale: 0.3)),
      hasDepth: dimension == 2
        ? nil : Tensor(shape: [poses, joints], scalars: (0..<10).map { $0 % 3 == 0 ? 0 : 1 }))
    let model = GoldenModel(
      mean: Self.normal([poses, joints, dimension], seed: 3, scale: 0.4),
      logit: Self.normal([poses, joints, dimension], seed: 4),
      shear: Self.normal([poses, joints, dimension * (dimension - 1) / 2], seed: 5, scale: 0.5),
      loss: Self.loss(
        likelihood, joints: joints, dimension: dimension, acceptsMissingDepth: dimension == 3))
    // The nodes of a normaliser follow the parameters; differences need them to stay where they are.
    let nodes = model.loss.normalizerNodes(of: labels, using: PhiloxGenerator(seed: 0))
    func value(_ model: GoldenModel<Double>) -> Tensor<Double> {
      model.loss.unnormalizedSum(
        KeypointPrediction(
          mean: model.mean, scaleLogit: model.logit,
          shear: likelihood.hasFullCovariance ? model.shear : nil), labels)
        + model.loss.sum(of: nodes, in: 0..<nodes.count)
    }
    let gradient = Flows.gradient(at: model, value)
    var generator = PhiloxGenerator(seed: 6)
    for _ in 0..<3 {
      var (plus, minus) = (model, model)
      let step = 1e-7
      var slope = 0.0
      let directions = gradient.namedTensors.map {
        Tensor<Double>.normal($0.tensor.shape, using: &generator)
      }
      for (direction, derivative) in zip(directions, gradient.namedTensors) {
        slope += (direction * derivative.tensor).sum().scalar
      }
      var mover = Mover(directions: directions, step: step)
      plus.visitParameters(&mover)
      mover = Mover(directions: directions, step: -step)
      minus.visitParameters(&mover)
      let difference = (value(plus).scalar - value(minus).scalar) / (2 * step)
      let scale = Swift.max(1, Swift.abs(slope))
      // Some of thousands of nodes pass a kink of the networks within the step.
      let tolerance = model.loss.hasNormalizer ? 1e-4 : 4e-6
      #expect(Swift.abs(difference - slope) < tolerance * scale, "\(name): \(difference), \(slope)")
    }
  }

  @Test("never look at a depth that is not labelled")
  func missingDepth() {
    var positions = Self.normal([3, 2, 3], seed: 2)
    positions.withMutableScalars { $0[5] = .nan }
    let hasDepth = Tensor<Double>(shape: [3, 2], scalars: [1, 0, 1, 1, 0, 1])
    for (name, likelihood) in KeypointLikelihood.presets {
      let model = GoldenModel(
        mean: Self.normal([3, 2, 3], seed: 3), logit: Self.normal([3, 2, 3], seed: 4),
        shear: .zeros([3, 2, 3]),
        loss: Self.loss(likelihood, joints: 2, dimension: 3, acceptsMissingDepth: true))
      let (value, gradient) = valueAndGradient(at: model) { model in
        model.loss(
          KeypointPrediction(mean: model.mean, scaleLogit: model.logit),
          KeypointLabels(positions: positions, hasDepth: hasDepth))
      }
      #expect(value.isFinite && gradient.mean.isFinite && gradient.logit.isFinite, "\(name)")
      let slopes = gradient.mean.scalars
      #expect(slopes[5] == 0 && slopes[14] == 0 && slopes[4] != 0 && slopes[2] != 0, "\(name)")
    }
  }

  @Test("stay finite at extreme outputs", arguments: [Float(0), 0.1, 1])
  func extremes(error: Float) {
    for (name, likelihood) in KeypointLikelihood.presets {
      for logit in [-30.0, -20, 20, 80] {
        let model = GoldenModel(
          mean: Tensor<Float>(repeating: 0.2 - error, shape: [1, 1, 2]),
          logit: Tensor<Float>(repeating: Float(logit), shape: [1, 1, 2]),
          shear: Tensor<Float>.zeros([1, 1, 1]),
          loss: {
            var generator = PhiloxGenerator(seed: 1)
            return KeypointLoss<Float>(likelihood, joints: 1, dimension: 2, using: &generator)
          }())
        let labels = KeypointLabels(positions: Tensor<Float>(repeating: 0.2, shape: [1, 1, 2]))
        let (value, gradient) = valueAndGradient(at: model) { model in
          model.loss(KeypointPrediction(mean: model.mean, scaleLogit: model.logit), labels)
        }
        #expect(value.isFinite, "\(name) at \(logit)")
        #expect(gradient.namedTensors.allSatisfy { $0.tensor.isFinite }, "\(name) at \(logit)")
      }
    }
  }
}

/// Moves every trained tensor along a direction.
private struct Mover: ParameterVisitor {
  let directions: [Tensor<Double>]
  let step: Double
  private var next = 0

  init(directions: [Tensor<Double>], step: Double) {
    self.directions = directions
    self.step = step
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    parameter += directions[next] * step
    next += 1
  }
  // Every tensor is counted, since gradients name those that are not trained as well.
  mutating func visit(_ name: String, state: inout Tensor<Double>) { next += 1 }
}
