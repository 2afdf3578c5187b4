import Foundation
import PoseRLE

/// The ten numbers, for people and for programs.
struct EvaluateReport {
  let scores: KeypointScores
  let intervals: [BootstrapInterval]?

  /// One line for each number; – where nothing is annotated.
  var table: String {
    let titles = [
      "average precision, OKS 0.50 to 0.95", "OKS 0.50", "OKS 0.75", "medium areas",
      "large areas", "average recall, OKS 0.50 to 0.95", "OKS 0.50", "OKS 0.75", "medium areas",
      "large areas",
    ]
    return scores.values.indices.map { index in
      let name = KeypointScores.names[index].padding(toLength: 5, withPad: " ", startingAt: 0)
      let value = scores.values[index] < 0 ? "–     " : digits(scores.values[index])
      var line = "\(name) \(value)"
      if let interval = intervals?[index] {
        line +=
          interval.lower.isFinite
          ? "  \(digits(interval.lower)) … \(digits(interval.upper))"
          : "  –" + String(repeating: " ", count: 14)
      }
      return line + "  " + titles[index]
    }.joined(separator: "\n")
  }

  /// One object, every number with all of its digits; intervals only where they were asked for.
  var json: String {
    var fields = zip(KeypointScores.names, scores.values).map { "\"\($0)\": \($1)" }
    if let intervals {
      let pairs = zip(KeypointScores.names, intervals).map { name, interval in
        let isKnown = interval.lower.isFinite
        return "\"\(name)\": " + (isKnown ? "[\(interval.lower), \(interval.upper)]" : "null")
      }
      fields.append("\"intervals\": {\(pairs.joined(separator: ", "))}")
    }
    return "{\(fields.joined(separator: ", "))}"
  }

  private func digits(_ value: Double) -> String { String(format: "%.4f", value) }
}
