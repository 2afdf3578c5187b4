import CFlowKernels
import Foundation
import Testing

@testable import Flows

/// Buffers to call kernels with; what is in them does not matter for counts.
private struct Buffers: ~Copyable {
  private let memory = UnsafeMutablePointer<Double>.allocate(capacity: 16 * Self.length)
  static var length: Int { 1_024 }

  init() { memory.initialize(repeating: 0.5, count: 16 * Self.length) }
  deinit { memory.deallocate() }

  subscript(_ index: Int) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(memory + index * Self.length)
  }
}

@Suite("Counts of kernels")
struct KernelCountTests {
  private func single(
    _ body: () -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> KernelCount {
    let counts = KernelCounts.counting(body).counts
    #expect(counts.count == 1, sourceLocation: sourceLocation)
    return try #require(counts.first, sourceLocation: sourceLocation)
  }

  private func operations(_ body: (Tallied) -> Void) -> Int {
    let tally = OperationTally()
    body(tally.number)
    return tally.operations
  }

  // MARK: - Formulas

  struct Product: Sendable {
    var form: fk_form
    var type = FK_FLOAT
    var bias = false
    var activation = FK_IDENTITY
    var accumulates = false
    var operations: Int
    var bytes: Int
  }

  // m = 5, n = 7, k = 3: 105 multiply-adds; A has 15, B 21 and C 35 scalars.
  @Test(
    "products",
    arguments: [
      Product(form: FK_FORM_NN, operations: 210, bytes: 284),
      Product(form: FK_FORM_TN, operations: 210, bytes: 284),
      Product(form: FK_FORM_NT, type: FK_DOUBLE, operations: 210, bytes: 568),
      Product(form: FK_FORM_TN, accumulates: true, operations: 210, bytes: 424),
      Product(form: FK_FORM_NN, bias: true, operations: 210, bytes: 312),
      Product(
        form: FK_FORM_NN, bias: true, activation: FK_LEAKY_RELU, operations: 245, bytes: 312),
      Product(form: FK_FORM_NN, activation: FK_RELU, operations: 210, bytes: 284),
      Product(form: FK_FORM_NN, activation: FK_ELU, operations: 280, bytes: 284),
    ])
  func products(_ product: Product) throws {
    let x = Buffers()
    let count = try single {
      fk_matmul(
        product.type, product.form, 5, 7, 3, x[0], x[1], x[2], product.bias ? x[3] : nil,
        product.activation, 0.01, product.accumulates)
    }
    #expect(
      count
        == KernelCount(
          name: "matmul", calls: 1, operations: product.operations, bytes: product.bytes))
  }

  @Test("a product does what its definition does")
  func productByDefinition() throws {
    let (m, n, k) = (4, 9, 6)
    let expected = operations { x in
      for _ in 0..<m * n {
        var sum = x
        for _ in 0..<k { sum += x * x }
      }
    }
    let x = Buffers()
    let count = try single {
      fk_matmul(
        FK_FLOAT, FK_FORM_NN, Int64(m), Int64(n), Int64(k), x[0], x[1], x[2], x[3], FK_IDENTITY, 0,
        false)
    }
    #expect(count.operations == expected)
  }

  @Test("backwards through an activation")
  func activationBackward() throws {
    let x = Buffers()
    // y (1 - y) g, summed for the bias.
    let expected = operations { y in
      for _ in 0..<6 * 10 {
        var sum = y
        sum += y * (y * (y - y))
      }
    }
    let count = try single {
      fk_activation_backward(FK_FLOAT, FK_SIGMOID, 0, 6, 10, x[0], x[1], x[2], x[3])
    }
    #expect(count.operations == expected)
    #expect(count.bytes == 4 * (3 * 60 + 2 * 10))
    let plain = try single {
      fk_activation_backward(FK_FLOAT, FK_LEAKY_RELU, 0.1, 6, 10, x[0], x[1], x[2], nil)
    }
    #expect(plain.operations == 60)
    #expect(plain.bytes == 4 * 3 * 60)
  }

