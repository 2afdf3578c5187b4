import ExampleSupport
import Flows
import Foundation

/// The machine and its limits, measured.
struct Machine: Encodable {
  let processor: String
  let cores: Int
  let instructionSet: String
  let threads: Int
  /// Processes that wanted a core in the minute before, this one not yet among them.
  let load: Double
  /// Floating-point operations per second on all threads.
  let multiplyAddPeak: Double
  /// The same on one thread.
  let multiplyAddPeakOfOneThread: Double
  /// Bytes read and written per second on all threads, between buffers that no cache holds.
  let copyBytesPerSecond: Double

  init(threads: Int) {
    processor = Self.processorName
    cores = ProcessInfo.processInfo.activeProcessorCount
    instructionSet = InstructionSet.current.rawValue
    self.threads = threads
    load = Self.currentLoad
    func peak(_ threads: Int) -> Double {
      // Long enough for the system to have spread the threads over the cores.
      (0..<400).map { _ in MachinePeak.floatOperationsPerSecond(threads: threads) }.median
    }
    multiplyAddPeakOfOneThread = peak(1)
    multiplyAddPeak = peak(threads)
    copyBytesPerSecond = MachinePeak.copyBytesPerSecond(threads: threads)
  }

  /// What is printed above all figures.
  var text: String {
    """
    \(processor), \(cores) cores, \(instructionSet), load before \(fixed(load, 1))
    multiply-add peak: \(fixed(multiplyAddPeak / 1e9, 0)) GFLOP/s on \(threads) threads, \
    \(fixed(multiplyAddPeakOfOneThread / 1e9, 0)) on one
    copy: \(fixed(copyBytesPerSecond / 1e9, 1)) GB/s on \(threads) threads, read and written
    """
  }

  /// The load of the last minute beyond what `threads` threads of ours make, or that before the
  /// start where it was more: how many cores other work wanted.
  var loadByOthers: Double { max(load, Self.currentLoad - Double(threads)) }

  private static var currentLoad: Double {
    var loads = [0.0]
    return getloadavg(&loads, 1) == 1 ? loads[0] : 0
  }

  private static var processorName: String {
    #if os(Linux)
      let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      let model = lines.split(separator: "\n").first { $0.hasPrefix("model name") }
      let name = model?.split(separator: ":").last.map { $0.drop { $0 == " " } }
      return name.map(String.init) ?? "processor without a name"
    #else
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      guard size > 0 else { return "processor without a name" }
      var bytes = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }
}
