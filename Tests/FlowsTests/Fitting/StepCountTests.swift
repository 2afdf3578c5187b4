import Testing

@testable import Flows

@Suite("Work of a training step")
struct StepCountTests {
  // One step at fixed input; whoever changes what a step does puts the new numbers here.
  // Columns as `KernelCounts.table` prints them: kernel, calls, operations, bytes.
  private static let tapeStep = """
    kernel                   calls  operations     bytes
    matmul                     212    78184448  11016288
    adam                         7      891072   1467648
    activation_backward         48      786432   4743168
    sum_squares                  7      104832    209720
    add_slots                    7       52416    628992
    coupling_backward           12       15360     61536
    coupling                    12       10752     43104
    add_strided                 26        3328     13520
    location_scale               2        2828      3104
    location_scale_backward      2        2052      5152
    binary                      12        1536     18432
    scatter_add                 10        1280     15440
    unary_backward               2           2        16
    fill                         6           0    419344
    gather                      12           0     12384
    copy_strided                 2           0      1032
    unary                        2           0        16
    total                      381    80056338  18658896
    """

  @Test("a step of the flow of RLE on 256 rows, on one thread and on two", arguments: [1, 2])
  func tapeStep(threads: Int) {
    var generator = PhiloxGenerator(seed: 34)
    let trainer = Trainer(NormalizingFlow<Float>.rle(using: &generator), threads: threads)
    let data: Tensor<Float> = bentRows(256)
    func step() {
      _ = trainer.step(rows: 256, learningRate: 1e-3) { model, range in
        -model.logDensity(of: data[rows: range]).sum()
      }
    }
    step()
    let counts = KernelCounts.counting(step).counts
    #expect(KernelCounts.table(counts) == Self.tapeStep)
    #expect(counts.first { $0.name == "matmul" }?.operations == productOperations)
  }

  /// The operations of the networks' products: what the table must say if it is right.
  private var productOperations: Int {
    // A coupling of two columns has two networks 1 → 64 → 64 → 1. Forward, the gradients of weights
    // and those of inputs are one product each in every layer, but the coupling at the data's side
    // needs no gradient by its input. LeakyReLU is one more for each hidden unit.
    let networks = 6 * 2
    let forward = 2 * (64 + 64 * 64 + 64)
    return 256 * (networks * (3 * forward + 2 * 64) - 2 * 2 * 64)
  }
}