  @Test("Adam")
  func adam() throws {
    let x = Buffers()
    let n = 37
    let expected = operations { x in
      for _ in 0..<n {
        let g = x * x + x * x
        let m = x * x + x * g
        let v = x * x + x * g * g
        _ = x * x - x * m / (Tallied.function(v) * x + x)
      }
    }
    let count = try single {
      fk_adam(
        FK_FLOAT, Int64(n), x[0], x[1], x[2], x[3], 1, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001, 0, false)
    }
    #expect(count == KernelCount(name: "adam", calls: 1, operations: expected, bytes: 4 * 7 * n))
  }

  @Test("momentum", arguments: [false, true])
  func momentum(nesterov: Bool) throws {
    let x = Buffers()
    let expected = operations { x in
      for _ in 0..<10 {
        let g = x * x + x * x
        let v = x * x + g
        _ = x - x * (nesterov ? g + x * v : v)
      }
    }
    let count = try single {
      fk_momentum(FK_DOUBLE, 10, x[0], x[1], x[2], 1, 0.1, 0.9, 0, nesterov)
    }
    #expect(count.operations == expected)
    #expect(count.bytes == 8 * 5 * 10)
  }

  @Test(
    "couplings", arguments: [true, false],
    [FK_SCALE_TANH, FK_SCALE_SOFT, FK_SCALE_FREE, FK_SCALE_SOFTPLUS])
  func couplings(toData: Bool, kind: fk_scale) throws {
    let (rows, columns) = (8, 3)
    // s and d s / d raw.
    func scale(_ raw: Tallied, slope: Bool) -> Tallied {
      switch kind {
      case FK_SCALE_TANH:
        let t = Tallied.function(raw / raw)
        if slope { _ = raw - t * t }
        return raw * t
      case FK_SCALE_SOFT:
        let d = raw / (raw + raw / raw)
        if slope { _ = d * d }
        return raw * d
      case FK_SCALE_SOFTPLUS:
        let d = Tallied.function(raw) + raw
        if slope { _ = Tallied.function(raw) / d }
        return Tallied.function(d)
      default: return raw
      }
    }
    let forward = operations { x in
      for _ in 0..<rows * columns {
        let s = scale(x, slope: false)
        _ = toData ? x * Tallied.function(s) + x : (x - x) * Tallied.function(-s)
        _ = x + s
      }
    }
    let backward = operations { g in
      for _ in 0..<rows * columns {
        // What the forward pass found is not kept; v is.
        let s = scale(g, slope: true)
        // The soft scale needs no product for s itself here, but the kernel works it out.
        let e = Tallied.function(s)
        let gx = g * e
        _ = toData ? (g * gx * e + g) * g : (-g * gx - g) * g
      }
    }
    let x = Buffers()
    let indices: [Int64] = [0, 2, 4]
    let scalars = rows * 5
    let down = try single {
      fk_coupling(
        FK_FLOAT, toData, kind, 1, 8, 5, 3, indices, x[0], x[1], 3, x[2], 3, x[3], x[4])
    }
    #expect(down.operations == forward)
    #expect(down.bytes == 4 * (2 * scalars + 2 * 24 + 8) + 8 * 3)
    let up = try single {
      fk_coupling_backward(
        FK_FLOAT, toData, kind, 1, 8, 5, 3, indices, x[0], x[1], 3, x[3], x[5], x[6], x[7], x[8],
        x[9], 3)
    }
    #expect(up.operations == backward)
    #expect(up.bytes == 4 * (2 * scalars + 8 + 5 * 24) + 8 * 3)
  }

