import Flows

/// A property that every flow, or every density, has.
public struct FlowCheck: Sendable, CustomStringConvertible {
  /// What reports call the check.
  public let name: String
  private let body: @Sendable (CheckSubject) throws -> [String]

  /// A check that runs on every instruction set.
  init(_ name: String, _ body: @escaping @Sendable (CheckSubject) throws -> [String?]) {
    self.init(name, preparing: { _ in }, { subject, _ in try body(subject) })
  }

  /// The same, with a part that is the same on all of them.
  init<Prepared>(
    _ name: String, preparing prepare: @escaping @Sendable (CheckSubject) throws -> Prepared,
    _ body: @escaping @Sendable (CheckSubject, Prepared) throws -> [String?]
  ) {
    self.name = name
    self.body = { subject in
      let prepared = try prepare(subject)
      return try InstructionSet.available.flatMap { set in
        let found = try InstructionSet.with(set) { try body(subject, prepared) }
        return found.compactMap(\.self).map { "\(set): \($0)" }
      }
    }
  }

  /// The name.
  public var description: String { name }

  /// Those of both flows and densities.
  private static let common: [FlowCheck] = [
    .integral, .extremes, .floatExtremes, .parameterGradients, .inputGradients,
    .drawGradients, .files,
    .floatFiles, .samples, .sampleDensities, .context, .tiles, .training, .fit, .names, .values,
  ]

  /// All checks of a flow.
  public static let all: [FlowCheck] = [.roundTrip, .floatRoundTrip, .logDeterminant] + common

  /// All checks of a density.
  public static let allForDensities: [FlowCheck] = common + [.bound, .distributionFunction]

  /// An error that the flow throws counts as a problem.
  func run(on subject: CheckSubject, into report: inout CheckReport) {
    let place = "\(subject.name), \(name)"
    do {
      report.problems += try body(subject).map { "\(place), \($0)" }
    } catch let error as NotChecked {
      report.skipped.append("\(place): \(error.reason)")
    } catch {
      report.problems.append("\(place): \(error)")
    }
  }
}

extension CheckSubject {
  func report(_ checks: [FlowCheck]) -> CheckReport {
    var report = CheckReport()
    for check in checks { check.run(on: self, into: &report) }
    return report
  }
}
