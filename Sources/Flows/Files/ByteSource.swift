/// The bytes of a file, in memory or read from the disk as they are asked for.
enum ByteSource: Sendable {
  case memory([UInt8])
  case file(RandomAccessFile)

  /// A file by its path: regular files stay on the disk, pipes are read whole.
  static func open(_ path: String) throws -> ByteSource {
    if let isRegular = FileBytes.isRegular(path), !isRegular {
      return .memory(try FileBytes.read(path))
    }
    return .file(try RandomAccessFile(path))
  }

  var count: Int {
    switch self {
    case .memory(let bytes): bytes.count
    case .file(let file): file.count
    }
  }

  /// Some of the bytes; the range must lie within the file.
  func bytes(_ range: Range<Int>) throws -> ArraySlice<UInt8> {
    switch self {
    case .memory(let bytes): return bytes[range]
    case .file(let file):
      guard range.count < 1 << 26 || FileBytes.canHold(range.count) else {
        throw FlowsError(
          .unreadableFile,
          "there is not enough memory for \(counted(range.count, "byte")) of the file")
      }
      return range.isEmpty ? [] : try file.read(range)[...]
    }
  }

  /// Bytes with their places in the file: at least those asked for.
  func window(_ range: Range<Int>) throws -> LittleEndianBytes {
    switch self {
    case .memory(let bytes): LittleEndianBytes(bytes: bytes)
    case .file: LittleEndianBytes(bytes: Array(try bytes(range)), origin: range.lowerBound)
    }
  }
}
