import Flows
import Foundation

/// What went wrong with data, files or settings of poses, and where.
///
/// ``message`` says what was expected and what was found instead; ``file`` and ``path`` say where.
/// ``description`` joins them into one line for a person to read:
///
/// ```
/// detections.json, [17].keypoints[3]: expected a number, found a string
/// ```
public struct PoseError: Error, Equatable, Sendable {
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
    /// Stored weights do not fit the model that they are read into.
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

  /// The place in the document, such as `annotations[3].keypoints[7]`, or the array concerned.
  public let path: String?

  /// Creates an error.
  public init(_ kind: Kind, _ message: String, file: String? = nil, path: String? = nil) {
    self.kind = kind
    self.message = message
    self.file = file
    self.path = path
  }

  /// The same error with a file named, unless it names one already.
  public func inFile(_ file: String) -> PoseError {
    PoseError(kind, message, file: self.file ?? file, path: path)
  }
}

extension PoseError {
  /// The same failure with the words of this module.
  init(_ error: FlowsError) {
    self.init(
      Kind(rawValue: error.kind.rawValue) ?? .invalidData, error.message, file: error.file,
      path: error.field)
  }

  /// Runs `body` and turns errors of `Flows` into this module's, naming `file` in those that name none.
  static func translating<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as FlowsError {
      throw PoseError(error).inFile(file)
    } catch let error as PoseError {
      throw error.inFile(file)
    }
  }
}

extension PoseError: CustomStringConvertible {
  /// The place and the message in one line.
  public var description: String {
    let place = [file, path].compactMap(\.self).joined(separator: ", ")
    return place.isEmpty ? message : place + ": " + message
  }
}

extension PoseError: LocalizedError {
  /// The same line as ``description``.
  public var errorDescription: String? { description }
}
