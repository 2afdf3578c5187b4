#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Writes whole files so that a reader sees the old content or the new one, never a part.
package enum AtomicFile {
  /// How the temporary file is named.
  package enum TemporaryName: Sendable {
    /// A name of its own for each write.
    case random
    /// One name for each file, so that writers that were killed leave at most one behind. Only one
    /// process at a time may write the file.
    case fixed
  }

  /// A single attempt to write; `error` is set when nothing was written.
  typealias Attempt = (Int32, UnsafeRawBufferPointer) -> (written: Int, error: SystemError?)

  /// Replaces the file at `path` by `bytes`, or creates it.
  ///
  /// The bytes go to a temporary file in the same folder, are flushed to the disk, and the
  /// temporary file then takes the name of the old one. When anything fails the old file stays as
  /// it was and the temporary file is removed. A symbolic link keeps pointing to the file it names,
  /// and the permissions of an existing file are kept.
  ///
  /// - Parameters:
  ///   - bytes: The new content.
  ///   - path: Where to write.
  ///   - name: How the temporary file is named.
  /// - Throws: ``FlowsError`` of kind `unwritableFile`, naming the file and the reason.
  package static func write(
    _ bytes: [UInt8], to path: String, temporaryName name: TemporaryName = .random
  ) throws {
    try write(bytes, to: path, temporaryName: name, attempt: systemWrite)
  }

  /// The same with the system call that writes replaceable, to simulate a failing disk.
  static func write(
    _ bytes: [UInt8], to path: String, temporaryName name: TemporaryName = .random,
    attempt: Attempt
  ) throws {
    try FileBytes.checkPath(path, kind: .unwritableFile)
    let target = try resolve(path)
    let folder = folder(of: target)
    let permissions = try checkTarget(target, path: path)

    let prefix = folder + (folder.hasSuffix("/") ? "." : "/.")
    let (temporary, descriptor) =
      switch name {
      case .random: openNew(prefix)
      case .fixed: try openOwn(prefix + lastPart(of: target) + ".partial", path)
      }
    guard descriptor >= 0 else { throw folderFailure(SystemError.last, folder, path) }
    // Holds the lock of a fixed name until the file has its name, or is gone.
    let holder = name == .fixed ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1
    defer { if holder >= 0 { close(holder) } }

    var failure: SystemError?
    if let permissions { _ = fchmod(descriptor, permissions) }
    failure = writeAll(bytes, descriptor, attempt)
    if failure == nil { failure = flush(descriptor) }
    // Network file systems may report a full disk only here.
    if close(descriptor) != 0, failure == nil, errno != EINTR { failure = SystemError.last }
    if failure == nil, rename(temporary, target) != 0 { failure = SystemError.last }
    if let failure {
      unlink(temporary)
      throw FlowsError(.unwritableFile, "cannot write the file: \(failure.reason)", file: path)
    }
    flushFolder(folder)
  }

  private static func openNew(_ prefix: String) -> (String, Int32) {
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    let temporary = prefix + "flows-\(suffix).tmp"
    return (temporary, open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666))
  }

  /// Opens a file that a killed writer may have left, and locks it where the file system has locks.
  private static func openOwn(_ temporary: String, _ path: String) throws -> (String, Int32) {
    while true {
      let descriptor = open(
        temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
      guard descriptor >= 0 else { return (temporary, descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
        let isHeld = errno == EWOULDBLOCK
        close(descriptor)
        guard isHeld else { continue }
        throw FlowsError(
          .unwritableFile, "another process is writing this file at the same time", file: path)
      }
      // Between the two calls another writer may have renamed the file: it is the target then.
      var (opened, named) = (stat(), stat())
      let isThere = lstat(temporary, &named) == 0
      guard fstat(descriptor, &opened) == 0, opened.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw FlowsError(
          .unwritableFile, "\(temporary.quotedExcerpt) is in the way and no file", file: path)
      }
      guard isThere, opened.st_ino == named.st_ino else {
        close(descriptor)
        continue
      }
      guard ftruncate(descriptor, 0) == 0 else {
        let failure = SystemError.last
        close(descriptor)
        throw FlowsError(.unwritableFile, "cannot write the file: \(failure.reason)", file: path)
      }
      return (temporary, descriptor)
    }
  }

  /// Writes once with the system call `write`.
  static func systemWrite(
    _ descriptor: Int32, _ buffer: UnsafeRawBufferPointer
  ) -> (written: Int, error: SystemError?) {
    #if canImport(Darwin)
      let written = Darwin.write(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Glibc)
      let written = Glibc.write(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
      let written = Musl.write(descriptor, buffer.baseAddress, buffer.count)
    #endif
    return written >= 0 ? (written, nil) : (0, SystemError.last)
  }

  private static func writeAll(
    _ bytes: [UInt8], _ descriptor: Int32, _ attempt: Attempt
  ) -> SystemError? {
    bytes.withUnsafeBytes { buffer in
      var start = 0
      while start < buffer.count {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
        let (written, error) = attempt(descriptor, rest)
        if let error {
          if error.code == EINTR { continue }
          return error
        }
        // A device that accepts nothing and reports nothing would otherwise be asked forever.
        if written == 0 { return SystemError(code: ENOSPC) }
        start += written
      }
      return nil
    }
  }

  private static func flush(_ descriptor: Int32) -> SystemError? {
    while fsync(descriptor) != 0 {
      switch errno {
      case EINTR: continue
      case EINVAL, ENOTSUP: return nil  // The file system has no notion of flushing.
      default: return SystemError.last
      }
    }
    return nil
  }

  /// Makes the new name durable.
  ///
  /// The content is complete already, so a failure is no error.
  private static func flushFolder(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  /// Follows a symbolic link, since renaming onto the link would replace the link itself.
  private static func resolve(_ path: String) throws -> String {
    var information = stat()
    guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFLNK else {
      return path
    }
    guard let resolved = realpath(path, nil) else {
      throw FlowsError(
        .unwritableFile, "the file is a symbolic link that leads nowhere", file: path)
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The permissions of the existing file, or nil when there is none.
  private static func checkTarget(_ target: String, path: String) throws -> mode_t? {
    if target.hasSuffix("/") {
      throw FlowsError(.unwritableFile, "expected the name of a file, found a folder", file: path)
    }
    var information = stat()
    guard stat(target, &information) == 0 else { return nil }
    switch information.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw FlowsError(.unwritableFile, "expected the name of a file, found a folder", file: path)
    default:
      throw FlowsError(.unwritableFile, "expected the name of a file, found a device", file: path)
    }
    // A rename would replace a write-protected file; its protection is to be respected.
    guard access(target, W_OK) == 0 else {
      throw FlowsError(
        .unwritableFile, "cannot write the file: \(SystemError.last.reason)", file: path)
    }
    return information.st_mode & 0o777
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func lastPart(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  private static func folderFailure(
    _ error: SystemError, _ folder: String, _ path: String
  ) -> FlowsError {
    let name = folder == "." ? "the current folder" : "the folder \"\(folder)\""
    let message =
      error.code == ENOENT
      ? "\(name) does not exist" : "cannot write to \(name): \(error.reason)"
    return FlowsError(.unwritableFile, message, file: path)
  }
}
