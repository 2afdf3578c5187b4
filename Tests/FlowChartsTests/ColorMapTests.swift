import Testing

@testable import FlowCharts

@Suite struct ColorMapTests {
  @Test func lightnessIsOrdered() {
    for (map, sign) in [
      (ColorMap.magma, 1.0), (.viridis, 1), (.ice, -1), (.ember, -1), (.magma.reversed, -1),
    ] {
      let steps = (0...64).map { OKLab(map.color(at: Double($0) / 64)).lightness }
      #expect(zip(steps, steps.dropFirst()).allSatisfy { ($1 - $0) * sign > 0 })
    }
  }

  @Test func endsAndMissingValues() {
    #expect(ColorMap.ice.color(at: 0) == .white)
    #expect(ColorMap.ice.color(at: -3) == .white)
    #expect(ColorMap.magma.color(at: 7) == Color(0xFCFDBF))
    #expect(ColorMap.magma.color(at: .nan) == .missing)
    #expect(ColorMap.magma.color(at: .infinity) == .missing)
  }

  @Test func labReturns() {
    for color in Color.series + [.white, .black] {
      let back = OKLab(color).color
      #expect(abs(Int(back.red) - Int(color.red)) <= 1)
      #expect(abs(Int(back.green) - Int(color.green)) <= 1)
      #expect(abs(Int(back.blue) - Int(color.blue)) <= 1)
    }
  }
}
