extension String {
  /// The text in quotes, short and on one line, for use in a message.
  ///
  /// Files hold arbitrary text. Control characters are escaped so that a message cannot disturb a
  /// terminal, and long text is cut.
  var quotedExcerpt: String {
    let limit = 40
    var result = "\""
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
    return result + "\""
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

/// A count and its noun: "1 row", "2 rows".
func counted(_ count: Int, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}
