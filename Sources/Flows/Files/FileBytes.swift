#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads whole files.
enum FileBytes {
  /// The bytes of the file at `path`.
  ///
  /// Regular files and pipes are read; devices are refused, since some of them never end.
  ///
  /// - Throws: ``FlowsError`` of kind `unreadableFile`, naming the file and the reason.
  static func read(_ path: String) throws -> [UInt8] {
    try checkPath(path, kind: .unreadableFile)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(SystemError.last, path) }
    defer { close(descriptor) }

    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw failure(SystemError.last, path) }
    switch information.st_mode & S_IFMT {
    case S_IFREG, S_IFIFO: break
    case S_IFDIR:
      throw FlowsError(.unreadableFile, "expected a file, found a folder", file: path)
    default:
      throw FlowsError(.unreadableFile, "expected a file, found a device", file: path)
    }

    // One byte more than the size, so that adding nothing at the end of the file moves nothing.
    let size = Int(information.st_size) + 1
    guard canHold(size) else {
      throw FlowsError(
        .unreadableFile,
        "the file has \(counted(size - 1, "byte")), for which there is not enough memory",
        file: path)
    }
    var bytes: [UInt8] = []
    while true {
      let (part, error) = readOnce(descriptor, upTo: max(65_536, size - bytes.count))
      if let error { throw failure(error, path) }
      if part.isEmpty { return bytes }
      if bytes.isEmpty { bytes = part } else { bytes += part }
    }
  }

  /// Whether there is something of this name.
  static func exists(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0
  }

  /// Whether something is a regular file; nil where there is nothing of this name.
  static func isRegular(_ path: String) -> Bool? {
    var information = stat()
    return stat(path, &information) == 0 ? information.st_mode & S_IFMT == S_IFREG : nil
  }

  /// Whether the system gives that much memory, asked because an array ends the program otherwise.
  static func canHold(_ count: Int) -> Bool {
    var block: UnsafeMutableRawPointer?
    guard posix_memalign(&block, 16, count) == 0 else { return false }
    free(block)
    return true
  }

  /// Refuses paths that the system would cut short or cannot mean anything.
  static func checkPath(_ path: String, kind: FlowsError.Kind) throws {
    if path.isEmpty {
      throw FlowsError(kind, "expected the path of a file, found an empty path")
    }
    if path.utf8.contains(0) {
      throw FlowsError(kind, "the path \(path.quotedExcerpt) contains a zero byte")
    }
  }

  private static func readOnce(
    _ descriptor: Int32, upTo limit: Int
  ) -> (bytes: [UInt8], error: SystemError?) {
    var error: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      while true {
        let received = Self.systemRead(descriptor, buffer.baseAddress, limit)
        if received >= 0 {
          count = received
          return
        }
        if errno != EINTR {
          error = SystemError.last
          return
        }
      }
    }
    return (bytes, error)
  }

  private static func systemRead(
    _ descriptor: Int32, _ address: UnsafeMutablePointer<UInt8>?, _ count: Int
  ) -> Int {
    #if canImport(Darwin)
      Darwin.read(descriptor, address, count)
    #elseif canImport(Glibc)
      Glibc.read(descriptor, address, count)
    #elseif canImport(Musl)
      Musl.read(descriptor, address, count)
    #endif
  }

  static func failure(_ error: SystemError, _ path: String) -> FlowsError {
    let message =
      error.code == ENOENT ? "the file does not exist" : "cannot read the file: \(error.reason)"
    return FlowsError(.unreadableFile, message, file: path)
  }
}
