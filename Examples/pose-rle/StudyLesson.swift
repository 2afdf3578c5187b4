import Flows
import Foundation
import PoseRLE

/// One likelihood, trained on the study's keypoints.
final class StudyLesson {
  /// A small regressor with its loss.
  struct Model: Parameterized {
    typealias Scalar = Float

    var network: MLP<Float>
    var loss: KeypointLoss<Float>

    mutating func visitParameters<V: ParameterVisitor<Float>>(_ visitor: inout V) {
      visitor.visit("network", &network)
      visitor.visit("loss", &loss)
    }

    func predict(_ x: Tensor<Float>) -> KeypointPrediction<Float> {
      let y = network(x).reshaped(to: [x.shape[0], StudyWorld.joints, 4])
      // σ starts at 0.05, near the scales of this world, for all likelihoods alike.
      return KeypointPrediction(mean: y[columns: 0..<2], scaleLogit: y[columns: 2..<4] - 2.94)
    }
  }

  let name: String
  let world: StudyWorld
  private(set) var model: Model
  private let seed: UInt64

  init(_ likelihood: KeypointLikelihood, name: String, world: StudyWorld, seed: UInt64) {
    var generator = PhiloxGenerator(seed: seed, stream: 0x1e55)
    self.name = name
    self.world = world
    self.seed = seed
    model = Model(
      network: MLP(
        inputs: StudyWorld.inputs, hidden: [128, 128], outputs: 4 * StudyWorld.joints,
        activation: .silu, outputInitializer: .xavierUniform(gain: 0.1), using: &generator),
      loss: KeypointLoss(
        likelihood, joints: StudyWorld.joints, dimension: 2, using: &generator))
  }

  /// Trains on fresh draws, so that nothing can be learned by heart.
  func train(steps: Int, progress: (Int, Double) -> Void) {
    let trainer = Trainer(model, clipping: .norm(10))
    let schedule = LearningRateSchedule.cosine(2e-3).warmingUp(over: 100)
    var draws = PhiloxGenerator(seed: seed, stream: 0xda7a)
    let nodes = PhiloxGenerator(seed: seed, stream: 0x40de)
    for step in 0..<steps {
      let (x, labels) = world.draw(256, using: &draws)
      let result = trainer.step(
        KeypointLabels(positions: labels), loss: \.loss,
        learningRate: schedule.rate(at: step, of: steps), generator: nodes.forked(UInt64(step))
      ) { model, rows in model.predict(x[rows: rows]) }
      if step % 100 == 99 { progress(step + 1, result.loss) }
    }
    model = trainer.model
  }

  /// The densities of poses.
  func density(_ x: Tensor<Float>) -> PoseDensity<Float> {
    model.loss.density(of: model.predict(x), errors: errors)
  }

  /// Calibrated on poses of their own: one factor for all scales.
  func calibrated(_ x: Tensor<Float>) throws -> PoseDensity<Float> {
    if calibration == nil {
      let (inputs, labels) = sample(5_000, stream: 0xca11)
      calibration = try Calibration.fit(density(inputs), to: labels).calibration
    }
    return try density(x).calibrated(by: calibration ?? .identity)
  }

  private lazy var errors = model.loss.errorDistributions()

  private var calibration: Calibration?

  /// Poses that training did not see.
  func sample(_ count: Int, stream: UInt64) -> (inputs: Tensor<Float>, labels: Tensor<Float>) {
    var generator = PhiloxGenerator(seed: 7, stream: stream)
    return world.draw(count, using: &generator)
  }

  /// What it came to on 20,000 poses.
  func row() throws -> StudyRow {
    let (x, labels) = sample(20_000, stream: 0x7e57)
    let prediction = model.loss.effective(model.predict(x))
    let plain = try density(x).coverage(of: labels)
    let honest = try calibrated(x).coverage(of: labels)
    let ratio = log(prediction.scale).mean(axis: 2) - log(world.scales(x))
    let correlation = Correlation.spearman(
      Tensor<Double>(prediction.scale.mean(axis: 2)).scalars,
      Tensor<Double>(world.scales(x)).scalars)
    func error(_ places: Tensor<Float>) -> Double {
      Double(sqrt((places - labels).squared().sum(axis: 2)).mean().scalar)
    }
    return StudyRow(
      likelihood: name, meanError: error(prediction.mean),
      medianError: error(density(x).median),
      negativeLogLikelihood: plain.negativeLogLikelihood?.value,
      calibratedNegativeLogLikelihood: honest.negativeLogLikelihood?.value,
      scaleRatio: model.loss.likelihood.scale == .learned
        ? Foundation.exp(Double(ratio.mean().scalar)) : nil,
      scaleCorrelation: correlation,
      coverage: plain.entries.map(\.coverage.value),
      calibratedCoverage: honest.entries.map(\.coverage.value))
  }
}
