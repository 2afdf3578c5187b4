import CFlowKernels
import Testing

@testable import Flows

@Suite("Memory of a trainer")
struct TrainerAllocationTests {
  @Test(
    "a steady step takes no block from the system",
    .enabled(if: fk_keeps_lists(), "AddressSanitizer sends every block to the system"),
    arguments: [1_024, 300])
  func steadySteps(batch: Int) {
    var generator = PhiloxGenerator(seed: 34)
    let trainer = Trainer(
      NormalizingFlow<Float>.rle(using: &generator), clipping: .norm(5), averageDecay: 0.999,
      threads: 1)
    let data: Tensor<Float> = bentRows(batch)
    func steps(_ count: Int) {
      for _ in 0..<count {
        _ = trainer.step(rows: batch, learningRate: 1e-3) { model, range in
          -model.logDensity(of: data[rows: range]).sum()
        }
      }
    }
    steps(10)
    let before = fk_system_allocations()
    steps(50)
    let grown = fk_system_allocations() - before
    #expect(grown == 0, "50 steps took \(grown) blocks")
  }

  @Test(
    "a steady built-in step takes no memory at all",
    .enabled(if: AllocationMeter.isCounting, "memory is counted with glibc and without sanitizers"),
    arguments: [2, 8], [256, 1_500])
  func builtIn(dimension: Int, batch: Int) {
    var generator = PhiloxGenerator(seed: 34)
    let flow =
      dimension == 2
      ? NormalizingFlow<Float>.rle(using: &generator)
      : .realNVP(dimension: dimension, layers: 4, networks: .separate, using: &generator)
    let x = Tensor<Float>.normal([batch, dimension], using: &generator)
    let weights = Tensor<Float>.uniform([batch], using: &generator)
    for threads in [1, 2] {
      let trainer = Trainer(flow, clipping: .norm(5), averageDecay: 0.999, threads: threads)
      expectBlocks("built in, D = \(dimension), batch \(batch), \(threads) threads", atMost: 0) {
        _ = trainer.step(on: x, learningRate: 1e-3)
      }
      expectBlocks("built in, weighted, D = \(dimension), batch \(batch)", atMost: 0) {
        _ = trainer.step(on: x, weights: weights, learningRate: 1e-3)
      }
    }
  }

  @Test(
    "a steady step of a network on images takes no block from the system, however large",
    .enabled(if: fk_keeps_lists(), "AddressSanitizer sends every block to the system"))
  func images() {
    var generator = PhiloxGenerator(seed: 35)
    let trainer = Trainer(ImageNetwork(using: &generator), threads: 1)
    // Maps of 5 MiB, which no list of a thread takes.
    let images = Tensor<Float>.normal([40, 128, 128, 1], using: &generator)
    let statistics = BatchStatistics<Float>()
    func steps(_ count: Int) {
      for _ in 0..<count {
        _ = trainer.step(rows: 40, learningRate: 1e-3, mixesRows: true) { model, _ in
          statistics.removeAll()
          return abs(model(images, statistics)).sum()
        }
        trainer.update(with: statistics)
      }
    }
    steps(5)
    let before = fk_system_allocations()
    steps(5)
    let grown = fk_system_allocations() - before
    #expect(grown == 0, "5 steps took \(grown) blocks")
  }

  // What a step on the tape asks the C library for. A tile: the storage of each tensor, the context of
  // each recorded closure and the like, 274 as this is written. A step: the context of the loss.
  private static let blocksForTile = 300
  private static let blocksForStep = 4

  @Test(
    "a steady step on the tape takes small blocks only for its recordings",
    .enabled(if: AllocationMeter.isCounting, "memory is counted with glibc and without sanitizers"),
    arguments: [256, 1_024], [1, 2])
  func smallBlocks(batch: Int, threads: Int) {
    var generator = PhiloxGenerator(seed: 34)
    let trainer = Trainer(
      NormalizingFlow<Float>.rle(using: &generator), clipping: .norm(5), averageDecay: 0.999,
      threads: threads)
    let data: Tensor<Float> = bentRows(batch)
    let tiles = batch / Tiles.rows(batch: batch)
    expectBlocks(
      "batch \(batch), \(threads) threads", atMost: Self.blocksForStep + tiles * Self.blocksForTile
    ) {
      _ = trainer.step(rows: batch, learningRate: 1e-3) { model, range in
        -model.logDensity(of: data[rows: range]).sum()
      }
    }
  }
}

/// The compact network of pose regressors with one block.
private struct ImageNetwork: Parameterized {
  typealias Scalar = Float
  var convolutions: [Convolution<Float>]
  var normalizations: [BatchNormalization<Float>]
  var head: Linear<Float>

  init(using generator: inout PhiloxGenerator) {
    let channels = [1, 8, 8, 8]
    convolutions = (0..<3).map { index in
      Convolution(
        inputs: channels[index], outputs: channels[index + 1],
        geometry: ConvolutionGeometry(kernel: 3, stride: index == 0 ? 2 : 1, padding: 1),
        hasBias: false, using: &generator)
    }
    normalizations = convolutions.map { BatchNormalization(channels: $0.outputs) }
    head = Linear(inputs: 8, outputs: 4, using: &generator)
  }

  func callAsFunction(_ images: Tensor<Float>, _ statistics: BatchStatistics<Float>)
    -> Tensor<Float>
  {
    func unit(_ index: Int, _ x: Tensor<Float>, residual: Tensor<Float>? = nil) -> Tensor<Float> {
      normalizations[index](
        convolutions[index](x), residual: residual, activation: .relu, statistics: statistics)
    }
    let x = unit(0, images)
    return head(unit(2, unit(1, x), residual: x).globallyAveraged())
  }

  mutating func visitParameters<V: ParameterVisitor<Float>>(_ visitor: inout V) {
    for index in convolutions.indices {
      visitor.visit("conv\(index)", &convolutions[index])
      visitor.visit("norm\(index)", &normalizations[index])
    }
    visitor.visit("head", &head)
  }
}

/// Expects that a step, once it is steady, asks the C library for memory so often at most, on its
/// thread and the workers.
///
/// A worker fills its lists when it first runs a tile, which may be late where other tests have the
/// workers; so steps are counted in rounds, and one round must keep to the bound.
func expectBlocks(_ name: String, atMost bound: Int, _ step: () -> Void) {
  let count = 50
  for _ in 0..<10 { step() }
  var fewest = Int.max
  for _ in 0..<10 where fewest > bound * count {
    fewest = min(fewest, AllocationMeter.calls { for _ in 0..<count { step() } }.calls)
  }
  let perStep = Double(fewest) / Double(count)
  print("\(name): \(perStep) blocks a step")
  #expect(fewest <= bound * count, "\(name): \(perStep) blocks a step, expected at most \(bound)")
}
