import Flows

/// A JSON document that can be damaged.
indirect enum JSONTree: Decodable {
  case raw(String)
  case string(String)
  case array([JSONTree])
  case object([String: JSONTree])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      let isWhole = number.rounded() == number && number.magnitude < 1e15
      self = .raw(isWhole ? "\(Int(number))" : "\(number)")
    } else if let text = try? container.decode(String.self) {
      self = .string(text)
    } else if let elements = try? container.decode([JSONTree].self) {
      self = .array(elements)
    } else if let fields = try? container.decode([String: JSONTree].self) {
      self = .object(fields)
    } else {
      self = .raw("null")
    }
  }

  func write(to text: inout String) {
    switch self {
    case .raw(let value): text += value
    case .string(let value): text += "\"\(value)\""
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        element.write(to: &text)
      }
      text += "]"
    case .object(let fields):
      text += "{"
      for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
        text += (index > 0 ? ",\"" : "\"") + field.key + "\":"
        field.value.write(to: &text)
      }
      text += "}"
    }
  }

  /// The tree with one node damaged, at a random depth.
  ///
  /// - Parameters:
  ///   - path: becomes the place of the node, in the notation of errors.
  ///   - generator: the source of randomness.
  func damaged(_ path: inout String, using generator: inout PhiloxGenerator) -> JSONTree {
    let stops = !path.isEmpty && Int.random(in: 0..<6, using: &generator) == 0
    switch self {
    case .array(var elements) where !elements.isEmpty && !stops:
      let index = Int.random(in: elements.indices, using: &generator)
      switch Int.random(in: 0..<12, using: &generator) {
      case 0:
        elements.remove(at: index)
      case 1:
        path += "[\(elements.count)]"
        elements.append(elements[index])  // ids come twice
      default:
        path += "[\(index)]"
        elements[index] = elements[index].damaged(&path, using: &generator)
      }
      return .array(elements)
    case .object(var fields) where !fields.isEmpty && !stops:
      let keys = fields.keys.sorted()
      let key = keys[Int.random(in: keys.indices, using: &generator)]
      path += (path.isEmpty ? "" : ".") + key
      if Int.random(in: 0..<5, using: &generator) == 0 {
        fields[key] = nil
      } else {
        fields[key] = fields[key]?.damaged(&path, using: &generator)
      }
      return .object(fields)
    default:
      return replaced(using: &generator)
    }
  }

  private func replaced(using generator: inout PhiloxGenerator) -> JSONTree {
    let raw = [
      "null", "true", "{}", "[]", "-1", "-17", "-0.25", "0.5", "5", "2", "77", "3", "1e308",
      "-1e308", "1e400", "-1e-400", "1e19",
      "9223372036854775807", "9223372036854775808", "-9223372036854775808", "NaN", "-Infinity",
      "00", "1.", "\"\"", "\"\\ud800\"", String(repeating: "9", count: 500),
      String(repeating: "[", count: 600) + String(repeating: "]", count: 600),
    ]
    let choice = Int.random(in: 0..<(raw.count + 3), using: &generator)
    switch (choice - raw.count, self) {
    case (0, .raw(let number)): return .string(number)
    case (0, .string): return .raw("17")
    case (1, _): return .array([self])
    case (2, _): return .object(["id": self])
    default: return .raw(raw[min(choice, raw.count - 1)])
    }
  }
}
