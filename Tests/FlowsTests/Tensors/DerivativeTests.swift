import Flows
import Testing

@Suite("Derivatives")
struct DerivativeTests {
  @Test(
    "agree with central differences on every instruction set",
    arguments: DerivativeTable<Double>().rows)
  func centralDifferences(_ row: DerivativeRow<Double>) {
    for set in InstructionSet.available {
      let worst = InstructionSet.with(set) { DerivativeChecker.worst(of: row) }
      #expect(
        worst.relative <= DerivativeChecker.tolerance, "\(row.name) on \(set): \(worst)")
    }
  }

  @Test("every row has a name of its own")
  func names() {
    let names = DerivativeTable<Double>().rows.map(\.name)
    let repeated = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys
    #expect(repeated.isEmpty, "\(repeated.sorted())")
  }

  /// In each of these the derivative that is recorded is not that of the value.
  static let wrong: [DerivativeRow<Double>] = [
    DerivativeRow(name: "a factor held constant", inputs: [sample([3])]) { $0[0] * $0[0].detached },
    DerivativeRow(name: "a derivative off by 1e-6", inputs: [sample([3, 4])]) {
      $0[0] * (1 + 1e-6) - $0[0].detached * 1e-6
    },
    DerivativeRow(name: "the second input forgotten", inputs: [sample([3]), sample([3])]) {
      $0[0] * $0[1].detached
    },
    DerivativeRow(name: "one entry in 500 wrong", inputs: [sample([500])]) { inputs in
      let x = inputs[0]
      return .concatenated([
        x.slice(0..<321, axis: 0), x.slice(321..<322, axis: 0).detached,
        x.slice(322..<500, axis: 0),
      ])
    },
    DerivativeRow(name: "an infinite derivative", inputs: [.zeros([2])]) {
      sqrt($0[0].squared())
    },
  ]

  @Test("that are wrong are caught", arguments: wrong)
  func power(_ row: DerivativeRow<Double>) {
    let worst = DerivativeChecker.worst(of: row)
    #expect(worst.relative > DerivativeChecker.tolerance, "\(row.name) passed: \(worst)")
  }
}
