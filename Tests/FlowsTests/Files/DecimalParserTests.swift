import Testing

@testable import Flows

@Suite("Decimal numbers")
struct DecimalParserTests {
  private func parse(_ text: String, single: Bool = false) -> Double? {
    var parser = DecimalParser(single: single)
    // Surrounding digits must not be read.
    let bytes = Array("9\(text)9".utf8)
    return parser.parse(bytes, 1, bytes.count - 1)
  }

  @Test("reads every form of a decimal number")
  func forms() {
    let cases: [(String, Double)] = [
      ("0", 0), ("1", 1), ("+1", 1), ("-1", -1), ("1.", 1), (".5", 0.5), ("-.5e1", -5),
      ("007", 7), ("1e3", 1000), ("1E+3", 1000), ("1e-3", 0.001), ("0.1", 0.1),
      ("123456789012345678901234567890", 123_456_789_012_345_677_877_719_597_056),
      ("0.000000000000000000000000000001", 1e-30), ("9007199254740993", 9_007_199_254_740_992),
      ("9007199254740992.9999999999999999999999", 9_007_199_254_740_992),
      ("1.7976931348623157e308", .greatestFiniteMagnitude), ("5e-324", .leastNonzeroMagnitude),
      ("2.2250738585072011e-308", .leastNormalMagnitude.nextDown), ("1e400", .infinity),
      ("-1e400", -.infinity), ("1e-400", 0), ("0e999999999999999999999", 0),
      ("1e99999999999999999999", .infinity), ("1e-99999999999999999999", 0),
      ("1.7976931348623159e308", .infinity),
    ]
    for (text, value) in cases { #expect(parse(text) == value, "\(text)") }
    #expect(parse("-0")?.sign == .minus)
    let zeros = String(repeating: "0", count: 1000)
    #expect(parse("0.\(zeros)1e1001") == 1)
    #expect(parse("1\(zeros)e-1000") == 1)
  }

  @Test("refuses everything else")
  func refusals() {
    let texts = [
      "", "+", "-", ".", "e1", ".e1", "1e", "1e+", "1e1.5", "1.2.3", "1,5", "0x10", "1f", "1_000",
      "--1", "1 ", " 1", "inf", "nan", "1e5x", "١",
    ]
    for text in texts { #expect(parse(text) == nil, "\(text)") }
  }

  @Test("agrees with the standard library on random numbers")
  func random() {
    var generator = SplitMix(state: 7)
    for _ in 0..<5_000 {
      let value = Double(bitPattern: generator.next())
      guard value.isFinite else { continue }
      #expect(parse(value.description) == value)
      let short = Double(Int64(truncatingIfNeeded: generator.next()) >> 20) / 1_000_000
      #expect(parse(short.description) == short)
    }
  }

  @Test("rounds to Float once")
  func single() throws {
    var generator = SplitMix(state: 8)
    for _ in 0..<5_000 {
      let word = generator.next()
      let low = Float(bitPattern: UInt32(truncatingIfNeeded: word))
      guard low.isFinite, low.nextUp.isFinite else { continue }
      // The shortest text of a value halfway between two neighbors is near it, on either side.
      let halfway = (Double(low) + Double(low.nextUp)) / 2
      for text in [low.description, halfway.description, halfway.nextUp.description] {
        #expect(parse(text, single: true) == Float(text).map { Double($0) }, "\(text)")
      }
    }
    #expect(parse("3.4028235e38", single: true) == Double(Float.greatestFiniteMagnitude))
    #expect(parse("3.4028236e38", single: true) == .infinity)
    #expect(parse("1e-45", single: true) == Double(Float.leastNonzeroMagnitude))
    #expect(parse("1e-50", single: true) == 0)
  }
}
