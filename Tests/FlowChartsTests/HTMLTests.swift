import Foundation
import Testing

@testable import FlowCharts

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct HTMLTests {
  @Test func textIsEscaped() {
    let piece = HTML("p", ["title": "\"a\" & 'b'", "hidden": nil]) {
      "<script>alert(1)</script>"
      "a\u{0}\u{B}\u{FFFE}b\n"
    }
    #expect(
      piece.markup
        == "<p title=\"&quot;a&quot; &amp; &#39;b&#39;\">&lt;script&gt;alert(1)&lt;/script&gt;"
        + "a\u{FFFD}\u{FFFD}\u{FFFD}b\n</p>")
  }

  @Test func buildersJoinInOrder() {
    let names = ["x", "y"]
    let piece = HTML("div") {
      HTML("br")
      for name in names { HTML("i") { name } }
      if names.isEmpty { "none" } else { "some" }
      if names.count > 5 { "many" }
      names.map { HTML(text: $0) }
    }
    #expect(piece.markup == "<div><br/><i>x</i><i>y</i>somexy</div>")
  }

  @Test func pagesAreWellFormed() {
    let page = HTMLPage(
      title: "a < b & \u{1} c", style: "p>b{color:red}\n",
      body: HTML("p") { "\u{3C3}\u{302} \u{1F600} ]]>" })
    #expect(XMLParser(data: Data(page.bytes)).parse())
    #expect(page.document.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
    #expect(page.bytes == page.bytes)
    #expect(!page.document.contains("url(") && !page.document.contains("://"))
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func base64OfTheStandard(text: String, expected: String) {
    #expect(Base64.encoded(Array(text.utf8)) == expected)
  }

  @Test func base64OfAllBytes() {
    let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) }
    #expect(Base64.encoded(bytes) == Data(bytes).base64EncodedString())
  }

  @Test func numbersForPeople() {
    #expect(NumberText.shown(12.345, decimals: 1) == "12.3")
    #expect(NumberText.shown(-0.04, decimals: 1) == "0.0")
    #expect(NumberText.shown(-2, decimals: 0) == "\u{2212}2")
    #expect(NumberText.shown(nil, decimals: 2) == "\u{2013}")
    #expect(NumberText.shown(.nan, decimals: 2) == "\u{2013}")
    #expect(NumberText.shown(.infinity, decimals: 2) == "\u{2013}")
    #expect(NumberText.shown(1e300, decimals: 2).contains("10"))
    #expect(NumberText.rounded(0.012_345, digits: 3) == "0.0123")
    #expect(NumberText.rounded(1_234.5, digits: 3) == "1235")
    #expect(NumberText.rounded(0.5, digits: 1) == "0.5")
    #expect(NumberText.rounded(0, digits: 3) == "0")
    #expect(NumberText.rounded(-1e-30, digits: 2).contains("10\u{207B}\u{00B3}\u{2070}"))
    #expect(NumberText.rounded(.leastNonzeroMagnitude, digits: 2) == "0")
    #expect(NumberText.rounded(-1.7e308, digits: 2).contains("10\u{00B3}\u{2070}\u{2078}"))
  }

  @Test func colorsInStyleSheets() {
    #expect(Color(0x0A00FF).css == "#0A00FF")
    #expect(Color.seriesOnDark.count == Color.series.count)
  }
}
