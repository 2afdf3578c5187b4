internal import CFlowKernels

/// The threads that tiles are spread over.
///
/// Their number never changes a result.
public enum Workers {
  /// How many threads work at the same time: the processors available, or the environment variable
  /// `FLOWS_THREADS`, or what is set here.
  public static var count: Int {
    get { Int(fk_worker_count()) }
    set { fk_set_worker_count(Int64(newValue)) }
  }

  /// Calls `body` once for each index in `0..<count`, on at most `threads` threads.
  static func run(_ count: Int, threads: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
      let box = Body(escaping)
      fk_parallel(
        Int64(count), Int64(threads),
        { context, index in
          guard let context else { return }
          Unmanaged<Body>.fromOpaque(context).takeUnretainedValue().call(Int(index))
        }, Unmanaged.passUnretained(box).toOpaque())
      box.release()
    }
  }

  // `fk_parallel` returns only when every index is done, so the closure never outlives its scope.
  private final class Body {
    private var body: ((Int) -> Void)?
    init(_ body: @escaping (Int) -> Void) { self.body = body }
    func call(_ index: Int) { body?(index) }
    func release() { body = nil }
  }
}

/// The instruction sets that kernels exist for.
public enum InstructionSet: String, CaseIterable, Sendable {
  /// SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2 with FMA.
  case avx2
  /// AVX-512 (F, DQ, BW, VL).
  case avx512

  /// The one in use: the best that the processor has, or what `FLOWS_SIMD` allows.
  public static var current: InstructionSet { InstructionSet(fk_current_set()) }

  /// Those that this processor can run.
  public static var available: [InstructionSet] {
    allCases.filter { $0.code.rawValue <= fk_best_set().rawValue }
  }

  /// Runs a closure with the kernels of one instruction set on this thread and its workers.
  public static func with<R>(_ set: InstructionSet, _ body: () throws -> R) rethrows -> R {
    let before = fk_set_override()
    fk_override_set(Int32(set.code.rawValue))
    defer { fk_override_set(before) }
    return try body()
  }

  private init(_ code: fk_set) {
    self = code == FK_AVX512 ? .avx512 : code == FK_AVX2 ? .avx2 : .baseline
  }

  private var code: fk_set {
    switch self {
    case .baseline: FK_BASELINE
    case .avx2: FK_AVX2
    case .avx512: FK_AVX512
    }
  }
}
