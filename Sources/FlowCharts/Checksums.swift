/// The two checksums that a PNG file carries.
enum Checksums {
  private static let table: [UInt32] = (0..<256).map { byte in
    var value = UInt32(byte)
    for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    return value
  }

  /// The CRC-32 of ISO 3309, as PNG chunks use it.
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let table = table
    var state: UInt32 = 0xFFFF_FFFF
    for byte in bytes { state = table[Int((state ^ UInt32(byte)) & 0xFF)] ^ (state >> 8) }
    return ~state
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
