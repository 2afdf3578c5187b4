import Testing

@testable import Flows

@Suite("Work of a training step")
struct StepCountTests {
  // One step at fixed input; whoever changes what a step does puts the new numbers here.
  // Columns as `KernelCounts.table` prints them: kernel, calls, operations, bytes.
  private static let tapeStep = """
    """

  private static let builtInStep = """
    """

  private static let wideStep = """
    """

  private func counts(
    dimension: Int, threads: Int,
    _ step: (Trainer<NormalizingFlow<Float>>, Tensor<Float>) -> Void
  ) -> [KernelCount] {
    var generator = PhiloxGenerator(seed: 34)
    let flow =
      dimension == 2
      ? NormalizingFlow<Float>.rle(using: &generator)
      : .realNVP(dimension: dimension, layers: 6, networks: .separate, using: &generator)
    let trainer = Trainer(flow, threads: threads)
    let data = Tensor<Float>.normal([256, dimension], using: &generator)
    step(trainer, data)
    return KernelCounts.counting { step(trainer, data) }.counts
  }

  @Test("a step of the flow of RLE on 256 rows, on a tape and built in", arguments: [1, 2])
  func piecewise(threads: Int) {
    let onTape = counts(dimension: 2, threads: threads) { trainer, data in
      _ = trainer.step(rows: 256, learningRate: 1e-3) { model, range in
        -model.logDensity(of: data[rows: range]).sum()
      }
    }
    #expect(KernelCounts.table(onTape) == Self.tapeStep)
    let builtIn = counts(dimension: 2, threads: threads) { trainer, data in
      _ = trainer.step(on: data, learningRate: 1e-3)
    }
    #expect(KernelCounts.table(builtIn) == Self.builtInStep)
  }

  @Test("a step whose networks run by products", arguments: [1, 2])
  func products(threads: Int) {
    let counts = counts(dimension: 8, threads: threads) { trainer, data in
      _ = trainer.step(on: data, learningRate: 1e-3)
    }
    #expect(KernelCounts.table(counts) == Self.wideStep)
    // A coupling of eight columns has two networks 4 → 64 → 64 → 4. Forward, the gradients of weights
    // and those of inputs are one product each in every layer, but the coupling at the data's side
    // needs no gradient by its input. LeakyReLU is one more for each hidden unit, each way; biases
    // take one for each unit.
    let forward = 2 * (4 * 64 + 64 * 64 + 64 * 4)
    let network = 3 * forward + 2 * 2 * 64 + 64 + 64 + 4
    let expected = 256 * (6 * 2 * network - 2 * 2 * 4 * 64)
    let found = counts.filter { $0.name.hasPrefix("network_") }.map(\.operations).reduce(0, +)
    #expect(found == expected)
  }
}
