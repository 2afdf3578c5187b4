/// A whole HTML document in one file, which needs neither a network nor scripts.
public struct HTMLPage: Sendable {
  /// The title of the window.
  public var title: String
  /// Rules that follow those of ``HTMLStyle``.
  public var style: String
  /// What the page shows.
  public var body: HTML

  /// Makes a page.
  ///
  /// - Precondition: the style has none of the signs `<` and `&`, and imports nothing.
  public init(title: String, style: String = "", body: HTML) {
    precondition(
      !style.contains("<") && !style.contains("&") && !style.contains("@import"),
      "The style of a page must be plain rules that import nothing.")
    self.title = title
    self.style = style
    self.body = body
  }

  /// The document.
  public var document: String {
    let head = HTML("head") {
      HTML("meta", ["charset": "utf-8"])
      HTML("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
      HTML("meta", ["name": "color-scheme", "content": "light dark"])
      HTML("title") { title }
      HTML("style") { HTML(markup: "\n" + HTMLStyle.rules + style) }
    }
    return "<!DOCTYPE html>\n"
      + HTML("html", ["lang": "en"]) {
        head
        "\n"
        HTML("body") { body }
      }.markup + "\n"
  }

  /// The document in UTF-8.
  public var bytes: [UInt8] { Array(document.utf8) }
}
