import Foundation

/// What `--json` prints; a value that is not known is null, and infinities are texts.
indirect enum JSON: Encodable, Sendable {
  case integer(Int?)
  case number(Double?)
  case text(String?)
  case list([JSON])
  case object([String: JSON])

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let value?): try container.encode(value)
    case .number(let value?) where value.isFinite: try container.encode(value)
    case .number(let value?) where value.isInfinite:
      try container.encode(value > 0 ? "inf" : "-inf")
    case .text(let value?): try container.encode(value)
    case .list(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    default: try container.encodeNil()
    }
  }

  static func texts(_ values: [String]) -> JSON { .list(values.map { .text($0) }) }

  /// The text of this value, with the members of objects in order.
  func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
