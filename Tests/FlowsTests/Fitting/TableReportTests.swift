import Foundation
import Testing

@testable import Flows

@Suite("Table reports")
struct TableReportTests {
  private func table(_ columns: [[Double]]) -> Tensor<Float> {
    Tensor<Float>(
      Tensor(shape: [columns.count, columns[0].count], scalars: columns.flatMap(\.self))
        .transposed())
  }

  private func normals(_ count: Int, seed: UInt64) -> [Double] {
    var generator = PhiloxGenerator(seed: seed)
    return Tensor<Double>.normal([count], using: &generator).scalars
  }

  @Test("say nothing about continuous columns")
  func plain() {
    let report = TableReport(inspecting: table([normals(5_000, seed: 1), normals(5_000, seed: 2)]))
    #expect(report.findings.isEmpty, "\(report)")
    #expect(report.rows == 5_000 && report.countedRows == 5_000)
    let column = report.columns[0]
    let values = normals(5_000, seed: 1)
    #expect(abs(column.mean - values.reduce(0, +) / 5_000) < 1e-6)
    #expect(abs(column.minimum - (values.min() ?? 0)) < 1e-6)
    #expect(abs(column.standardDeviation - 1) < 0.05)
    #expect(column.suggestedSupport == .real && column.step == nil && column.copyOf == nil)
  }

