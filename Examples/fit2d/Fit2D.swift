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
      try run()
    } catch {
      writeToStandardError("fit2d: \(error)\n")
      exit(1)
    }
  }

  private func run() throws {
    if settings.listsOnly {
      for density in ToyData.all { print("\(padded(density.name))\(density.summary)") }
      for energy in ToyEnergies.all { print("\(padded(energy.name))\(energy.summary)") }
      return
    }
    Workers.count = settings.threads
    try prepareOutput()
    let clock = ProgressBar.monotonicClock()
    let start = clock()
    var generator = PhiloxGenerator(seed: settings.seed)
    var weights = generator.forked(1)
    var flow = makeFlow(&weights)
    let outcome: (target: Target, draws: [Double], data: Tensor<Float>?, report: FitReport)
    switch settings.subject {
    case .density(let density):
      let target = Target(density)
      let data = Tensor<Float>(
        points: density.sample(Defaults.trainingRows, using: &generator))
      let report = try fit { try flow.fit(data, options: options(), progress: $0) }
      outcome = (target, density.sample(Defaults.evaluationDraws, using: &generator), nil, report)
    case .energy(let energy):
      let target = Target(energy)
      guard let logDensity = EnergyTensors.logDensity(energy.name) else {
        preconditionFailure("every energy has a tensor form; \(energy.name) has none")
      }
      let report = try fit {
        try flow.fit(toLogDensity: logDensity, options: options(), progress: $0)
      }
      let draws = target.draw?(Defaults.evaluationDraws, &generator) ?? []
      outcome = (target, draws, nil, report)
    case .file(let path):
      let rows = try readColumns(path)
      let held = max(1, rows.shape[0] / 10)
      let order = Array(0..<rows.shape[0]).shuffled(using: &generator)
      let training = rows.rows(Array(order[held...]))
      let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      let report = try fit { try flow.fit(training, options: options(), progress: $0) }
      outcome = (
        Target(name: name, rows: rows), rows.rows(Array(order[..<held])).points, rows, report
      )
    }
    let target = outcome.target
    let evaluation = Evaluation(
      flow, draws: outcome.draws, truth: target.logDensities?(outcome.draws), seed: settings.seed)
    let picturePath = settings.output + "/\(target.name).png"
    let modelPath = settings.output + "/\(target.name).safetensors"
    try flow.save(to: modelPath)
    let picture = Picture(
      target: target, flow: flow, title: title(target),
      caption: caption(evaluation, outcome.report),
      drawsGrid: settings.drawsGrid, data: outcome.data, seed: settings.seed)
    try AtomicFile.write(picture.png(), to: picturePath)
    let summary = Summary(
      dataset: target.name, flow: settings.flow.rawValue, parameters: flow.parameterCount,
      steps: outcome.report.steps, seconds: clock() - start,
      testNegativeLogLikelihood: evaluation.testNegativeLogLikelihood,
      trueEntropy: target.entropy, klDivergence: evaluation.divergence?.value,
      klStandardError: evaluation.divergence?.standardError, integral: evaluation.integral,
      picture: picturePath, model: modelPath)
    if settings.printsJSON {
      print(try summary.json())
    } else {
      print(summary.text(evaluation, outcome.report))
    }
  }

  // MARK: - Parts

  private func makeFlow(_ generator: inout PhiloxGenerator) -> NormalizingFlow<Float> {
    let base: any Distribution<Float> =
      settings.base == .gaussian ? Gaussian(dimension: 2) : Laplace(dimension: 2)
    switch settings.flow {
    case .realnvp:
      return .realNVP(
        dimension: 2, layers: settings.layers, hidden: settings.hidden, base: base,
        using: &generator)
    case .nice:
      return .nice(
        dimension: 2, layers: settings.layers, hidden: settings.hidden, base: base,
        using: &generator)
    }
  }

  private func options() -> FitOptions {
    FitOptions {
      $0.steps = settings.steps
      $0.seed = settings.seed
      $0.threads = settings.threads
    }
  }

  /// Fits behind a progress bar on standard error.
  private func fit(_ body: (@escaping (FitProgress) -> Bool) throws -> FitReport) throws
    -> FitReport
  {
    let bar = ProgressHolder(ProgressBar(total: settings.steps))
    let report = try body { progress in
      let loss = progress.validationLoss ?? progress.trainingLoss
      bar.update(progress.step, "NLL \(fixed(loss, 4))")
      return true
    }
    bar.finish()
    return report
  }

  private func readColumns(_ path: String) throws -> Tensor<Float> {
    let rows: Tensor<Float>
    if path.hasSuffix(".npy") {
      rows = try NumPyFile.read(path)
    } else if path.hasSuffix(".csv") || path.hasSuffix(".txt") || path.hasSuffix(".tsv") {
      rows = try CSVFile.read(path).tensor
    } else {
      throw FlowsError(
        .unsupported, "expected a file that ends in .csv or .npy", file: path)
    }
    guard rows.rank == 2, rows.shape[1] == 2 else {
      let found = rows.rank == 2 ? "\(rows.shape[1]) columns" : "the shape \(rows.shape)"
      throw FlowsError(.invalidData, "expected two columns, found \(found)", file: path)
    }
    guard rows.shape[0] >= 20 else {
      throw FlowsError(
        .invalidData, "expected at least 20 rows to fit and test a density, found \(rows.shape[0])",
        file: path)
    }
    if let index = rows.withScalars({ $0.firstIndex { !$0.isFinite } }) {
      throw FlowsError(
        .invalidData, "expected a finite number, found \(rows.scalars[index])", file: path,
        row: index / 2 + 1, column: index % 2 + 1)
    }
    return rows
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

  private func title(_ target: Target) -> String {
    let layers = "\(settings.layers) \(settings.flow == .nice ? "additive" : "affine") couplings"
    return "\(target.name) · \(layers)"
  }

  private func caption(_ evaluation: Evaluation, _ report: FitReport) -> String {
    var parts: [String] = []
    if let divergence = evaluation.divergence {
      parts.append(
        "KL(true ‖ model) = \(fixed(divergence.value, 4)) ± \(fixed(divergence.standardError, 4)) nats"
      )
    }
    parts.append("test NLL \(fixed(evaluation.testNegativeLogLikelihood, 4)) nats")
    parts.append("∫ p = \(fixed(evaluation.integral, 4))")
    parts.append("\(report.steps) steps in \(fixed(report.seconds, 1)) s")
    return parts.joined(separator: " · ")
  }
}

/// A progress bar that a callback can move.
private final class ProgressHolder {
  private var bar: ProgressBar
  init(_ bar: ProgressBar) { self.bar = bar }
  func update(_ step: Int, _ message: String) { bar.update(step: step, message: message) }
  func finish() { bar.finish() }
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
  String(format: "%.\(decimals)f", value)
}

private func padded(_ name: String) -> String {
  name + String(repeating: " ", count: max(1, 18 - name.count))
}
