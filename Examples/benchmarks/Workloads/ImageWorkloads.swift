import Flows
import PoseRLE

/// What is done with a residual network.
enum ImageWork: String, CaseIterable {
  /// Forward, backward and Adam, of the mean absolute output.
  case training = "training step"
  /// The same of the likelihood of RLE, whose flow is trained with the network.
  case likelihoodTraining = "RLE training step"
  /// Outside of training, normalisations folded into convolutions.
  case forward

  /// What peers are asked for.
  func request(_ network: ImageNetwork) -> String {
    "\(network.name) \(network.size.height)x\(network.size.width) \(rawValue)"
  }

  func workload(_ network: ImageNetwork, threads: Int) -> Workload {
    // Forward, and backward by images and by weights; 3 × 3 windows take fewer multiplications than
    // that where they run by Winograd's way.
    let passes: Double = self == .forward ? 1 : 3
    let operations = passes * network.forwardOperations * Double(network.batch)
    let size = "\(network.size.height)x\(network.size.width)"
    return Workload(
      name: "images \(network.name) \(size) B=\(network.batch) \(rawValue)",
      dimension: network.outputs, batch: network.batch, threads: threads, unit: .images,
      cost: .products(executed: operations, dense: operations)
    ) { body(network) }
  }

  /// The work on as many threads as ``Workers`` has when it runs.
  func body(_ network: ImageNetwork) -> Workload.Body {
    var generator = PhiloxGenerator(seed: 1)
    let images = network.images(using: &generator)
    switch self {
    case .training:
      let trainer = Trainer(ImageRegressor(network, using: &generator))
      let statistics = BatchStatistics<Float>()
      return { repeats in
        trainer.threads = Workers.count
        for _ in 0..<repeats {
          let result = trainer.step(rows: network.batch, learningRate: 1e-4, mixesRows: true) {
            model, _ in
            statistics.removeAll()
            return abs(model(images, statistics: statistics)).mean() * Float(network.batch)
          }
          precondition(result.wasTaken, "the training step had no finite loss and gradient")
          trainer.update(with: statistics)
        }
      }
    case .likelihoodTraining:
      let architecture = PoseArchitecture(
        skeleton: network.skeleton,
        input: network.configuration.channels == 1
          ? .gray(network.size) : .imageNet(network.size),
        backbone: network.configuration, likelihood: .residualMMPose)
      let trainer = Trainer(
        PoseModel<Float>(architecture, using: &generator), clipping: .norm(35))
      let labels = KeypointLabels<Float>(
        positions: .uniform(
          [network.batch, network.skeleton.count, 2], in: -0.5..<0.5, using: &generator))
      let statistics = BatchStatistics<Float>()
      return { repeats in
        trainer.threads = Workers.count
        for _ in 0..<repeats {
          let result = trainer.step(
            labels, loss: \.loss, learningRate: 1e-4, mixesPoses: true, generator: generator
          ) { model, _ in
            statistics.removeAll()
            return model(images, statistics: statistics)
          }
          precondition(result.wasTaken, "the training step had no finite loss and gradient")
          trainer.update(with: statistics)
        }
      }
    case .forward:
      var model = ImageRegressor(network, using: &generator)
      model.backbone = model.backbone.folded
      return { [model] repeats in for _ in 0..<repeats { _ = model(images) } }
    }
  }
}

extension Workload {
  /// Crops for the compact network: pictures in memory, mirrored, turned and scaled.
  static func cropLoading(threads: Int) -> Workload {
    let network = ImageNetwork.compact
    let (size, batch, stored) = (network.size, network.batch, 512)
    // A byte read and a scalar written.
    let bytes = Double(batch * size.width * size.height * 5)
    return Workload(
      name: "images loading \(size.height)x\(size.width) B=\(batch) turned crops",
      dimension: size.width * size.height, batch: batch, threads: threads, unit: .images,
      cost: .traffic(bytes: bytes, buffer: Int(bytes) / 2)
    ) {
      do {
        let source = try StoredSource(PersonGenerator(count: stored, seed: 1, side: size.width))
        let pipeline = CropPipeline(
          source, input: .gray(size), augmentation: .lspet, seed: 1)
        let order = EpochOrder(count: stored, batchSize: batch, seed: 1)
        var step = 0
        return { repeats in
          for _ in 0..<repeats {
            do {
              _ = try pipeline.batch(
                order.indices(ofStep: step), draw: UInt64(step), threads: threads)
            } catch {
              preconditionFailure("pictures in memory can be read: \(error)")
            }
            step += 1
          }
        }
      } catch {
        preconditionFailure("pictures of persons can be made: \(error)")
      }
    }
  }
}