  @Test("Gaussian rows and their gradients")
  func gaussian() throws {
    let (rows, dimension) = (6, 4)
    let x = Buffers()
    let density = operations { x in
      for _ in 0..<dimension { _ = (Tallied.function(-x), x - (x + x)) }
      for _ in 0..<rows {
        var sum = x
        for _ in 0..<dimension {
          let e = (x - x) * x
          sum += x * e * e
        }
        _ = x - sum
      }
    }
    let count = try single {
      fk_location_scale(FK_DOUBLE, FK_GAUSSIAN, 6, 4, x[0], x[1], x[2], x[3])
    }
    #expect(count.operations == density)
    #expect(count.bytes == 8 * (24 + 6 + 8))
    let gradient = operations { x in
      for _ in 0..<dimension { _ = Tallied.function(-x) }
      for _ in 0..<rows * dimension {
        let e = (x - x) * x
        let gx = -x * e * x
        _ = x - gx
        _ = x + x * (e * e - x)
      }
    }
    let back = try single {
      fk_location_scale_backward(
        FK_DOUBLE, FK_GAUSSIAN, 6, 4, x[0], x[1], x[2], x[3], x[4], x[5], x[6])
    }
    #expect(back.operations == gradient)
    #expect(back.bytes == 8 * (2 * 24 + 6 + 2 * 4 + 4 * 4))
  }

  @Test("broadcast arguments are read once")
  func broadcast() throws {
    let x = Buffers()
    // [6, 10] + [10], and [6, 10] + [6, 1] in a copy and a sum.
    let add = try single {
      fk_binary(FK_FLOAT, FK_ADD, 2, [6, 10], [10, 1], [0, 1], x[0], x[1], x[2])
    }
    #expect(add == KernelCount(name: "binary", calls: 1, operations: 60, bytes: 4 * 130))
    let greater = try single {
      fk_binary(FK_FLOAT, FK_GREATER, 2, [6, 10], [10, 1], [1, 0], x[0], x[1], x[2])
    }
    #expect(greater == KernelCount(name: "binary", calls: 1, operations: 0, bytes: 4 * 126))
    let copy = try single {
      fk_copy_strided(FK_DOUBLE, 2, [6, 10], [0, 1], [10, 1], x[0], x[1])
    }
    #expect(copy == KernelCount(name: "copy_strided", calls: 1, operations: 0, bytes: 8 * 70))
    let sum = try single { fk_add_strided(FK_FLOAT, 2, [6, 10], [0, 1], x[0], x[1]) }
    #expect(sum == KernelCount(name: "add_strided", calls: 1, operations: 60, bytes: 4 * 80))
  }

