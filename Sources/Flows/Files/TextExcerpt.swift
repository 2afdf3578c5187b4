extension String {
  /// The text in quotes, short and on one line, for use in a message.
  ///
  /// Files hold arbitrary text. Control characters are escaped so that a message cannot disturb a
  /// terminal, and long text is cut.
  var quotedExcerpt: String { "\"\(excerpt(40))\"" }

  /// The text, cut after some characters and on one line.
  func excerpt(_ limit: Int) -> String {
    var result = ""
    for (index, scalar) in unicodeScalars.enumerated() {
      if index == limit {
        result += "…"
        break
      }
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
          result += "\\u{" + String(scalar.value, radix: 16) + "}"
        default:
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  /// Decodes UTF-8, or returns nil when the bytes are not valid UTF-8.
  init?(validUTF8 bytes: some Collection<UInt8>) {
    // Decoding replaces invalid bytes, so the text has the same bytes only if all were valid.
    self.init(decoding: bytes, as: UTF8.self)
    if !utf8.elementsEqual(bytes) { return nil }
  }
}

/// Bytes from a file as a quoted excerpt; bytes that are not text show as replacement characters.
func quotedExcerpt(_ bytes: some Collection<UInt8>) -> String {
  // 200 bytes hold at least the 40 characters an excerpt shows, and keep the decoding short.
  String(decoding: bytes.prefix(200), as: UTF8.self).quotedExcerpt
}

/// A count and its noun: "1 row", "2 rows"; with its plural where that is irregular.
func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(plural ?? noun + "s")"
}

/// The first names of a list, quoted, and how many more there are.
func listed(_ names: [String]) -> String {
  if names.isEmpty { return "nothing" }
  let list = names.prefix(8).map(\.quotedExcerpt).joined(separator: ", ")
  return names.count > 8 ? "\(list) and \(names.count - 8) more" : list
}

/// A list as Swift shows it, cut after its first elements.
func excerpt(_ list: [some Any]) -> String {
  let shown = list.prefix(8).map { "\($0)" } + (list.count > 8 ? ["…"] : [])
  return "[\(shown.joined(separator: ", "))]"
}