  @Test("find constant columns, copies and affine copies")
  func degenerate() {
    let (a, b) = (normals(3_000, seed: 3), normals(3_000, seed: 4))
    let report = TableReport(
      inspecting: table([a, b, a.map { 5 - 2 * $0 }, a.map { _ in 7 }, b, zip(a, b).map(+)]),
      names: ["a", "b", "c", "d", "e", "f"])
    #expect(report.columns.map(\.copyOf) == [nil, nil, 1, nil, 2, nil])
    #expect(report.columns.map(\.isConstant) == [false, false, false, true, false, false])
    #expect(
      report.findings.map(\.description) == [
        "column 4 \"d\" is constant (7): a density does not exist along it; leave it out",
        "column 3 \"c\" is -2 times column 1 plus 5 in every row: a density of columns that determine "
          + "each other is unbounded; leave one of them out",
        "column 5 \"e\" is equal to column 2 in every row: a density of columns that determine each "
          + "other is unbounded; leave one of them out",
      ])
  }

  @Test("do not take columns for copies that differ in one row, or by a little noise")
  func nearCopies() {
    let a = normals(3_000, seed: 5)
    var other = a
    other[1_234] += 0.01
    let noisy = zip(a, normals(3_000, seed: 6)).map { $0 + 1e-4 * $1 }
    let report = TableReport(inspecting: table([a, other, noisy]))
    #expect(report.columns.allSatisfy { $0.copyOf == nil })
  }

  @Test("find numbers that are not finite")
  func nonFinite() {
    var a = normals(500, seed: 7)
    a[17] = .nan
    a[300] = .infinity
    let report = TableReport(inspecting: table([normals(500, seed: 8), a]))
    #expect(
      report.findings.map(\.description) == [
        "row 18, column 2 is nan (and 1 more numbers are not finite): leave such rows out, or fill the "
          + "numbers in"
      ])
    #expect(report.columns[1].finiteCount == 498)
    #expect(report.columns[1].maximum < 10)
  }

  @Test("find point masses beside continuous values, and not repeats that rounding makes")
  func pointMasses() {
    let a = normals(4_000, seed: 9)
    let mass = a.enumerated().map { $0.offset % 10 == 0 ? 0.25 : $0.element }
    let small = a.enumerated().map { $0.offset % 150 == 0 ? 0.25 : $0.element }
    let report = TableReport(inspecting: table([mass, small, a]))
    #expect(report.columns[0].pointMasses == [.init(value: 0.25, share: 0.1)])
    #expect(report.columns[1].pointMasses.isEmpty, "less than one row in a hundred")
    #expect(
      report.findings.map(\.description) == [
        "column 1 takes the value 0.25 in 10 % of rows: a density is unbounded there; dequantise it, "
          + "model it as a separate indicator, or leave it out"
      ])
  }

  @Test("find grids with their step, in units of the data and standardised")
  func grids() {
    var generator = PhiloxGenerator(seed: 10)
    let uniform = Tensor<Double>.uniform([5_000], using: &generator).scalars
    let levels = uniform.map { Foundation.floor($0 * 256) }
    let even = uniform.map { 2 * Foundation.floor($0 * 30) }
    let standardised = levels.map { ($0 - 127.5) / 73.9 }
    let fine = uniform.map { Foundation.floor($0 * 1e7) / 1e7 }
    let report = TableReport(inspecting: table([levels, even, standardised, fine]))
    #expect(report.columns[0].step == 1 && report.columns[1].step == 2)
    let step = report.columns[2].step ?? 0
    #expect(abs(step * 73.9 - 1) < 1e-4, "\(step)")
    #expect(report.columns[3].isDiscrete == false)
    #expect(report.columns[0].quantization == .grid(step: 1, origin: 0))
    #expect(
      report.findings.first { $0.kind == .discrete }?.description
        == "column 1 takes 256 values on a grid with the step 1: a density is unbounded at each of "
        + "them; dequantise it (DiscreteDistribution), or give it as context")
    let kinds = Set(report.findings.map(\.kind))
    #expect(!kinds.contains(.pointMass), "\(report)")
  }

  @Test("suggest supports that the ends speak for")
  func supports() {
    let z = normals(4_000, seed: 11)
    let unit = z.map { 1 / (1 + exp(-2 * $0)) }
    let positive = z.map { exp($0) }
    let heights = normals(4_000, seed: 14).map { 170 + 8 * $0 }
    let angle = z.map { Foundation.atan2($0, 1 - $0) }
    let report = TableReport(inspecting: table([unit, positive, heights, angle, z]))
    #expect(
      report.columns.map(\.suggestedSupport) == [.interval(0, 1), .positive, .real, .real, .real])
    #expect(report.findings.map(\.kind) == [.bounded, .bounded])
  }

  @Test("are printed and stored")
  func text() throws {
    let report = TableReport(
      inspecting: table([normals(300, seed: 12), normals(300, seed: 13).map { exp($0) }]),
      names: ["x", "income"])
    let lines = report.description.split(separator: "\n")
    #expect(lines[0] == "300 rows")
    #expect(
      lines[1].hasPrefix("column") && lines[2].hasPrefix("x ") && lines[3].hasPrefix("income"))
    #expect(lines[4].hasPrefix("* column 2 \"income\" is positive"))
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(TableReport.self, from: data) == report)
  }

  @Test("count values over a part of many rows, and look at all rows for the rest")
  func manyRows() {
    var values = Tensor<Float>.zeros([200_000, 3])
    values.withMutableScalars { scalars in
      for row in 0..<200_000 {
        scalars[3 * row] = Float(row) * 0.37 - Float(row % 7)
        scalars[3 * row + 1] = row % 4 == 0 ? 1 : Float(row)
        scalars[3 * row + 2] = row == 199_998 ? 1 : 0
      }
    }
    let report = TableReport(inspecting: values)
    #expect(report.countedRows == 50_000)
    #expect(report.columns[2].maximum == 1 && !report.columns[2].isConstant)
    #expect(report.description.hasPrefix("200000 rows, values counted over 50000 of them"))
  }

  @Test("fit refuses constant and repeated columns, and warns of point masses")
  func fit() throws {
    let (a, b) = (normals(400, seed: 14), normals(400, seed: 15))
    func error(_ second: [Double], _ change: (inout FitOptions) -> Void = { _ in }) -> String {
      errorText {
        var flow = smallFlow()
        try flow.fit(
          table([a, second]),
          options: FitOptions {
            $0.steps = 2
            change(&$0)
          })
      }
    }
    let constant =
      "column 2 (\"data\"): the column is constant (2.5 in every row): a density does not exist along "
      + "it; leave the column out"
    #expect(error(a.map { _ in 2.5 }) == constant)
    #expect(error(a.map { _ in 2.5 }) { $0.standardizes = false } == constant)
    #expect(
      error(a.map { 3 * $0 })
        == "column 2 (\"data\"): the column is 3 times column 1 plus 0 in every row: a density of "
        + "columns that determine each other is unbounded; leave one of them out")
    #expect(error(b) == "no error")
    var flow = smallFlow()
    let options = FitOptions { $0.steps = 2 }
    #expect(try flow.fit(table([a, b]), options: options).warnings.isEmpty)
    let mass = b.enumerated().map { $0.offset % 3 == 0 ? -1 : $0.element }
    let report = try flow.fit(table([a, mass]), options: options)
    #expect(report.warnings.count == 1)
    #expect(report.warnings[0].hasPrefix("column 2 takes the value -1 in 33.5 % of rows"))
    var independent = Gaussian<Float>(dimension: 2, isLearnable: true)
    #expect(
      errorText { try independent.fit(table([a, a]), options: options) } == "no error",
      "independent columns may repeat each other")
  }

  @Test("find the point masses of real tables")
  func realTables() throws {
    if let skill = try SharedTables.table("tabular/skillcraft/train.npy") {
      let report = TableReport(inspecting: skill)
      let largest = report.columns.map { $0.pointMasses.first?.share ?? 0 }
      #expect(abs(largest[10] - 0.663) < 0.001 && abs(largest[11] - 0.45) < 0.001)
      #expect(abs(largest[4] - 0.26) < 0.001 && largest[0] > 0.09)
      #expect(largest[1] == 0 && largest[7] == 0)
      var generator = PhiloxGenerator(seed: 1)
      var flow = NormalizingFlow<Float>.realNVP(
        dimension: 13, layers: 2, hidden: [8], using: &generator)
      let fit = try flow.fit(skill, options: FitOptions { $0.steps = 1 })
      #expect(fit.warnings.contains { $0.hasPrefix("column 11 takes the value -0.5419 in 66.3 %") })
    }
    if let miniboone = try SharedTables.table("tabular/miniboone_head/train.npy") {
      let masses = TableReport(inspecting: miniboone).columns.filter { !$0.pointMasses.isEmpty }
      #expect(masses.map(\.number) == [5])
      #expect(abs((masses.first?.pointMasses.first?.share ?? 0) - 0.1) < 0.005)
    }
    if let power = try SharedTables.table("tabular/power_subset/val.npy") {
      let report = TableReport(inspecting: power)
      #expect(report.columns[5].isDiscrete && report.columns[5].distinctCount == 1_440)
      #expect(report.columns.prefix(5).allSatisfy { $0.pointMasses.isEmpty && !$0.isDiscrete })
    }
  }
}
