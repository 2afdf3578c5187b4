/// A piece of an HTML document: escaped text and elements.
///
/// What it writes is well-formed XML too, so that a strict parser can check a page. Attributes keep
/// their order, and equal pieces give equal bytes.
public struct HTML: Sendable, Hashable {
  /// The markup.
  public private(set) var markup: String

  /// Elements without content and without an end tag.
  private static let voidElements: Set<String> = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
  ]

  /// Makes a piece from text, with the signs that mean something to HTML escaped.
  public init(text: String) { markup = HTML.escaped(text) }

  /// Takes markup as it is; it must be well-formed and must not come from data.
  public init(markup: String) { self.markup = markup }

  /// Makes an element.
  ///
  /// - Parameters:
  ///   - name: The name of the element.
  ///   - attributes: Names and values in order; a value of nil leaves the attribute out.
  ///   - content: What stands between the tags.
  public init(
    _ name: String, _ attributes: KeyValuePairs<String, String?> = [:],
    @HTMLBuilder content: () -> HTML = { HTML(markup: "") }
  ) {
    let inside = content().markup
    let isVoid = HTML.voidElements.contains(name)
    precondition(!isVoid || inside.isEmpty, "An HTML element <\(name)> holds no content.")
    var result = "<" + name
    for (key, value) in attributes {
      guard let value else { continue }
      result += " \(key)=\"\(HTML.escaped(value))\""
    }
    markup = result + (isVoid ? "/>" : ">\(inside)</\(name)>")
  }

  /// Joins pieces.
  public init(_ pieces: [HTML]) {
    markup = pieces.lazy.map(\.markup).joined()
  }

  /// Takes what a builder collects, without an element around it.
  public init(@HTMLBuilder content: () -> HTML) { self = content() }

  /// Replaces the signs with a meaning by references, and characters that XML forbids by U+FFFD.
  public static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "'": result.append(contentsOf: "&#39;".unicodeScalars)
      case "\t", "\n", "\r": result.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}":
        result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}

/// Collects pieces of HTML; a string stands for its escaped text.
@resultBuilder
public enum HTMLBuilder {
  /// Takes a piece as it is.
  public static func buildExpression(_ piece: HTML) -> HTML { piece }
  /// Takes a list of pieces.
  public static func buildExpression(_ pieces: [HTML]) -> HTML { HTML(pieces) }
  /// Escapes text.
  public static func buildExpression(_ text: String) -> HTML { HTML(text: text) }
  /// Joins what follows each other.
  public static func buildBlock(_ pieces: HTML...) -> HTML { HTML(pieces) }
  /// Takes what a condition may leave out.
  public static func buildOptional(_ piece: HTML?) -> HTML { piece ?? HTML(markup: "") }
  /// Takes the first of two branches.
  public static func buildEither(first piece: HTML) -> HTML { piece }
  /// Takes the second of two branches.
  public static func buildEither(second piece: HTML) -> HTML { piece }
  /// Joins the turns of a loop.
  public static func buildArray(_ pieces: [HTML]) -> HTML { HTML(pieces) }
}
