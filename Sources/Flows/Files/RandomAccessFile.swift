#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file of which parts are read.
final class RandomAccessFile: Sendable {
  private let descriptor: Int32
  private let path: String
  /// The size in bytes when the file was opened.
  let count: Int
  /// When the content was changed last, in seconds since 1970.
  let modificationTime: String

  /// Opens a regular file.
  init(_ path: String) throws {
    try FileBytes.checkPath(path, kind: .unreadableFile)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileBytes.failure(SystemError.last, path) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FlowsError(.unreadableFile, "expected a regular file", file: path)
    }
    self.descriptor = descriptor
    self.path = path
    count = Int(information.st_size)
    #if canImport(Darwin)
      let time = information.st_mtimespec
    #else
      let time = information.st_mtim
    #endif
    modificationTime = "\(time.tv_sec).\(time.tv_nsec)"
  }

  deinit { close(descriptor) }

  /// Some bytes of the file, all of which must be there.
  func read(_ range: Range<Int>) throws -> [UInt8] {
    var failure: FlowsError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      while filled < range.count {
        let part = pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, range.count - filled,
          off_t(range.lowerBound + filled))
        if part > 0 {
          filled += part
        } else if part == 0 {
          failure = FlowsError(
            .unreadableFile, "the file became shorter while it was read", file: path)
          return
        } else if errno != EINTR {
          failure = FileBytes.failure(SystemError.last, path)
          return
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
