import ExampleSupport
import Flows
import Foundation

/// One run of fit2d, from data to picture.
struct Fit2D {
  let settings: Settings

  init(_ settings: Settings) { self.settings = settings }

  /// Runs; an error is printed as one line, with exit status 1.
  func runOrExit() {
    do {
      if settings.listsOnly {
        list()
      } else {
        try run()
      }
    } catch {
      writeToStandardError("fit2d: \(error)\n")
      exit(1)
    }
  }

  private func list() {
    for density in ToyData.all { print("\(padded(density.name))\(density.summary)") }
    for energy in ToyEnergies.all { print("\(padded(energy.name))\(energy.summary)") }
  }

  private func run() throws {
    let clock = ProgressBar.monotonicClock()
    let start = clock()
    Workers.count = settings.threads
    try prepareOutput()
    let lesson = try Lesson(settings)
    let target = lesson.target
    let evaluation = Evaluation(
      lesson.flow, draws: lesson.draws, truth: target.logDensities?(lesson.draws),
      seed: settings.seed)
    let picturePath = settings.output + "/\(target.name).png"
    let modelPath = settings.output + "/\(target.name).safetensors"
    try lesson.flow.save(to: modelPath)
    let picture = Picture(
      target: target, flow: lesson.flow, title: title(lesson), caption: caption(lesson, evaluation),
      drawsGrid: settings.drawsGrid, data: lesson.data, seed: settings.seed)
    try AtomicFile.write(picture.png(), to: picturePath)
    let summary = Summary(
      dataset: target.name, flow: settings.flow.rawValue,
      parameters: lesson.flow.parameterCount, steps: lesson.report?.steps ?? 0,
      seconds: clock() - start,
      testNegativeLogLikelihood: -evaluation.logLikelihood.value,
      testStandardError: evaluation.logLikelihood.standardError,
      trueEntropy: target.entropy, klDivergence: evaluation.divergence?.value,
      klStandardError: evaluation.divergence?.standardError, integral: evaluation.integral,
      picture: picturePath, model: modelPath)
    print(settings.printsJSON ? try summary.json() : summary.text(evaluation, lesson.report))
  }

  // The folder is tried before training, so that no minute of work ends in an error.
  private func prepareOutput() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: settings.output, withIntermediateDirectories: true)
    } catch {
      throw FlowsError(
        .unwritableFile, "the output folder cannot be made", file: settings.output)
    }
    let probe = settings.output + "/.fit2d"
    try AtomicFile.write([], to: probe)
    try FileManager.default.removeItem(atPath: probe)
  }

  private func title(_ lesson: Lesson) -> String {
    let kind = lesson.report == nil ? "saved" : settings.flow.layerKind
    return "\(lesson.target.name) · \(lesson.flow.flow.flows.count) \(kind) layers"
  }

  private func caption(_ lesson: Lesson, _ evaluation: Evaluation) -> String {
    var parts: [String] = []
    if let divergence = evaluation.divergence {
      let (value, error) = (fixed(divergence.value, 4), fixed(divergence.standardError, 4))
      parts.append("KL(true ‖ model) = \(value) ± \(error) nats")
    }
    parts.append("test NLL \(fixed(-evaluation.logLikelihood.value, 4)) nats")
    parts.append("∫ p = \(fixed(evaluation.integral, 4))")
    if let report = lesson.report {
      parts.append("\(report.steps) steps in \(fixed(report.seconds, 1)) s")
    }
    return parts.joined(separator: " · ")
  }
}

private func padded(_ name: String) -> String {
  name + String(repeating: " ", count: max(1, 18 - name.count))
}
