/// A number that differs, as good as surely, between data that differ; the same on every platform.
struct Fingerprint {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
    value ^= value >> 32
  }

  mutating func mix(_ number: Int) { mix(UInt64(bitPattern: Int64(number))) }

  mutating func mix(_ number: Double) { mix(number.bitPattern) }

  mutating func mix(_ text: String) { mix(Array(text.utf8)) }

  /// Eight bytes at a time, then the rest, then how many there were.
  mutating func mix(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { raw in
      let whole = raw.count & ~7
      for offset in stride(from: 0, to: whole, by: 8) {
        mix(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      }
      mix(raw[whole...].reduce(0) { $0 << 8 | UInt64($1) })
      mix(raw.count)
    }
  }

  mutating func mix(_ skeleton: Skeleton) {
    for name in skeleton.names { mix(name) }
    for joint in skeleton.mirrored { mix(joint) }
  }
}
