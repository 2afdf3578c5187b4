import CAllocationMeter

@testable import Flows

/// Measures how much memory some work takes, and how often it asks for any.
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

  /// What `body` returns, and how often this thread, and workers in its jobs, asked the C library for
  /// memory; `everywhere` has the calls of the whole process, whatever else it was doing.
  ///
  /// The kernels' lists are not seen, but what they ask for is. One thread at a time can count; a
  /// second waits.
  static func calls<Result>(
    _ body: () throws -> Result
  ) rethrows -> (result: Result, calls: Int, everywhere: Int) {
    cam_start_calls()
    let result: Result
    do {
      result = try body()
    } catch {
      cam_stop_calls(nil)
      throw error
    }
    var everywhere: Int64 = 0
    let calls = cam_stop_calls(&everywhere)
    return (result, Int(calls), Int(everywhere))
  }
}
