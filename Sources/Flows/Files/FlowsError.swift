#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What went wrong, and where.
///
/// Every error this module throws is of this type. ``message`` says what was expected and what was
/// found instead; ``file``, ``row``, ``column`` and ``field`` say where, as far as that is known.
/// ``description`` joins them into one line for a person to read:
///
/// ```
/// points.csv, row 17, column 3 ("y"): expected a number, found "abc"
/// ```
public struct FlowsError: Error, Equatable, Sendable {
  /// The class of a failure, for code that reacts to it.
  public enum Kind: String, Equatable, Sendable, CaseIterable {
    /// A file is missing, is not a file, or may not be read.
    case unreadableFile
    /// A file cannot be written: no folder, no permission, no space.
    case unwritableFile
    /// A file's bytes break the rules of its format.
    case malformedFile
    /// A valid input uses something this module does not handle.
    case unsupported
    /// Data is readable, yet its values or its shape cannot be used.
    case invalidData
    /// A setting, or a combination of settings, makes no sense.
    case invalidConfiguration
    /// A stored model does not fit the model or the data it is used with.
    case modelMismatch
    /// Training stopped because it cannot go on.
    case trainingFailed
  }

  /// The class of the failure.
  public let kind: Kind

  /// What was expected and what was found instead.
  public let message: String

  /// The file concerned, as the caller named it.
  public let file: String?

  /// The line of the file, counted from 1 as an editor does.
  public let row: Int?

  /// The column of the row, counted from 1.
  public let column: Int?

  /// The name of the column, tensor or setting concerned.
  public let field: String?

  /// Creates an error.
  ///
  /// - Parameters:
  ///   - kind: The class of the failure.
  ///   - message: What was expected and what was found instead.
  ///   - file: The file concerned.
  ///   - row: The line of the file, counted from 1.
  ///   - column: The column of the row, counted from 1.
  ///   - field: The name of the column, tensor or setting concerned.
  public init(
    _ kind: Kind, _ message: String, file: String? = nil, row: Int? = nil, column: Int? = nil,
    field: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.file = file
    self.row = row
    self.column = column
    self.field = field
  }

  /// The same error with a file named, unless it names one already.
  ///
  /// Readers work on bytes and do not know the file; the code that opened the file adds it.
  public func inFile(_ path: String) -> FlowsError {
    FlowsError(kind, message, file: file ?? path, row: row, column: column, field: field)
  }
}

extension FlowsError: CustomStringConvertible {
  /// The place and the message in one line.
  public var description: String {
    var place: [String] = []
    if let file { place.append(file) }
    if let row { place.append("row \(row)") }
    switch (column, field) {
    case (let column?, let field?): place.append("column \(column) (\(field.quotedExcerpt))")
    case (let column?, nil): place.append("column \(column)")
    case (nil, let field?): place.append(field.quotedExcerpt)
    case (nil, nil): break
    }
    return place.isEmpty ? message : place.joined(separator: ", ") + ": " + message
  }
}

extension FlowsError: LocalizedError {
  /// The same line as ``description``.
  public var errorDescription: String? { description }
}

/// Runs `body` and names `path` in any ``FlowsError`` that does not name a file yet.
func namingFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as FlowsError {
    throw error.inFile(path)
  }
}
