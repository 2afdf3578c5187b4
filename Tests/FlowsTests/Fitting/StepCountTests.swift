import Testing

@testable import Flows

@Suite("Work of a training step")
struct StepCountTests {
  // One step at fixed input; whoever changes what a step does puts the new numbers here.
  // Columns as `KernelCounts.table` prints them: kernel, calls, operations, bytes.
  private static let tapeStep = """
    kernel                   calls  operations    bytes
    piecewise_finish            12     1428480   651600
    piecewise_prepare           12      940800   227520
    adam                         7      891072  1467648
    sum_squares                  7      104832   209720
    add_slots                    7       52416   628992
    coupling_backward           12       15360    61536
    piecewise_backward          24       15360    49152
    coupling                    12       10752    43104
    add_scaled                  24        9316    93360
    piecewise_forward           24        6144    36864
    location_scale               2        2828     3104
    location_scale_backward      2        2052     5152
    add_columns                 12        1536    18528
    binary                      12        1536    18432
    add_strided                  2         256     1040
    unary_backward               2           2       16
    fill                        30           0   469296
    take_columns                12           0    12384
    copy_strided                 2           0     1032
    unary                        2           0       16
    total                      219     3482742  3998496
    """

  private static let builtInStep = """
    kernel                   calls  operations    bytes
    piecewise_finish            12     1428480   651600
    piecewise_prepare           12      940800   227520
    adam                         7      891072  1467648
    sum_squares                  7      104832   209720
    coupling_backward           12       15360    61536
    piecewise_backward          24       15360    47104
    add_scaled                  36       12388   111792
    coupling                    12       10752    43104
    piecewise_forward           24        6144    36864
    location_scale               2        2828     3104
    location_scale_backward      2        2052     5152
    add_columns                 10        1280    15440
    sum                          2         256     1040
    add_slots                    7           0   419328
    fill                        29           0   261664
    take_columns                12           0    12384
    total                      210     3431604  3575000
    """

  private static let wideStep = """
    kernel                   calls  operations    bytes
    network_backward            24    57159680  3064576
    network_forward             24    28704768  2126208
    adam                         7      969408  1596672
    sum_squares                  7      114048   228152
    coupling_backward           12       61440   227712
    add_slots                    7       57024   684288
    coupling                    12       43008   153984
    add_scaled                  24       13824    82944
    location_scale               2       10544     9344
    location_scale_backward      2        8208    17536
    add_columns                 10        5120    61760
    sum                          2         256     1040
    fill                         6           0   458240
    network_prepare             12           0   442368
    take_columns                20           0   115584
    total                      171    87147328  9270408
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
