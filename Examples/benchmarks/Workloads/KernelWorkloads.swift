import CFlowKernels

/// Each kernel alone, at the shapes that flows call it with, on all threads with buffers of their
/// own.
enum KernelWorkloads {
  /// Rows of a tile, and so many that no cache holds them.
  private static let (tile, streamed) = (256, 65_536)
  private static let width = 64
  /// Inputs and outputs of the layers of the networks for D = 2, 8 and 64.
  private static let layers = [(64, 64), (1, 64), (64, 1), (4, 64), (64, 4), (32, 64), (64, 32)]

  static func all(threads: Int) -> [Workload] {
    layers.flatMap { inputs, outputs in products(inputs, outputs, threads) }
      + [tile, streamed].flatMap { rows in
        elementwise(rows, threads)
          + [2, 64].flatMap { dimension in rowwise(rows, dimension, threads) }
      } + parameterwise(threads)
  }

  private static func products(_ inputs: Int, _ outputs: Int, _ threads: Int) -> [Workload] {
    let (rows, k, n) = (Int64(tile), Int64(inputs), Int64(outputs))
    let name = "\(tile)x\(inputs)x\(outputs)"
    let operations = 2 * Double(tile * inputs * outputs)
    func product(_ form: String, _ make: @escaping () -> () -> Void) -> Workload {
      kernel(
        "matmul \(form) \(name)", tile, inputs, threads, operations: operations, make)
    }
    return [
      product("NN") {
        let (x, w, b) = (KernelBuffer(rows * k), KernelBuffer(k * n), KernelBuffer(n))
        let y = KernelBuffer(rows * n)
        return {
          fk_matmul(
            FK_FLOAT, FK_FORM_NN, rows, n, k, x.start, w.start, y.start, b.start, FK_LEAKY_RELU,
            0.01, false)
        }
      },
      product("TN") {
        let (x, g, w) = (KernelBuffer(rows * k), KernelBuffer(rows * n), KernelBuffer(k * n))
        return {
          fk_matmul(
            FK_FLOAT, FK_FORM_TN, k, n, rows, x.start, g.start, w.start, nil, FK_IDENTITY, 0, true)
        }
      },
      product("NT") {
        let (g, w, x) = (KernelBuffer(rows * n), KernelBuffer(k * n), KernelBuffer(rows * k))
        return {
          fk_matmul(
            FK_FLOAT, FK_FORM_NT, rows, k, n, g.start, w.start, x.start, nil, FK_IDENTITY, 0,
            false)
        }
      },
    ]
  }

  private static func elementwise(_ rows: Int, _ threads: Int) -> [Workload] {
    let count = Int64(rows * width)
    let functions = [("exp", FK_EXP), ("tanh", FK_TANH_OP), ("log", FK_LOG)]
    return functions.map { name, operation in
      kernel("\(name) \(rows)x\(width)", rows, width, threads, scalars: 2 * count) {
        let (x, y) = (KernelBuffer(count), KernelBuffer(count))
        return { fk_unary(FK_FLOAT, operation, count, x.start, 0, 0, y.start) }
      }
    } + [
      kernel("activation backward \(rows)x\(width)", rows, width, threads, scalars: 3 * count) {
        let (g, y, out) = (KernelBuffer(count), KernelBuffer(count), KernelBuffer(count))
        let bias = KernelBuffer(Int64(width))
        return {
          fk_activation_backward(
            FK_FLOAT, FK_LEAKY_RELU, 0.01, Int64(rows), Int64(width), g.start, y.start, out.start,
            bias.start)
        }
      },
      kernel("random normal \(rows)x\(width)", rows, width, threads, scalars: count) {
        let out = KernelBuffer(count)
        return { fk_random_normal(FK_FLOAT, 1, 0, 0, count, out.start) }
      },
    ]
  }

