internal import CFlowKernels

/// How much one kernel was used.
package struct KernelCount: Hashable, Sendable {
  /// The kernel's name in `CFlowKernels.h`.
  package let name: String
  /// How often it was called.
  package let calls: Int
  /// Floating-point operations: a multiply-add is two, an elementary function one.
  package let operations: Int
  /// Bytes of its arguments that were read or written, each argument once a call.
  package let bytes: Int

  package init(name: String, calls: Int, operations: Int, bytes: Int) {
    self.name = name
    self.calls = calls
    self.operations = operations
    self.bytes = bytes
  }
}

/// Counts the work of kernels, by formulas from their arguments (`counts.c` says what an operation
/// is), so that the same work gives the same counts on every machine and number of threads.
///
/// Where nothing is counted a kernel call costs one look at a flag more.
package enum KernelCounts {
  /// What `body` returns, and the kernels that it called, those with the most operations first.
  ///
  /// Counted is what this thread calls and what workers call in its jobs. Other threads are not seen,
  /// whether they count themselves or not; nor are threads that `body` starts. Of two nested
  /// countings the outer one holds what the inner one does too.
  package static func counting<R>(
    _ body: () throws -> R
  ) rethrows -> (result: R, counts: [KernelCount]) {
    let counts = fk_begin_counts()
    defer { fk_free_counts(counts) }
    let result: R
    do {
      defer { fk_end_counts(counts) }
      result = try body()
    }
    return (result, used(counts))
  }

  private static func used(_ counts: OpaquePointer?) -> [KernelCount] {
    (0..<fk_kernel_kinds())
      .map { kernel in
        let count = fk_kernel_count_at(counts, kernel)
        return KernelCount(
          name: String(cString: count.name), calls: Int(count.calls),
          operations: Int(count.operations), bytes: Int(count.bytes))
      }
      .filter { $0.calls > 0 }
      .sorted { ($0.operations, $0.bytes, $1.name) > ($1.operations, $1.bytes, $0.name) }
  }

  /// A table for people: a line for each kernel and one for all.
  package static func table(_ counts: [KernelCount]) -> String {
    let total = KernelCount(
      name: "total", calls: counts.reduce(0) { $0 + $1.calls },
      operations: counts.reduce(0) { $0 + $1.operations },
      bytes: counts.reduce(0) { $0 + $1.bytes })
    let rows =
      [["kernel", "calls", "operations", "bytes"]]
      + (counts + [total]).map { [$0.name, "\($0.calls)", "\($0.operations)", "\($0.bytes)"] }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return
      rows
      .map { row in
        (0..<4)
          .map { column in
            let padding = String(repeating: " ", count: widths[column] - row[column].count)
            return column == 0 ? row[column] + padding : padding + row[column]
          }
          .joined(separator: "  ")
      }
      .joined(separator: "\n")
  }
}
