import Foundation

/// A process that is spoken to in lines, by its standard input and output.
///
/// It is started by `posix_spawn` alone, so that what it takes to start can be timed. What it
/// writes to standard error is dropped.
final class ChildProcess {
  let identifier: pid_t
  private let program: String
  private var input: Int32
  private let output: Int32
  private var pending: [UInt8] = []
  private var status: Int32?

  /// Starts a program, found by its path or its name, with some variables added to the environment.
  init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    // A process that has ended must not end this one when it is written to.
    signal(SIGPIPE, SIG_IGN)
    self.program = program
    let toChild = try Self.makePipe()
    let fromChild = try Self.makePipe()
    defer {
      close(toChild.read)
      close(fromChild.write)
    }
    (input, output) = (toChild.write, fromChild.read)
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild.read, 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild.write, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var child: pid_t = 0
    let failure = Self.withCStrings([program] + arguments) { argv in
      Self.withCStrings(variables.map { "\($0)=\($1)" }) { envp in
        posix_spawnp(&child, program, &actions, nil, argv, envp)
      }
    }
    identifier = child
    guard failure == 0 else {
      close(input)
      close(output)
      status = 0
      throw BenchmarkError("cannot start \(program): \(String(cString: strerror(failure)))")
    }
  }

  deinit {
    if status == nil {
      kill(identifier, SIGKILL)
      waitUntilEnd()
    }
  }

  /// Writes a line.
  func send(_ line: String) throws {
    let bytes = Array((line + "\n").utf8)
    var start = 0
    while start < bytes.count {
      let written = bytes[start...].withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw BenchmarkError("\(program) no longer listens") }
      start += written
    }
  }

  /// The next line, or nil at the end of what the process writes.
  func readLine(withinSeconds limit: Double = 3_600) throws -> String? {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(limit)
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        defer { pending.removeSubrange(...end) }
        return String(decoding: pending[..<end], as: UTF8.self)
      }
      var query = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let left = (deadline - clock.now).components.seconds
      guard left >= 0, poll(&query, 1, Int32(clamping: left * 1_000 + 1_000)) != 0 else {
        throw BenchmarkError("\(program) gave no answer within \(Int(limit)) s")
      }
      var chunk = [UInt8](repeating: 0, count: 4_096)
      let count = read(output, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      pending += chunk[..<count]
    }
  }

  /// Closes its input, reads what is left of its output, and waits for its end.
  ///
  /// - Returns: the exit status; 128 and more where a signal ended it.
  @discardableResult
  func end() throws -> Int32 {
    if status == nil {
      close(input)
      input = -1
      while try readLine() != nil {}
      waitUntilEnd()
    }
    return status ?? 0
  }

  private func waitUntilEnd() {
    var value: Int32 = 0
    while waitpid(identifier, &value, 0) < 0 && errno == EINTR {}
    status = value & 0x7f == 0 ? (value >> 8) & 0xff : 128 + (value & 0x7f)
    if input >= 0 { close(input) }
    close(output)
  }

  /// A pipe whose ends no other child inherits.
  private static func makePipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw BenchmarkError("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = texts.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
  }
}
