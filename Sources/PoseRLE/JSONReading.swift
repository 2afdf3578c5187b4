import Foundation

/// The bytes of a file, or an error that names it.
func readBytes(_ path: String) throws(PoseError) -> Data {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw PoseError(.unreadableFile, "there is no such file", file: path)
  }
  guard !isFolder.boolValue else {
    throw PoseError(.unreadableFile, "is a folder, not a file", file: path)
  }
  do {
    // A handle and not the contents of a URL, which refuse pipes.
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    return try handle.readToEnd() ?? Data()
  } catch {
    let isDenied = !FileManager.default.isReadableFile(atPath: path)
    throw PoseError(
      .unreadableFile, isDenied ? "permission to read it is denied" : "cannot be read", file: path)
  }
}

/// Decodes a JSON document; every failure names the place in the document.
func decodeJSON<Document: Decodable>(
  _ type: Document.Type, from data: Data
) throws(PoseError) -> Document {
  do {
    return try JSONDecoder().decode(type, from: data)
  } catch let error as DecodingError {
    throw PoseError(error, in: data)
  } catch {
    throw PoseError(.malformedFile, "is not valid JSON" + syntaxError(in: data))
  }
}

/// What is wrong with a document, and where; the decoder does not say so on every platform.
private func syntaxError(in data: Data) -> String {
  do {
    _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    return ""
  } catch {
    guard let text = (error as NSError).userInfo[NSDebugDescriptionErrorKey] as? String else {
      return ""
    }
    let line = String(text.prefix(160).map { $0.isNewline ? " " : $0 })
    return ": " + line.prefix(1).lowercased()
      + (line.hasSuffix(".") ? line.dropFirst().dropLast() : line.dropFirst())
  }
}

extension KeyedDecodingContainer {
  /// The value of a key, or nil if there is none or null; numbers that cannot be represented are
  /// named with their place, which Foundation leaves out.
  func value<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
    do {
      return try decodeIfPresent(type, forKey: key)
    } catch let error where !error.hasPlace {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self,
        debugDescription: type == Int.self
          ? "is not a whole number of 64 bits" : "is not a number that can be represented")
    }
  }

  /// The numbers of a key, as ``value(_:_:)``.
  ///
  /// One by one: decoding an array as a whole makes a decoder for each element, and twice the time.
  func numbers(_ key: Key) throws -> [Double]? {
    guard contains(key), try !decodeNil(forKey: key) else { return nil }
    var elements = try nestedUnkeyedContainer(forKey: key)
    var values: [Double] = []
    values.reserveCapacity(elements.count ?? 0)
    while !elements.isAtEnd {
      do {
        values.append(try elements.decode(Double.self))
      } catch let error where !error.hasPlace {
        throw DecodingError.dataCorruptedError(
          in: elements, debugDescription: "is not a number that can be represented")
      }
    }
    return values
  }

  /// The value of a key that has to be there.
  func required<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
    guard let value = try value(type, key) else {
      let isNull = contains(key)
      let context = DecodingError.Context(
        codingPath: isNull ? codingPath + [key] : codingPath, debugDescription: "")
      throw isNull
        ? DecodingError.valueNotFound(type, context) : DecodingError.keyNotFound(key, context)
    }
    return value
  }
}

extension Error {
  /// Whether this is a decoder's error that says where it is and that is no number out of range.
  fileprivate var hasPlace: Bool {
    switch self as? DecodingError {
    case .typeMismatch, .valueNotFound, .keyNotFound: true
    default: false
    }
  }
}

extension PoseError {
  /// The failure of a decoder, in the terms of the document.
  fileprivate init(_ error: DecodingError, in data: Data) {
    switch error {
    case .keyNotFound(let key, let context):
      self.init(.malformedFile, "is missing", path: jsonPath(context.codingPath + [key]))
    case .valueNotFound(let type, let context):
      self.init(
        .malformedFile, "expected \(jsonName(of: type)), but found null",
        path: jsonPath(context.codingPath))
    case .typeMismatch(let type, let context):
      // The decoder names what it found in its sentence only.
      let text = context.debugDescription
      let found = text.range(of: "but found ").map {
        ", but found "
          + text[$0.upperBound...].replacing(" instead.", with: "")
          .replacing("a dictionary", with: "an object")
      }
      self.init(
        .malformedFile, "expected \(jsonName(of: type))\(found ?? "")",
        path: jsonPath(context.codingPath))
    case .dataCorrupted(let context):
      let path = jsonPath(context.codingPath)
      self.init(
        .malformedFile,
        path == nil ? "is not valid JSON" + syntaxError(in: data) : context.debugDescription,
        path: path)
    @unknown default:
      self.init(.malformedFile, "is not valid JSON")
    }
  }
}

/// A place in a document, such as `annotations[3].keypoints[7]`; nil for the document itself.
private func jsonPath(_ keys: [any CodingKey]) -> String? {
  var path = ""
  for key in keys {
    if let index = key.intValue {
      path += "[\(index)]"
    } else {
      path += (path.isEmpty ? "" : ".") + key.stringValue
    }
  }
  return path.isEmpty ? nil : path
}

private func jsonName(of type: Any.Type) -> String {
  switch type {
  case is Double.Type: "a number"
  case is Int.Type: "a whole number"
  case is String.Type: "a string"
  case is [Any].Type: "an array"
  default: "\(type)".hasPrefix("Array") ? "an array" : "an object"
  }
}

/// Checks numbers of a document against what they must be, and names the place of the first that
/// is not.
enum JSONCheck {
  static func require(
    _ condition: Bool, _ path: @autoclosure () -> String, _ message: @autoclosure () -> String
  ) throws(PoseError) {
    if !condition { throw PoseError(.invalidData, message(), path: path()) }
  }

  static func require<Value>(
    _ value: Value?, _ path: @autoclosure () -> String
  ) throws(PoseError) -> Value {
    guard let value else { throw PoseError(.malformedFile, "is missing", path: path()) }
    return value
  }

  static func finite(
    _ values: [Double], count: Int, _ path: @autoclosure () -> String
  ) throws(PoseError) {
    try require(
      values.count == count, path(), "expected \(count) numbers, but found \(values.count)")
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw PoseError(.invalidData, "is not finite", path: path() + "[\(index)]")
    }
  }

  /// A box as x, y, width, height.
  static func box(_ values: [Double], _ path: @autoclosure () -> String) throws(PoseError) {
    try finite(values, count: 4, path())
    for index in 2...3 where values[index] < 0 {
      throw PoseError(
        .invalidData, "the \(index == 2 ? "width" : "height") \(values[index]) is negative",
        path: path() + "[\(index)]")
    }
  }
}
