import Flows
import Foundation

/// The architecture of a model as its file describes it, for a person to read.
struct Architecture {
  /// The parts from latent to data, equal neighbours counted: "3 × Autoregressive  hidden [64, 64]".
  ///
  /// Several that alternate stand below "3 × in turn".
  let lines: [String]

  /// Reads the description of a file; empty where there is none to be read.
  init(_ file: SafetensorsFile) {
    guard let text = file.metadata["flows.model"],
      let tree = try? JSONDecoder().decode(Node.self, from: Data(text.utf8))
    else {
      lines = []
      return
    }
    lines =
      tree.members["flow"] == nil
      ? tree.described() : ["base", "flow"].flatMap { tree.members[$0]?.described() ?? [] }
  }
}

/// A value of the description.
private indirect enum Node: Decodable {
  case flag(Bool)
  case number(Double)
  case text(String)
  case list([Node])
  case object([String: Node])
  case null

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([Node].self) {
      self = .list(value)
    } else if let value = try? container.decode([String: Node].self) {
      self = .object(value)
    } else {
      self = .null
    }
  }

  var members: [String: Node] {
    if case .object(let members) = self { members } else { [:] }
  }

  /// This part, and below it the parts that it is made of.
  func described(_ depth: Int = 0) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    let settings = members["configuration"]?.words ?? ""
    let type = members["type"]?.word ?? "?"
    var lines = [indent + type + (settings.isEmpty ? "" : "  " + settings)]
    if case .list(let parts)? = members["parts"] {
      lines += Node.grouped(parts.map { $0.described(depth + 1) }, depth + 1)
    }
    return lines
  }

  /// Parts that repeat, one at a time or several in turn, are shown once: "3 × Autoregressive", or
  /// "2 × in turn" above the several.
  private static func grouped(_ parts: [[String]], _ depth: Int) -> [String] {
    let indent = String(repeating: "  ", count: depth)
    var (lines, start): ([String], Int) = ([], 0)
    while start < parts.count {
      let (period, count) = repeats(parts[start...])
      let turn = parts[start..<start + period]
      if count == 1 {
        lines += turn.joined()
      } else if period == 1, let first = turn.first {
        lines.append("\(indent)\(count) × \(first[0].dropFirst(indent.count))")
        lines += first.dropFirst()
      } else {
        lines.append("\(indent)\(count) × in turn")
        lines += turn.joined().map { "  " + $0 }
      }
      start += period * count
    }
    return lines
  }

  /// The shortest group at the start that comes again right away, and how often; else one part.
  private static func repeats(_ parts: ArraySlice<[String]>) -> (period: Int, count: Int) {
    for period in 1...max(1, min(4, parts.count / 2)) where period * 2 <= parts.count {
      let turn = parts.prefix(period)
      var (rest, count) = (parts.dropFirst(period), 1)
      while rest.prefix(period).elementsEqual(turn) {
        rest = rest.dropFirst(period)
        count += 1
      }
      if count > 1 { return (period, count) }
    }
    return (1, 1)
  }

  /// What a person wants to know of a configuration: not what all parts have in common.
  private var words: String {
    members.sorted { $0.key < $1.key }.compactMap { key, value in
      if ["dimension", "order", "passes"].contains(key) || key.hasSuffix("Dimension") {
        return nil
      }
      // How Swift writes the payload of a case.
      if key == "_0" { return value.word }
      return value.word.map { "\(key) \($0)" }
    }.joined(separator: ", ")
  }

  private var word: String? {
    switch self {
    case .flag(let value): value ? "yes" : "no"
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    case .text(let value): value
    case .list(let values): Node.shown(values)
    case .object: words.isEmpty ? nil : words
    case .null: nil
    }
  }

  private static func shown(_ values: [Node]) -> String {
    let words = values.compactMap(\.word)
    if words.count == 1 { return "(\(words[0]))" }
    return "[" + (words.prefix(6) + (words.count > 6 ? ["…"] : [])).joined(separator: ", ") + "]"
  }
}
