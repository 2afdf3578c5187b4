import Testing

@testable import FlowCharts

@Suite struct TicksTests {
  @Test func linearTicks() {
    #expect(Ticks.linear(over: -3...3, about: 6).labels == ["−3", "−2", "−1", "0", "1", "2", "3"])
    #expect(
      Ticks.linear(over: 0...1).labels == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(Ticks.linear(over: 0...0.3, about: 3).values == [0, 0.1, 0.2, 0.3])
    #expect(Ticks.linear(over: 0...20_000, about: 4).labels.last == "20\u{2009}000")
    #expect(Ticks.linear(over: 0...1e7, about: 2).labels == ["0", "0.5×10⁷", "1.0×10⁷"])
    #expect(Ticks.linear(over: 2.3...2.9, about: 3).labels == ["2.4", "2.6", "2.8"])
  }

  @Test(arguments: [
    0.0...1e-9, -1e9...1e12, -0.37...0.41, 5...5.001, 99_999...100_001, -1e300...1e300, 7...7,
    1e9...(1e9 + 1e-6),
  ])
  func ticksLieInTheirRange(range: ClosedRange<Double>) {
    for count in 1...9 {
      let ticks = Ticks.linear(over: range, about: count)
      #expect(ticks.values.count == ticks.labels.count)
      #expect(ticks.values.count <= 2 * count + 2)
      let slack = (range.upperBound - range.lowerBound) * 1e-6
      for value in ticks.values {
        #expect(value >= range.lowerBound - slack && value <= range.upperBound + slack)
      }
      if range.upperBound > range.lowerBound {
        #expect(Set(ticks.labels).count == ticks.labels.count)
      }
    }
  }

  @Test func logarithmicTicks() {
    let ticks = Ticks.logarithmic(over: 0.0008...30)
    #expect(ticks.labels == ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹"])
    #expect(ticks.minor.contains { abs($0 - 0.02) < 1e-12 })
    #expect(ticks.minor.allSatisfy { $0 >= 0.0008 && $0 <= 30 })
    #expect(Ticks.logarithmic(over: 1e-30...1).values.count <= 8)
    #expect(Ticks.logarithmic(over: 0.9...9).labels == ["1", "2", "5"])
    #expect(Ticks.logarithmic(over: 3...3.2).values.count >= 2)
  }

  @Test func numbers() {
    #expect(NumberText.fixed(-0.001, decimals: 2) == "0.00")
    #expect(NumberText.fixed(-1.25, decimals: 1) == "−1.3")
    #expect(NumberText.powerOfTen(-12) == "10⁻¹²")
  }
}
