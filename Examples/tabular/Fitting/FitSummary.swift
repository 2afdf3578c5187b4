import ExampleSupport
import Flows

/// What a fit came to, as it is printed.
struct FitSummary {
  let info: TableInfo
  let choice: FlowChoice
  let parameters: Int
  let report: FitReport
  /// The log-likelihood of the rows held out under a Gaussian.
  let gaussian: LogLikelihood?
  let warnings: [String]
  let output: String
  /// From the start of the program, with reading and writing.
  let seconds: Double

  private var model: Estimate? { report.validationLogLikelihood?.mean }
  private var gain: Estimate? {
    guard let gaussian, let own = report.validationLogLikelihood else { return nil }
    return own.difference(from: gaussian)
  }

  private var stopText: String {
    switch report.stopReason {
    case .finished: "all steps taken"
    case .earlyStopping: "stopped early, validation no longer improved"
    case .cancelled: "the time was up"
    case .nonFinite: "stopped, losses were no longer finite"
    }
  }

  var text: String {
    let conditional = !info.contextColumns.isEmpty
    var lines = [
      "\(info.name): \(info.columnText)",
      "  flow              \(choice.text), \(parameters) parameters",
    ]
    if let reason = choice.reason { lines.append("  chosen            \(reason)") }
    lines.append(
      "  training          \(counted(info.trainingRows, "row")), \(counted(report.steps, "step")) "
        + "in \(fixed(report.seconds, 1)) s; \(stopText); weights of step \(report.bestStep)")
    if let model {
      lines.append(
        "  log-likelihood    \(shown(model)) nats a row on \(counted(info.validationRows, "row")) "
          + "held out, which chose the weights")
      lines.append(
        "  \(conditional ? "linear Gaussian " : "full Gaussian   ")  "
          + (gaussian.map { "\(shown($0.mean)) on the same rows" }
            ?? "none: the covariance is singular"))
      if let gain { lines.append("  gain              \(shown(gain))") }
    }
    if report.skippedSteps > 0 { lines.append("  skipped steps     \(report.skippedSteps)") }
    lines.append("  seconds in all    \(fixed(seconds, 1))")
    lines.append("  model             \(output)")
    return lines.joined(separator: "\n")
  }

  var json: JSON {
    .object([
      "name": .text(info.name), "model": .text(output), "columns": .texts(info.columns),
      "contextColumns": .texts(info.contextColumns), "flow": .text(choice.kind.rawValue),
      "layers": .integer(choice.layers), "hidden": .list(choice.hidden.map { .integer($0) }),
      "reason": .text(choice.reason), "parameters": .integer(parameters),
      "trainingRows": .integer(info.trainingRows), "validationRows": .integer(info.validationRows),
      "steps": .integer(report.steps), "bestStep": .integer(report.bestStep),
      "skippedSteps": .integer(report.skippedSteps),
      "stopReason": .text(report.stopReason.rawValue), "seconds": .number(seconds),
      "validationLogLikelihood": .number(model?.value),
      "standardError": .number(model?.standardError),
      "gaussianLogLikelihood": .number(gaussian?.mean.value),
      "gaussianStandardError": .number(gaussian?.mean.standardError),
      "gain": .number(gain?.value), "gainStandardError": .number(gain?.standardError),
      "warnings": .texts(warnings),
    ])
  }
}

/// "1.2345 ± 0.0012".
func shown(_ estimate: Estimate) -> String {
  "\(fixed(estimate.value, 4)) ± \(fixed(estimate.standardError, 4))"
}