  private static func rowwise(_ rows: Int, _ dimension: Int, _ threads: Int) -> [Workload] {
    let (n, d, c) = (Int64(rows), Int64(dimension), Int64(dimension / 2))
    let shape = "\(rows)x\(dimension)"
    let indices = Array(stride(from: 0, to: d, by: 2))
    return [
      kernel("coupling \(shape)", rows, dimension, threads, scalars: n * (2 * d + 2 * c + 1)) {
        let (x, v, logDet) = (KernelBuffer(n * d), KernelBuffer(n * d), KernelBuffer(n))
        let (raw, shift) = (KernelBuffer(n * c), KernelBuffer(n * c))
        return {
          fk_coupling(
            FK_FLOAT, false, FK_SCALE_TANH, 1, n, d, c, indices, x.start, raw.start, c,
            shift.start, c, v.start, logDet.start)
        }
      },
      kernel(
        "coupling backward \(shape)", rows, dimension, threads, scalars: n * (4 * d + 3 * c + 1)
      ) {
        let (x, v, gv) = (KernelBuffer(n * d), KernelBuffer(n * d), KernelBuffer(n * d))
        let (raw, gLogDet, gx) = (KernelBuffer(n * c), KernelBuffer(n), KernelBuffer(n * d))
        let (gRaw, gShift) = (KernelBuffer(n * c), KernelBuffer(n * c))
        return {
          fk_coupling_backward(
            FK_FLOAT, false, FK_SCALE_TANH, 1, n, d, c, indices, x.start, raw.start, c, v.start,
            gv.start, gLogDet.start, gx.start, gRaw.start, gShift.start, c)
        }
      },
      kernel("location-scale \(shape)", rows, dimension, threads, scalars: n * (d + 1)) {
        let (x, out) = (KernelBuffer(n * d), KernelBuffer(n))
        let (location, logScale) = (KernelBuffer(d), KernelBuffer(d))
        return {
          fk_location_scale(
            FK_FLOAT, FK_GAUSSIAN, n, d, x.start, location.start, logScale.start, out.start)
        }
      },
    ]
  }

  private static func parameterwise(_ threads: Int) -> [Workload] {
    // The parameters of the RLE RealNVP for D = 2, and the slots of its trainer.
    let (count, slots) = (52_236, 8)
    let n = Int64(count)
    return [
      kernel("adam \(count)", count, 1, threads, scalars: 7 * n) {
        let (p, g) = (KernelBuffer(n), KernelBuffer(n))
        let (m, v) = (KernelBuffer(n), KernelBuffer(n))
        return {
          fk_adam(
            FK_FLOAT, n, p.start, g.start, m.start, v.start, 1, 1e-6, 0.9, 0.999, 1e-8, 0.5, 0.5, 0,
            false)
        }
      },
      kernel("add slots \(slots)x\(count)", count, 1, threads, scalars: Int64(slots + 1) * n) {
        let parts = (0..<slots).map { _ in KernelBuffer(n) }
        let out = KernelBuffer(n)
        return {
          let pointers = parts.map { UnsafeRawPointer?($0.start) }
          fk_add_slots(FK_FLOAT, n, Int64(slots), pointers, out.start)
        }
      },
    ]
  }
}

extension KernelWorkloads {
  private static func kernel(
    _ name: String, _ rows: Int, _ columns: Int, _ threads: Int, operations: Double,
    _ make: @escaping () -> () -> Void
  ) -> Workload {
    let all = operations * Double(threads)
    return kernel(name, rows, columns, threads, .products(executed: all, dense: nil), make)
  }

  /// A kernel that reads and writes so many scalars.
  private static func kernel(
    _ name: String, _ rows: Int, _ columns: Int, _ threads: Int, scalars: Int64,
    _ make: @escaping () -> () -> Void
  ) -> Workload {
    let bytes = Int(scalars) * 4 * threads
    return kernel(
      name, rows, columns, threads, .traffic(bytes: Double(bytes), buffer: bytes / 2), make)
  }

  private static func kernel(
    _ name: String, _ rows: Int, _ columns: Int, _ threads: Int, _ cost: Cost,
    _ make: @escaping () -> () -> Void
  ) -> Workload {
    Workload(
      name: "kernel \(name)", dimension: columns, batch: rows * threads, threads: threads,
      cost: cost
    ) {
      let bodies = (0..<threads).map { _ in make() }
      return { repeats in
        onThreads(threads) { index in
          let body = bodies[index]
          for _ in 0..<repeats { body() }
        }
      }
    }
  }
}

/// Scalars in (0, 1), aligned as tensors are.
private final class KernelBuffer {
  let start: UnsafeMutableRawPointer
  private let bytes: Int

  init(_ count: Int64) {
    bytes = Int(count) * 4
    guard let block = fk_allocate(bytes) else { preconditionFailure("there is no memory left") }
    start = block
    fk_random_uniform(FK_FLOAT, 1, 1, 0, count, start)
  }

  deinit { fk_deallocate(start, bytes) }
}

/// Calls `body` once for each index in `0..<threads`, on as many threads.
private func onThreads(_ threads: Int, _ body: @escaping (Int) -> Void) {
  let box = Unmanaged.passRetained(ThreadBody(body))
  fk_parallel(
    Int64(threads), Int64(threads),
    { context, index in
      guard let context else { return }
      Unmanaged<ThreadBody>.fromOpaque(context).takeUnretainedValue().call(Int(index))
    }, box.toOpaque())
  box.release()
}

private final class ThreadBody {
  let call: (Int) -> Void
  init(_ call: @escaping (Int) -> Void) { self.call = call }
}
