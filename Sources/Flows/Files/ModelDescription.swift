/// The architecture of a flow or density as a tree of identifiers and configurations.
struct PartDescription: Encodable, Sendable {
  let type: String
  var configuration: JSONValue?
  var parts: [PartDescription]?
}

/// All of a normalizing flow but its tensors.
struct ModelDescription: Encodable, Sendable {
  let dimension: Int
  let base: PartDescription
  let flow: PartDescription
  let standardizedColumns: Int?
  let standardizedContext: Int?
}

extension ModelDescription {
  /// Reads the text of a description.
  init(text: String) throws {
    let value = try JSONParser.parse(Array(text.utf8), subject: Self.subject)
    let members = try value.members("the description")
    self.init(
      dimension: try members.required("dimension", members.integer),
      base: try PartDescription(members["base"] ?? .null),
      flow: try PartDescription(members["flow"] ?? .null),
      standardizedColumns: try members.integer("standardizedColumns"),
      standardizedContext: try members.integer("standardizedContext"))
  }

  fileprivate static let subject = "the description of the model cannot be read"
}

extension PartDescription {
  /// Reads the text of a description.
  init(text: String) throws {
    try self.init(JSONParser.parse(Array(text.utf8), subject: ModelDescription.subject))
  }

  fileprivate init(_ value: JSONValue) throws {
    let members = try value.members("a part")
    guard case .string(let type)? = members["type"] else {
      throw JSONValue.unfit("expected a part to have a text \"type\"")
    }
    var parts: [PartDescription]?
    switch members["parts"] {
    case nil, .null?: break
    case .array(let values)?: parts = try values.map { try PartDescription($0) }
    default: throw JSONValue.unfit("expected \"parts\" to be a list")
    }
    self.init(
      type: type, configuration: members["configuration"].flatMap { $0 == .null ? nil : $0 },
      parts: parts)
  }
}

extension JSONValue {
  fileprivate func members(_ what: String) throws -> [String: JSONValue] {
    guard case .object(let members) = self else {
      throw Self.unfit("expected \(what) to be an object")
    }
    return members
  }

  fileprivate static func unfit(_ message: String) -> FlowsError {
    FlowsError(.malformedFile, "\(ModelDescription.subject): \(message)")
  }
}

extension [String: JSONValue] {
  fileprivate func integer(_ key: String) throws -> Int? {
    switch self[key] {
    case nil, .null?: return nil
    case .integer(let value)?: return value
    default: throw JSONValue.unfit("expected \(key.quotedExcerpt) to be a whole number")
    }
  }

  fileprivate func required(
    _ key: String, _ value: (String) throws -> Int?
  ) throws -> Int {
    guard let value = try value(key) else {
      throw JSONValue.unfit("the key \(key.quotedExcerpt) is missing")
    }
    return value
  }
}
