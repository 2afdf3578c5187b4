internal import CFlowKernels

/// A file in a ZIP archive.
struct ZIPEntry: Sendable, Equatable {
  /// How the content is packed.
  enum Method: UInt16, Sendable {
    case stored = 0
    case deflated = 8
  }

  /// Deflate packs at most 258 bytes into two bits.
  static let largestRatio = 1032

  var name: String
  var method: Method
  /// The CRC-32 of the content.
  var checksum: UInt32
  /// The size of the content.
  var size: Int
  /// The content, packed.
  var payload: ArraySlice<UInt8>

  /// An entry of bytes that are stored as they are.
  init(name: String, content: [UInt8]) {
    self.init(
      name: name, method: .stored, checksum: Self.checksum(content[...]), size: content.count,
      payload: content[...])
  }

  init(
    name: String, method: Method, checksum: UInt32, size: Int, payload: ArraySlice<UInt8>
  ) {
    self.name = name
    self.method = method
    self.checksum = checksum
    self.size = size
    self.payload = payload
  }

  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { fk_crc32(0, $0.baseAddress, $0.count) }
  }

  /// The whole content, compared with its checksum.
  func content() throws -> ArraySlice<UInt8> {
    let content =
      method == .stored ? payload : try Inflater.inflate(payload, count: size)[...]
    guard Self.checksum(content) == checksum else {
      throw FlowsError(.malformedFile, "the data does not match its checksum")
    }
    return content
  }

  /// The first bytes of the content, all of it if it is shorter; not compared with the checksum.
  func beginning(_ count: Int) throws -> ArraySlice<UInt8> {
    let count = min(count, size)
    return method == .stored
      ? payload.prefix(count) : try Inflater.inflate(payload, count: count, isWhole: false)[...]
  }
}
