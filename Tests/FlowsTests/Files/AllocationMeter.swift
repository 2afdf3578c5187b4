import CAllocationMeter

@testable import Flows

/// Measures how much memory some work takes at its worst, on the thread that does it.
enum AllocationMeter {
  /// Whether memory is counted: with glibc, outside of sanitizers, in a test program of its own.
  static let isCounting = peak { [UInt8](repeating: 1, count: 1 << 20) }.bytes >= 1 << 20

  /// What `body` returns, and the most bytes it held at one time, its result included.
  ///
  /// Memory that tensors get from the lists of the kernels, which keep what was freed, is not seen.
  static func peak<Result>(
    _ body: () throws -> Result
  ) rethrows -> (result: Result, bytes: Int) {
    cam_start()
    let result = try body()
    return (result, Int(cam_peak()))
  }
}
