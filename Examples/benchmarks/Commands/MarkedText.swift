import Flows
import Foundation

/// A part of a file between two marks.
enum MarkedText {
  /// The bytes of a file with other text between its marks; everything else stays as it is, marks
  /// included.
  ///
  /// - Throws: `FlowsError` that names the file where it cannot be read, or does not have each mark
  ///   once and in their order.
  static func replacing(
    _ begin: String, _ end: String, in path: String, by text: String
  ) throws -> [UInt8] {
    guard let file = FileManager.default.contents(atPath: path) else {
      throw FlowsError(.unreadableFile, "the file cannot be read", file: path)
    }
    func place(_ mark: String) throws -> Range<Data.Index> {
      let bytes = Data(mark.utf8)
      guard let place = file.range(of: bytes) else {
        throw FlowsError(.malformedFile, "expected a line \(mark), found none", file: path)
      }
      guard file.range(of: bytes, in: place.upperBound..<file.endIndex) == nil else {
        throw FlowsError(.malformedFile, "expected one line \(mark), found two", file: path)
      }
      return place
    }
    let (first, last) = (try place(begin), try place(end))
    guard first.upperBound <= last.lowerBound else {
      throw FlowsError(.malformedFile, "expected \(begin) before \(end)", file: path)
    }
    return Array(file[..<first.upperBound]) + Array(("\n" + text).utf8)
      + Array(file[last.lowerBound...])
  }
}
