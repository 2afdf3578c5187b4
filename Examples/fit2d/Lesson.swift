import ExampleSupport
import Flows
import Foundation

/// A flow with what it was taught and what it is to be examined on.
struct Lesson {
  let flow: NormalizingFlow<Float>
  let target: Target
  /// Points to examine the flow on, x and y in turn: fresh draws or held-out rows.
  let draws: [Double]
  /// The rows of a user's file.
  let data: Tensor<Float>?
  /// The course of the fit; nil for a model that was loaded.
  let report: FitReport?

  /// Fits a flow as the settings say, or loads one.
  init(_ settings: Settings) throws {
    var generator = PhiloxGenerator(seed: settings.seed)
    let teacher = Teacher(settings)
    var flow = try teacher.makeFlow(generator.forked(1))
    switch settings.subject {
    case .density(let density):
      target = Target(density)
      data = nil
      let rows = Tensor<Float>(
        points: density.sample(settings.rows, using: &generator))
      report = try teacher.fit { try flow.fit(rows, options: teacher.options, progress: $0) }
      draws = density.sample(Defaults.evaluationDraws, using: &generator)
    case .energy(let energy):
      target = Target(energy)
      data = nil
      guard let logDensity = EnergyTensors.logDensity(energy.name) else {
        preconditionFailure("every energy has a tensor form; \(energy.name) has none")
      }
      report = try teacher.fit {
        try flow.fit(toLogDensity: logDensity, options: teacher.options, progress: $0)
      }
      draws = target.draw?(Defaults.evaluationDraws, &generator) ?? []
    case .file(let path):
      let rows = try Lesson.readColumns(path)
      let held = max(1, rows.shape[0] / 10)
      let order = Array(0..<rows.shape[0]).shuffled(using: &generator)
      target = Target(
        name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, rows: rows)
      data = rows
      do {
        report = try teacher.fit {
          try flow.fit(
            rows.rows(Array(order[held...])), options: teacher.options, progress: $0)
        }
      } catch let error as FlowsError {
        throw error.inFile(path)
      }
      draws = rows.rows(Array(order[..<held])).points
    }
    self.flow = flow
  }

  private static func readColumns(_ path: String) throws -> Tensor<Float> {
    let rows: Tensor<Float>
    if path.hasSuffix(".npy") {
      rows = try NumPyFile.read(path)
    } else if path.hasSuffix(".csv") || path.hasSuffix(".txt") || path.hasSuffix(".tsv") {
      rows = try CSVFile.read(path).tensor
    } else {
      throw FlowsError(.unsupported, "expected a file that ends in .csv or .npy", file: path)
    }
    guard rows.rank == 2, rows.shape[1] == 2 else {
      let found =
        rows.rank == 2
        ? "\(rows.shape[1]) column\(rows.shape[1] == 1 ? "" : "s")" : "the shape \(rows.shape)"
      throw FlowsError(.invalidData, "expected two columns, found \(found)", file: path)
    }
    guard rows.shape[0] >= 20 else {
      throw FlowsError(
        .invalidData,
        "expected at least 20 rows to fit and test a density, found \(rows.shape[0])", file: path)
    }
    if let index = rows.withScalars({ $0.firstIndex { !$0.isFinite } }) {
      throw FlowsError(
        .invalidData, "expected a finite number, found \(rows.scalars[index])", file: path,
        row: index / 2 + 1, column: index % 2 + 1)
    }
    return rows
  }
}

/// Makes flows and fits them behind a progress bar, as the settings say.
private struct Teacher {
  let settings: Settings

  init(_ settings: Settings) { self.settings = settings }

  func makeFlow(_ weights: PhiloxGenerator) throws -> NormalizingFlow<Float> {
    if let path = settings.model {
      let flow = try NormalizingFlow<Float>.load(from: path)
      guard flow.dimension == 2, flow.contextDimension == 0 else {
        throw FlowsError(
          .modelMismatch,
          "expected a flow of two columns without context, found \(flow.dimension) columns and "
            + "\(flow.contextDimension) context columns", file: path)
      }
      return flow
    }
    var generator = weights
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
    case .spline:
      return .neuralSpline(
        .coupling, dimension: 2, layers: settings.layers, hidden: settings.hidden, base: base,
        using: &generator)
    case .maf:
      return .maf(
        dimension: 2, layers: settings.layers, hidden: settings.hidden, base: base,
        using: &generator)
    }
  }

  var options: FitOptions {
    FitOptions {
      $0.steps = settings.steps
      $0.batchSize = Defaults.batchSize
      // A longer run averages over more steps.
      $0.averageDecay = settings.steps > Defaults.affine.steps ? 0.9995 : 0.999
      $0.learningRate = .cosine(Defaults.learningRate).warmingUp(over: 200)
      $0.validationInterval = 500
      $0.patience = nil
      $0.seed = settings.seed
      $0.threads = settings.threads
      $0.checkpoint = settings.checkpoint.map {
        FitCheckpoint(path: $0, every: .minutes(0.1), label: settings.subject.name)
      }
    }
  }

  /// Runs a fit, unless a model was loaded.
  func fit(_ body: (@escaping (FitProgress) -> Bool) throws -> FitReport) throws -> FitReport? {
    guard settings.model == nil else { return nil }
    var bar = ProgressBar(total: settings.steps)
    let report = try withoutActuallyEscaping(
      { (progress: FitProgress) in
        let loss = progress.validationLoss ?? progress.trainingLoss
        bar.update(step: progress.step, message: "loss \(fixed(loss, 4))")
        return true
      }, do: body)
    bar.finish()
    return report
  }
}
