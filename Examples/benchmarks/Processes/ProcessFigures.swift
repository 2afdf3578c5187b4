import Foundation

/// What the system knows of a process.
enum ProcessFigures {
  /// The most memory that this process has had resident, in bytes.
  static var peakMemory: Int {
    #if os(Linux)
      // Unlike `getrusage`, this does not count the process that started this one.
      return statusEntry("VmHWM:")
    #else
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss)
    #endif
  }

  /// The memory that this process has resident now, in bytes; elsewhere than on Linux the peak so
  /// far.
  static var memory: Int {
    #if os(Linux)
      return statusEntry("VmRSS:")
    #else
      return peakMemory
    #endif
  }

  /// Processor time that a process has used, in seconds; nil where the system does not tell.
  static func processorTime(of identifier: pid_t) -> Double? {
    #if os(Linux)
      guard
        let text = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8),
        let name = text.lastIndex(of: ")")
      else { return nil }
      // The name may hold spaces; of what follows it, the times are the 12th and 13th entry.
      let entries = text[name...].split(separator: " ")
      guard entries.count > 13, let user = Double(entries[12]), let system = Double(entries[13])
      else { return nil }
      return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    #else
      return nil
    #endif
  }

  #if os(Linux)
    private static func statusEntry(_ name: String) -> Int {
      let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
      let entries = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }) ?? []
      return entries.count > 1 ? (Int(entries[1]) ?? 0) * 1_024 : 0
    }
  #endif
}
