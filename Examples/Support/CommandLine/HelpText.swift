extension ArgumentParser {
  /// The help text, wrapped to 80 columns and ending with a newline.
  public var helpText: String {
    var lines = ["Usage: \(program) [options]\(positionalUsage)", ""]
    lines += wrapText(summary, indent: 0)
    if case .accepted(let name, _, let help) = positionals {
      lines += ["", "Arguments:"]
      lines += ArgumentParser.entry(name, help)
    }
    for group in groups {
      lines += ["", "\(group.title):"]
      for option in group.options {
        let value = option.valueName.map { " \($0)" } ?? ""
        let defaultNote = option.defaultValue.map { " Default: \($0)." } ?? ""
        lines += ArgumentParser.entry("--\(option.name)\(value)", option.help + defaultNote)
      }
    }
    lines += ["", "Help:"]
    lines += ArgumentParser.entry("-h, --help", "Show this text.")
    return lines.joined(separator: "\n") + "\n"
  }

  private var positionalUsage: String {
    guard case .accepted(let name, let count, _) = positionals else { return "" }
    let repeated = count.upperBound > 1 && !name.contains(" ") ? "\(name) ..." : name
    return count.lowerBound == 0 ? " [\(repeated)]" : " \(repeated)"
  }

  /// An option and its explanation; long options have the explanation start on the next line.
  private static func entry(_ label: String, _ help: String) -> [String] {
    let indent = 26
    let head = "  \(label)"
    let explanation = wrapText(help, indent: indent)
    guard head.count + 2 <= indent, let first = explanation.first else {
      return [head] + explanation
    }
    let gap = String(repeating: " ", count: indent - head.count)
    return [head + gap + first.drop { $0 == " " }] + explanation.dropFirst()
  }
}

/// Breaks a text into indented lines of at most 80 columns; only longer words stick out.
package func wrapText(_ text: String, indent: Int, width: Int = 80) -> [String] {
  let margin = String(repeating: " ", count: indent)
  var lines: [String] = []
  var line = ""
  for word in text.split(whereSeparator: { $0.isWhitespace }) {
    if !line.isEmpty && indent + line.count + 1 + word.count > width {
      lines.append(margin + line)
      line = ""
    }
    line += line.isEmpty ? String(word) : " \(word)"
  }
  if !line.isEmpty { lines.append(margin + line) }
  return lines
}