  @Test("passes over vectors")
  func passes() throws {
    let x = Buffers()
    let n: Int64 = 100
    var total = 0.0
    let slots: [UnsafeRawPointer?] = [UnsafeRawPointer(x[0]), UnsafeRawPointer(x[1]), nil]
    let expected: [(KernelCount, () -> Void)] = [
      (
        KernelCount(name: "fill", calls: 1, operations: 0, bytes: 400),
        { fk_fill(FK_FLOAT, n, 0, x[0]) }
      ),
      (
        KernelCount(name: "add_scaled", calls: 1, operations: 200, bytes: 1_200),
        { fk_add_scaled(FK_FLOAT, n, 1, x[0], x[1]) }
      ),
      (
        KernelCount(name: "sum_squares", calls: 1, operations: 200, bytes: 408),
        { fk_sum_squares(FK_FLOAT, n, x[0], &total) }
      ),
      (
        KernelCount(name: "moving_average", calls: 1, operations: 300, bytes: 1_200),
        { fk_moving_average(FK_FLOAT, n, 0.9, x[0], x[1]) }
      ),
      (
        KernelCount(name: "add_slots", calls: 1, operations: 100, bytes: 1_200),
        { fk_add_slots(FK_FLOAT, n, 2, slots, x[2]) }
      ),
      (
        KernelCount(name: "unary", calls: 1, operations: 100, bytes: 800),
        { fk_unary(FK_FLOAT, FK_EXP, n, x[0], 0, 0, x[1]) }
      ),
      // 1 - y², times g.
      (
        KernelCount(name: "unary_backward", calls: 1, operations: 300, bytes: 1_200),
        { fk_unary_backward(FK_FLOAT, FK_TANH_OP, n, x[0], x[1], x[2], 0, 0, x[3]) }
      ),
    ]
    for (count, call) in expected { #expect(try single(call) == count) }
  }

  @Test("the measure of the processor's limit counts as many operations as it says")
  func peak() throws {
    var operations = 0.0
    var sink = 0.0
    let count = try single { fk_multiply_add_peak(FK_FLOAT, 3, &operations, &sink) }
    #expect(Double(count.operations) == operations)
  }

  // MARK: - When, and whose

  @Test("nothing is counted before, after and without calls")
  func off() {
    let x = Buffers()
    #expect(fk_current_counts() == nil)
    fk_fill(FK_FLOAT, 10, 0, x[0])
    #expect(KernelCounts.counting {}.counts.isEmpty)
    let (value, counts) = KernelCounts.counting { () -> Int in
      for _ in 0..<3 { fk_fill(FK_FLOAT, 10, 0, x[0]) }
      return 7
    }
    fk_fill(FK_FLOAT, 10, 0, x[0])
    #expect(value == 7)
    #expect(counts == [KernelCount(name: "fill", calls: 3, operations: 0, bytes: 120)])
    #expect(fk_current_counts() == nil)
  }

  @Test("an error ends the counting")
  func errors() {
    #expect(throws: CancellationError.self) {
      try KernelCounts.counting { throw CancellationError() }
    }
    #expect(fk_current_counts() == nil)
  }

  @Test("the outer of two countings holds the inner one")
  func nested() {
    let x = Buffers()
    let (inner, outer) = KernelCounts.counting { () -> [KernelCount] in
      fk_fill(FK_FLOAT, 1, 0, x[0])
      let inner = KernelCounts.counting { fk_fill(FK_FLOAT, 10, 0, x[0]) }.counts
      fk_fill(FK_FLOAT, 100, 0, x[0])
      return inner
    }
    #expect(inner.map(\.bytes) == [40])
    #expect(outer.map(\.bytes) == [444])
    #expect(outer.map(\.calls) == [3])
  }

  @Test("workers count for whom they work, however many there are", arguments: 1...4)
  func workers(threads: Int) {
    let counts = KernelCounts.counting {
      Workers.run(500, threads: threads) { index in
        _ = Tensor<Float>(repeating: 1, shape: [index + 1])
      }
    }.counts
    #expect(
      counts == [KernelCount(name: "fill", calls: 500, operations: 0, bytes: 4 * 500 * 501 / 2)])
  }

  @Test("threads that count at the same time do not see each other")
  func sideBySide() async {
    await withTaskGroup(of: (Int, [KernelCount]).self) { group in
      for task in 1...4 {
        group.addTask {
          let counts = KernelCounts.counting {
            for _ in 0..<200 {
              Workers.run(4, threads: 2) { _ in _ = Tensor<Float>(repeating: 0, shape: [task]) }
            }
          }.counts
          return (task, counts)
        }
      }
      for await (task, counts) in group {
        #expect(
          counts == [KernelCount(name: "fill", calls: 800, operations: 0, bytes: 3_200 * task)])
      }
    }
  }

  @Test("the table has a line for each kernel and one for all")
  func table() {
    let text = KernelCounts.table([
      KernelCount(name: "matmul", calls: 2, operations: 1_000, bytes: 64),
      KernelCount(name: "fill", calls: 10, operations: 0, bytes: 8),
    ])
    #expect(
      text == """
        kernel  calls  operations  bytes
        matmul      2        1000     64
        fill       10           0      8
        total      12        1000     72
        """)
  }
}
