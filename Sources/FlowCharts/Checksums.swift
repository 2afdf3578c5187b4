internal import CFlowKernels

/// The two checksums that a PNG file carries.
enum Checksums {
  /// The CRC-32 of ISO 3309, as PNG chunks use it.
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { fk_crc32(0, $0.baseAddress, $0.count) }
  }

  /// The Adler-32 that closes a zlib stream.
  static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var low: UInt32 = 1
    var high: UInt32 = 0
    var index = 0
    while index < bytes.count {
      // 5552 is the longest run whose sums cannot leave 32 bits before the remainder is taken.
      let end = min(index + 5552, bytes.count)
      while index < end {
        low &+= UInt32(bytes[index])
        high &+= low
        index += 1
      }
      low %= 65521
      high %= 65521
    }
    return high << 16 | low
  }
}
