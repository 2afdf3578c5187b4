import ExampleSupport
import Flows

/// Columns as a command line names them: `a,b,c`, `1-5`, or a mixture of the two.
enum ColumnChoice {
  /// The places of columns, from 0, in the order in which the text names them.
  ///
  /// - Parameters:
  ///   - text: names and places from 1, separated by commas; a name wins over a place.
  ///   - names: the names of all columns.
  ///   - option: the option that holds the text, for messages.
  ///   - file: the file that holds the columns, for messages.
  static func indices(_ text: String, of names: [String], option: String, file: String) throws
    -> [Int]
  {
    if let index = names.firstIndex(of: text) { return [index] }
    var result: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let word = part.trimmed
      if let index = names.firstIndex(of: word) {
        result.append(index)
      } else if let range = range(word) {
        guard range.lowerBound >= 1, range.upperBound <= names.count else {
          throw failure(
            "there are \(names.count) columns, counted from 1, and \"\(word)\" is not among them",
            option, file)
        }
        result += range.map { $0 - 1 }
      } else {
        let near = nearestMatch(to: word, among: names).map { "did you mean \"\($0)\"? " } ?? ""
        throw failure(
          "there is no column \"\(word)\"; \(near)The columns are \(listed(names))", option, file)
      }
    }
    var seen: Set<Int> = []
    if let twice = result.first(where: { !seen.insert($0).inserted }) {
      throw failure("the column \"\(names[twice])\" is named twice", option, file)
    }
    return result
  }

  /// "3" or "2-5".
  private static func range(_ word: String) -> ClosedRange<Int>? {
    if let number = Int(word) { return number >= 0 ? number...number : nil }
    let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0.trimmed) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
      return nil
    }
    return first...last
  }

  private static func failure(_ message: String, _ option: String, _ file: String) -> FlowsError {
    FlowsError(.invalidConfiguration, message, file: file, field: "--" + option)
  }
}

/// The first names of a list, and how many more there are.
func listed(_ names: [String]) -> String {
  let shown = names.prefix(8).joined(separator: ", ")
  return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
}

/// A count and its noun: "1 row", "2 rows".
func counted(_ count: Int, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}

extension Substring {
  /// Without white space at both ends.
  var trimmed: String {
    let start = drop { $0.isWhitespace }
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }
}
