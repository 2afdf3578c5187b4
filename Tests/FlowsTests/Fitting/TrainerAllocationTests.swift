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
}
