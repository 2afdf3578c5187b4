/// Collects bits into bytes, least significant bit first, as deflate asks for.
struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var pending: UInt64 = 0
  private var pendingCount: UInt64 = 0

  /// Appends the lowest bits of a value; at most 32 at once.
  mutating func append(_ value: UInt32, count: Int) {
    pending |= UInt64(value) << pendingCount
    pendingCount += UInt64(count)
    while pendingCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingCount -= 8
    }
  }

  /// Fills the current byte with zeros.
  mutating func alignToByte() {
    if pendingCount > 0 { append(0, count: 8 - Int(pendingCount)) }
  }

  /// Appends whole bytes; the writer must stand at a byte boundary.
  mutating func append(bytes more: some Sequence<UInt8>) {
    precondition(pendingCount == 0, "Whole bytes can only follow a byte boundary.")
    bytes.append(contentsOf: more)
  }
}
