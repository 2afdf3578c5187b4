import Foundation

/// One run of a built example, as a person would start it.
struct ExampleRun {
  let status: Int32
  let output: String
  let errors: String

  init(_ example: String, _ arguments: [String], in folder: URL? = nil) throws {
    try self.init(ExampleRun.binary("Examples/\(example)"), arguments, in: folder)
  }

  /// A run of any program, killed without warning after some seconds if it runs so long.
  init(
    _ program: URL, _ arguments: [String], in folder: URL? = nil, killedAfter seconds: Double? = nil
  ) throws {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    // Files rather than pipes: a full pipe would hold the process up.
    let scratch = TemporaryFolder()
    let outputFile = scratch.url.appendingPathComponent("stdout")
    let errorFile = scratch.url.appendingPathComponent("stderr")
    try Data().write(to: outputFile)
    try Data().write(to: errorFile)
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    if let seconds {
      let identifier = process.processIdentifier
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) {
        if process.isRunning { kill(identifier, SIGKILL) }
      }
    }
    process.waitUntilExit()
    status = process.terminationStatus
    func text(_ file: URL) throws -> String {
      let handle = try FileHandle(forReadingFrom: file)
      defer { try? handle.close() }
      return String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
    }
    output = try text(outputFile)
    errors = try text(errorFile)
  }

  /// A product of the build by its name.
  static func binary(_ name: String) -> URL { binaries.appendingPathComponent(name) }

  /// The folder of the build's products, in which the test bundle lies as well.
  private static let binaries: URL = {
    #if os(Linux)
      let start = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    #else
      let start = Bundle(for: TemporaryFolder.self).bundleURL
    #endif
    var folder = start
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("Examples/fit2d")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return folder }
      folder.deleteLastPathComponent()
    }
    return start
  }()
}

/// A folder that goes when its last user does.
final class TemporaryFolder {
  let url: URL

  init() {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("flows-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }
}
