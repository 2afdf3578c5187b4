/// Writes ZIP archives; equal entries give equal bytes.
///
/// All entries carry the first date that the format knows. Wide (ZIP64) fields are written only where
/// a size or a place needs them.
struct ZIPWriter {
  /// The smallest value that a narrow field cannot hold.
  var sizeLimit = 0xFFFF_FFFF
  /// The smallest count of entries that a narrow field cannot hold.
  var countLimit = 0xFFFF

  private static let (date, time): (UInt16, UInt16) = (1 << 5 | 1, 0)

  /// The bytes of an archive.
  func bytes(_ entries: [ZIPEntry]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      entries.reduce(100) { $0 + 160 + 2 * $1.name.utf8.count + $1.payload.count })
    var starts: [Int] = []
    for entry in entries {
      starts.append(bytes.count)
      appendHeader(entry, to: &bytes)
      bytes += entry.payload
    }
    let directory = bytes.count
    for (entry, start) in zip(entries, starts) { appendRecord(entry, start, to: &bytes) }
    appendEnd(directory..<bytes.count, entries.count, to: &bytes)
    return bytes
  }

  private func isWide(_ entry: ZIPEntry) -> Bool {
    entry.size >= sizeLimit || entry.payload.count >= sizeLimit
  }

  private func narrow(_ value: Int) -> UInt32 {
    value >= sizeLimit ? .max : UInt32(truncatingIfNeeded: value)
  }

  /// What both headers of an entry share, from the needed version to the length of the name.
  private func appendShared(_ entry: ZIPEntry, isWide: Bool, to bytes: inout [UInt8]) {
    let isASCII = entry.name.utf8.allSatisfy { $0 < 0x80 }
    let (version, flags): (UInt16, UInt16) = (isWide ? 45 : 20, isASCII ? 0 : 0x800)
    for word in [version, flags, entry.method.rawValue, Self.time, Self.date] {
      bytes.append(littleEndian: word)
    }
    bytes.append(littleEndian: entry.checksum)
    bytes.append(littleEndian: self.isWide(entry) ? .max : narrow(entry.payload.count))
    bytes.append(littleEndian: self.isWide(entry) ? .max : narrow(entry.size))
    bytes.append(littleEndian: UInt16(truncatingIfNeeded: entry.name.utf8.count))
  }

  private func appendWide(_ values: [Int], to bytes: inout [UInt8]) {
    bytes.append(littleEndian: UInt16(1))
    bytes.append(littleEndian: UInt16(8 * values.count))
    for value in values { bytes.append(littleEndian: UInt64(value)) }
  }

  private func appendHeader(_ entry: ZIPEntry, to bytes: inout [UInt8]) {
    bytes.append(littleEndian: UInt32(0x0403_4B50))
    appendShared(entry, isWide: isWide(entry), to: &bytes)
    let sizes = isWide(entry) ? [entry.size, entry.payload.count] : []
    bytes.append(littleEndian: UInt16(sizes.isEmpty ? 0 : 4 + 8 * sizes.count))
    bytes += entry.name.utf8
    if !sizes.isEmpty { appendWide(sizes, to: &bytes) }
  }

  private func appendRecord(_ entry: ZIPEntry, _ start: Int, to bytes: inout [UInt8]) {
    var values = isWide(entry) ? [entry.size, entry.payload.count] : []
    if start >= sizeLimit { values.append(start) }
    bytes.append(littleEndian: UInt32(0x0201_4B50))
    bytes.append(littleEndian: UInt16(3 << 8 | 45))  // Permissions below are those of Unix.
    appendShared(entry, isWide: !values.isEmpty, to: &bytes)
    bytes.append(littleEndian: UInt16(values.isEmpty ? 0 : 4 + 8 * values.count))
    for _ in 0..<3 { bytes.append(littleEndian: UInt16(0)) }  // Comment, part, text or not.
    bytes.append(littleEndian: UInt32(0o100644 << 16))
    bytes.append(littleEndian: narrow(start))
    bytes += entry.name.utf8
    if !values.isEmpty { appendWide(values, to: &bytes) }
  }

  private func appendEnd(_ directory: Range<Int>, _ count: Int, to bytes: inout [UInt8]) {
    if count >= countLimit || directory.count >= sizeLimit || directory.lowerBound >= sizeLimit {
      let start = bytes.count
      bytes.append(littleEndian: UInt32(0x0606_4B50))
      bytes.append(littleEndian: UInt64(44))
      bytes.append(littleEndian: UInt16(3 << 8 | 45))
      bytes.append(littleEndian: UInt16(45))
      bytes.append(littleEndian: UInt64(0))
      for value in [count, count, directory.count, directory.lowerBound] {
        bytes.append(littleEndian: UInt64(value))
      }
      bytes.append(littleEndian: UInt32(0x0706_4B50))
      bytes.append(littleEndian: UInt32(0))
      bytes.append(littleEndian: UInt64(start))
      bytes.append(littleEndian: UInt32(1))
    }
    let narrowCount = count >= countLimit ? UInt16.max : UInt16(truncatingIfNeeded: count)
    bytes.append(littleEndian: UInt32(0x0605_4B50))
    for word in [0, 0, narrowCount, narrowCount] { bytes.append(littleEndian: word) }
    bytes.append(littleEndian: narrow(directory.count))
    bytes.append(littleEndian: narrow(directory.lowerBound))
    bytes.append(littleEndian: UInt16(0))
  }
}
