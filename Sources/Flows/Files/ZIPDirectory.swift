/// Where the directory of a ZIP archive lies, as the record at the end of the archive says.
///
/// The format is PKWARE's APPNOTE.TXT 6.3, sections 4.3.14 to 4.3.16.
struct ZIPDirectory {
  var range: Range<Int>
  var entryCount: Int

  private static let recordCount = 22
  private static let locatorCount = 20
  private static let wideRecordCount = 56
  private static let largestComment = 0xFFFF

  /// Finds the record at the end and the directory before it.
  init(_ source: ByteSource) throws {
    let tail = Self.recordCount + Self.largestComment + Self.locatorCount
    let reader = try source.window(max(0, source.count - tail)..<source.count)
    guard let record = Self.record(reader) else {
      throw Self.malformed(
        "expected a ZIP archive, found "
          + (source.count == 0 ? "an empty file" : "no end of a ZIP directory"))
    }
    func field(_ offset: Int) -> Int? { reader.count(at: record + offset, as: UInt16.self) }
    func wideField(_ offset: Int) -> Int? { reader.count(at: record + offset, as: UInt32.self) }
    guard let disk = field(4), let firstDisk = field(6), let countHere = field(8),
      let count = field(10), let size = wideField(12), let start = wideField(16)
    else { throw Self.malformed("the file ends in its last record") }

    var end = record
    var (disks, counts, place) = ([disk, firstDisk], [countHere, count], (size, start))
    if reader.integer(at: record - Self.locatorCount, as: UInt32.self) == 0x0706_4B50 {
      let wide = try Self.wideRecord(source, reader, locator: record - Self.locatorCount)
      // A value of all ones stands in the wide record only; all others must agree.
      let narrow = [disk, firstDisk, countHere, count, size, start]
      let limits = [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF]
      for (index, value) in narrow.enumerated() where value != limits[index] {
        guard value == wide.values[index] else {
          throw Self.malformed("the two records at the end of the archive contradict each other")
        }
      }
      (disks, counts) = (Array(wide.values[0..<2]), Array(wide.values[2..<4]))
      place = (wide.values[4], wide.values[5])
      end = wide.start
    }
    guard disks == [0, 0], counts[0] == counts[1] else {
      throw FlowsError(.unsupported, "archives of several parts cannot be read")
    }
    let (directoryEnd, overflow) = place.1.addingReportingOverflow(place.0)
    guard !overflow, directoryEnd == end else {
      throw Self.malformed(
        "expected the directory to end at byte \(end), where its end is recorded; it begins at "
          + "byte \(place.1) and has \(counted(place.0, "byte"))")
    }
    range = place.1..<directoryEnd
    entryCount = counts[1]
  }

  /// The place of the last record, which a comment may follow.
  private static func record(_ reader: LittleEndianBytes) -> Int? {
    let last = reader.end - recordCount
    guard last >= 0 else { return nil }
    for place in stride(from: last, through: max(0, last - largestComment), by: -1) {
      if reader.integer(at: place, as: UInt32.self) == 0x0605_4B50,
        reader.count(at: place + 20, as: UInt16.self) == last - place
      {
        return place
      }
    }
    return nil
  }

  /// The record with wide fields, to which the locator leads.
  private static func wideRecord(
    _ source: ByteSource, _ reader: LittleEndianBytes, locator: Int
  ) throws -> (start: Int, values: [Int]) {
    guard let disk = reader.integer(at: locator + 4, as: UInt32.self),
      let start = reader.count(at: locator + 8, as: UInt64.self),
      let diskCount = reader.integer(at: locator + 16, as: UInt32.self)
    else { throw malformed("the place of the ZIP64 record is larger than any file can be") }
    guard disk == 0, diskCount <= 1 else {
      throw FlowsError(.unsupported, "archives of several parts cannot be read")
    }
    guard start <= locator - wideRecordCount else {
      throw malformed("expected a ZIP64 record at byte \(start)")
    }
    let reader = try source.window(start..<start + wideRecordCount)
    guard reader.integer(at: start, as: UInt32.self) == 0x0606_4B50,
      let size = reader.count(at: start + 4, as: UInt64.self), size == locator - start - 12
    else { throw malformed("expected a ZIP64 record at byte \(start)") }
    let values = [
      reader.count(at: start + 16, as: UInt32.self), reader.count(at: start + 20, as: UInt32.self),
      reader.count(at: start + 24, as: UInt64.self), reader.count(at: start + 32, as: UInt64.self),
      reader.count(at: start + 40, as: UInt64.self), reader.count(at: start + 48, as: UInt64.self),
    ].compactMap { $0 }
    guard values.count == 6 else {
      throw malformed("a value of the ZIP64 record is larger than any file can be")
    }
    return (start, values)
  }

  private static func malformed(_ message: String) -> FlowsError {
    FlowsError(.malformedFile, message)
  }
}
