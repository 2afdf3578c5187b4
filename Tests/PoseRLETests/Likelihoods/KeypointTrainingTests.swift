import Flows
import Testing

@testable import PoseRLE

@Suite("Training steps on keypoints")
struct KeypointTrainingTests {
  struct Model<Scalar: TensorScalar>: Parameterized {
    var layer: Linear<Scalar>
    var loss: KeypointLoss<Scalar>

    mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
      visitor.visit("layer", &layer)
      visitor.visit("loss", &loss)
    }

    func prediction(_ x: Tensor<Scalar>) -> KeypointPrediction<Scalar> {
      let y = layer(x).reshaped(to: [x.shape[0], 3, 4])
      return KeypointPrediction(mean: y[columns: 0..<2], scaleLogit: y[columns: 2..<4])
    }
  }

  static func model<Scalar: TensorScalar>(_ likelihood: KeypointLikelihood) -> Model<Scalar> {
    var generator = PhiloxGenerator(seed: 3)
    var likelihood = likelihood
    likelihood.flow.hidden = [8, 8]
    return Model(
      layer: Linear(inputs: 5, outputs: 12, using: &generator),
      loss: KeypointLoss(likelihood, joints: 3, dimension: 2, using: &generator))
  }

  static func data<Scalar: TensorScalar>(_ poses: Int) -> (Tensor<Scalar>, KeypointLabels<Scalar>) {
    var generator = PhiloxGenerator(seed: 4)
    let inputs = Tensor<Scalar>.normal([poses, 5], using: &generator)
    let positions = Tensor<Scalar>.normal([poses, 3, 2], using: &generator)
    var weights = Tensor<Scalar>.ones([poses, 3])
    weights.withMutableScalars { scalars in
      for index in stride(from: 0, to: scalars.count, by: 4) { scalars[index] = 0 }
    }
    return (inputs, KeypointLabels(positions: positions, weights: weights))
  }

  @Test("report the loss of the batch, cut into tiles or not")
  func values() {
    for (name, likelihood) in KeypointLikelihood.presets {
      let model: Model<Double> = Self.model(likelihood)
      let (inputs, labels): (Tensor<Double>, _) = Self.data(50)
      let generator = PhiloxGenerator(seed: 9)
      let expected = model.loss(
        model.prediction(inputs), labels, normalizer: .nodes(generator)
      ).scalar
      for tilePoses in [7, 50, 100] {
        let result = Trainer(model).step(
          labels, loss: \.loss, learningRate: 1e-3, tilePoses: tilePoses, generator: generator
        ) { model, poses in model.prediction(inputs[rows: poses]) }
        let difference = Swift.abs(result.loss - expected)
        #expect(
          result.wasTaken && difference < 1e-9 * Swift.abs(expected), "\(name): \(difference)")
      }
    }
  }

  @Test("follow the gradient of the batch, normaliser included")
  func gradients() {
    let model: Model<Double> = Self.model(.residual)
    let (inputs, labels): (Tensor<Double>, _) = Self.data(50)
    let generator = PhiloxGenerator(seed: 9)
    let trainer = Trainer(model, optimizer: .sgd())
    _ = trainer.step(labels, loss: \.loss, learningRate: 1, tilePoses: 8, generator: generator) {
      model, poses in model.prediction(inputs[rows: poses])
    }
    let gradient = Flows.gradient(at: model) { model in
      model.loss(model.prediction(inputs), labels, normalizer: .nodes(generator))
    }
    for ((before, after), slope) in zip(
      zip(model.namedTensors, trainer.model.namedTensors), gradient.namedTensors)
    where !before.name.contains("location") && !before.name.contains("logScale") {
      let difference = Flows.abs(before.tensor - after.tensor - slope.tensor).sum().scalar
      #expect(difference < 1e-9, "\(before.name): \(difference)")
    }
  }

  @Test("give the same bits for any number of threads")
  func threads() {
    for likelihood in [KeypointLikelihood.residual, .residualMMPose] {
      let (inputs, labels): (Tensor<Float>, _) = Self.data(300)
      let results = [1, 2, 3].map { threads in
        let trainer = Trainer(Self.model(likelihood) as Model<Float>, threads: threads)
        for step in 0..<20 {
          _ = trainer.step(
            labels, loss: \.loss, learningRate: 1e-2,
            generator: PhiloxGenerator(seed: 5).forked(UInt64(step))
          ) { model, poses in model.prediction(inputs[rows: poses]) }
        }
        return trainer.model.namedTensors.map(\.tensor)
      }
      #expect(results[0] == results[1] && results[0] == results[2])
    }
  }

  @Test("lower the loss, and the density stays one")
  func descent() {
    let (inputs, labels): (Tensor<Float>, _) = Self.data(200)
    let trainer = Trainer(Self.model(.residual) as Model<Float>)
    var losses: [Double] = []
    for step in 0..<300 {
      let result = trainer.step(
        labels, loss: \.loss, learningRate: 3e-3,
        generator: PhiloxGenerator(seed: 5).forked(UInt64(step))
      ) { model, poses in model.prediction(inputs[rows: poses]) }
      losses.append(result.loss)
    }
    let model = trainer.model
    let nll = model.loss.negativeLogDensity(model.prediction(inputs), labels)
    let labelled = labels.weights?.scalars.filter { $0 > 0 }.count ?? 0
    let mean = Double(nll.sum().scalar) / Double(labelled)
    #expect(losses[299] < losses[0] - 0.3)
    #expect(Swift.abs(mean - losses[299]) < 0.05, "\(mean), \(losses[299])")
  }
}
