import FlowChecks
import Testing

@testable import Flows

@Suite("Every flow")
struct FlowTableTests {
  @Test("passes every check on every instruction set", arguments: FlowTable.rows, FlowCheck.all)
  func check(_ row: FlowCase, _ check: FlowCheck) {
    let report = row.report([check])
    #expect(report.problems.isEmpty, "\(report)")
    let mayOverflow = ["extreme inputs", "extreme inputs in Float"].contains(check.name)
    #expect(report.skipped.isEmpty || (mayOverflow && !row.staysFinite), "\(report)")
  }

  @Test("has a name of its own in the table")
  func names() {
    #expect(Set(FlowTable.rows.map(\.name)).count == FlowTable.rows.count)
  }
}
