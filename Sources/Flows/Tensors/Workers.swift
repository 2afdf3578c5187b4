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

  /// Does `work` once for each index in `0..<count`, on at most `threads` threads; takes no memory.
  static func run<Work: IndexedWork>(_ count: Int, threads: Int, _ work: Work) {
    // `fk_parallel` returns only when every index is done, so neither pointer outlives its scope.
    withUnsafePointer(to: work) { work in
      var job = Job(type: Work.self, work: work)
      withUnsafeMutablePointer(to: &job) { job in
        fk_parallel(
          Int64(count), Int64(threads),
          { context, index in
            guard let job = context?.assumingMemoryBound(to: Job.self).pointee else { return }
            job.type.perform(job.work, Int(index))
          }, job)
      }
    }
  }

  /// The same for a closure, whose context takes one small block of memory.
  static func run(_ count: Int, threads: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { run(count, threads: threads, ClosureWork(body: $0)) }
  }

  private struct Job {
    let type: any IndexedWork.Type
    let work: UnsafeRawPointer
  }

  private struct ClosureWork: IndexedWork {
    let body: (Int) -> Void
    func callAsFunction(_ index: Int) { body(index) }
  }
}

/// What workers do for each index of a job, several at the same time.
///
/// Unlike a closure, a value gets to the workers as it lies on the stack.
protocol IndexedWork {
  func callAsFunction(_ index: Int)
}

extension IndexedWork {
  fileprivate static func perform(_ work: UnsafeRawPointer, _ index: Int) {
    work.assumingMemoryBound(to: Self.self).pointee(index)
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
