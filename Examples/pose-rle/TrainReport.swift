import ExampleSupport
import Flows
import Foundation
import PoseRLE

/// Fills the page of a run from what was trained.
struct TrainReport {
  let data: PoseData
  let runs: [PoseRun]
  let backbone: String

  /// Images of the gallery, and of the worst cases.
  private static let pictures = 8

  /// Runs that were trained, the first seed of each likelihood.
  private var shown: [PoseRun] {
    var names: Set<String> = []
    return runs.filter { $0.predictor != nil && names.insert($0.likelihood).inserted }
  }

  /// What one run predicts of all test images.
  fileprivate struct Outcome {
    let run: PoseRun
    let predictor: PosePredictor
    let predictions: PosePredictions
    let labels: KeypointLabels<Float>
  }

  /// Writes `report.html` in a folder and says where.
  func write(to folder: String) throws -> String {
    let outcomes = try shown.compactMap { run -> Outcome? in
      guard let predictor = run.predictor else { return nil }
      let input = predictor.model.architecture.input
      let (predictions, labels, _) = try CropPipeline(data.test, input: input, seed: 0)
        .predictions(of: predictor)
      return Outcome(run: run, predictor: predictor, predictions: predictions, labels: labels)
    }
    let skeleton = data.test.skeleton
    var report = PoseReport(title: "Pose regression under \(names)")
    report.subtitle =
      "One network, trained under each likelihood on the same images in the same order, and measured on "
      + "images that neither training nor calibration saw."
    report.findings = findings(outcomes)
    report.facts = facts
    report.command = CommandLine.arguments.joined(separator: " ")
    report.rows = rows
    report.skeleton = ReportSkeleton(names: skeleton.names, parents: skeleton.parents)
    let samples = min(Self.pictures, data.test.count)
    report.samples = try (0..<samples).map {
      try sample($0 * data.test.count / max(1, samples), outcomes)
    }
    report.worst = try worst(outcomes)
    report.density = try outcomes.last { $0.predictor.isShaped }.map(density)
    report.reliability = try outcomes.map(reliability)
    report.spreads = outcomes.filter(\.predictor.isScaled).map(spread)
    report.courses = runs.map(course)
    let file = folder + "/report.html"
    try AtomicFile.write(report.bytes, to: file)
    return file
  }

  private var names: String {
    let all = shown.map(\.likelihood)
    guard all.count > 1 else { return all.first ?? "no likelihood" }
    return all.dropLast().joined(separator: ", ") + " and " + (all.last ?? "")
  }

  // MARK: - Words and numbers

  /// Means over the seeds of each likelihood.
  private var groups: [(name: String, runs: [PoseRun])] {
    var order: [String] = []
    for run in runs where !order.contains(run.likelihood) { order.append(run.likelihood) }
    return order.map { name in (name, runs.filter { $0.likelihood == name }) }
  }

  private var rows: [ReportRow] {
    groups.map { name, runs in
      func value(_ of: (PoseEvaluation) -> Double?) -> ReportValue {
        ReportValue(of: runs.map { run in run.evaluation.flatMap { of($0) } ?? .nan })
      }
      var row = ReportRow(likelihood: name, seed: runs.count == 1 ? Int(runs[0].seed) : nil)
      row.pck = value { $0.pck }
      row.meanError = value { $0.meanError }
      row.medianError = value { $0.medianError }
      row.spearman = value { $0.spearman }
      row.nll = value { $0.calibratedNegativeLogLikelihood }
      row.coverage = PoseEvaluation.levels.indices.map { index in
        value { $0.coverage[index].calibrated }
      }
      row.seconds = ReportValue(of: runs.map(\.seconds))
      row.imagesPerSecond = ReportValue(of: runs.map { $0.imagesPerSecond ?? .nan })
      return row
    }
  }

  private func findings(_ outcomes: [Outcome]) -> [String] {
    func mean(_ runs: [PoseRun], _ of: (PoseEvaluation) -> Double?) -> Double? {
      let values = runs.compactMap { run in run.evaluation.flatMap { of($0) } }
      return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    var result: [String] = []
    if outcomes.count > 1 { result.append(comparison(outcomes)) }
    let ranks = groups.compactMap { name, runs in mean(runs) { $0.spearman }.map { (name, $0) } }
      .sorted { $0.1 > $1.1 }
    if let best = ranks.first {
      result.append(
        "The rank correlation of predicted spread and error is \(fixed(best.1, 2)) under \(best.0): "
          + "1 would say exactly which joints are wrong, 0 nothing.")
    }
    for (name, runs) in groups {
      guard let half = mean(runs, { $0.coverage[0].calibrated }),
        let most = mean(runs, { $0.coverage[2].calibrated })
      else { continue }
      result.append(
        "Regions of \(name) at 50 and 95 % hold \(fixed(100 * half, 1)) and \(fixed(100 * most, 1)) % of "
          + "the joints of new images.")
    }
    return result
  }

  /// The least mean error against the next one, joint by joint on the same images.
  private func comparison(_ outcomes: [Outcome]) -> String {
    let means = outcomes.map { outcome -> (name: String, outcome: Outcome, error: Double) in
      let (distances, places) = (outcome.distances, outcome.labelledPlaces)
      let mean = places.reduce(0) { $0 + distances[$1] } / Double(max(1, places.count))
      return (outcome.run.likelihood, outcome, mean)
    }.sorted { $0.error < $1.error }
    let (best, next) = (means[0], means[1])
    let places = best.outcome.labelledPlaces
    let (a, b) = (best.outcome.distances, next.outcome.distances)
    let joints = data.test.skeleton.count
    let interval = Bootstrap().interval(
      meanOf: places.map { b[$0] - a[$0] }, images: places.map { $0 / joints })
    let numbers = "\(fixed(best.error, 2)) and \(fixed(next.error, 2)) pixels"
    let range =
      "95 % interval of the difference \(fixed(interval.lower, 2)) … "
      + "\(fixed(interval.upper, 2)), over images, of one training each"
    return interval.lower > 0
      ? "\(best.name) has the least mean error, before \(next.name): \(numbers) (\(range))."
      : "There is no clear difference between \(best.name) and \(next.name) in mean error: \(numbers) "
        + "(\(range))."
  }

  private var facts: [ReportFact] {
    var facts = [ReportFact("Images", data.description), ReportFact("Network", backbone)]
    if let run = shown.first {
      if let parameters = run.parameters {
        let text =
          shown.contains { $0.parameters != parameters }
          ? shown.map { "\($0.parameters ?? 0) (\($0.likelihood))" }.joined(separator: ", ")
          : "\(parameters)"
        facts.append(ReportFact("Weights", text))
      }
      facts.append(ReportFact("Training", "\(run.steps) steps"))
    }
    let seeds = Set(runs.map(\.seed)).sorted().map(String.init)
    facts.append(ReportFact(seeds.count > 1 ? "Seeds" : "Seed", seeds.joined(separator: ", ")))
    facts.append(ReportFact("Threads", "\(Workers.count), \(InstructionSet.current)"))
    return facts
  }

  private func course(_ run: PoseRun) -> ReportCourse {
    var course = ReportCourse(likelihood: run.likelihood, seed: Int(run.seed))
    course.steps = run.history.losses.map { Double($0.step) }
    course.trainingLoss = run.history.losses.map(\.value)
    course.validationSteps = run.history.validations.map { Double($0.step) }
    course.validationLoss = run.history.validations.map { $0.loss ?? .nan }
    course.pck = run.history.validations.map(\.pck)
    return course
  }

  // MARK: - Pictures

  private func sample(_ index: Int, _ outcomes: [Outcome]) throws -> ReportSample {
    let sample = try data.test.sample(index)
    let view = try ReportView(sample, padding: data.test.boxPadding)
    var truth = zip(sample.keypoints, sample.visibility).map {
      ReportJoint(view.place($0), visibility: Int($1.rawValue))
    }
    // As everywhere else, joints outside of the crop are no errors.
    if let weights = outcomes.first?.labels.weights?.scalars {
      for joint in truth.indices { truth[joint].counts = weights[index * truth.count + joint] > 0 }
    }
    let predictions = try outcomes.map { outcome in
      let pose = try outcome.predictor.predict(
        sample.image, box: sample.box, padding: data.test.boxPadding)
      // A fixed scale is no prediction.
      return view.seen(
        pose.reported(
          as: outcome.run.likelihood, levels: [0.5], hasSpread: outcome.predictor.isScaled))
    }
    return ReportSample(
      name: sample.name, picture: view.picture, truth: truth, predictions: predictions)
  }

  /// The images in which the last likelihood errs most, joint for joint.
  private func worst(_ outcomes: [Outcome]) throws -> [ReportSample] {
    guard let outcome = outcomes.last else { return [] }
    let joints = data.test.skeleton.count
    let (distances, weights) = (outcome.distances, outcome.labels.weights?.scalars ?? [])
    let means = (0..<outcome.predictions.count).map { pose -> Double in
      let places = (pose * joints..<(pose + 1) * joints).filter { weights[$0] > 0 }
      return places.isEmpty
        ? 0 : places.reduce(0) { $0 + distances[$1] } / Double(places.count)
    }
    let order = means.indices.sorted { means[$0] > means[$1] }.prefix(Self.pictures)
    return try order.map { try sample($0, outcomes) }
  }

  // MARK: - Curves

  private func density(_ outcome: Outcome) throws -> ReportErrorDensity {
    let errors = outcome.predictor.errors[0]
    let observed = outcome.standardizedErrors
    var density = ReportErrorDensity(likelihood: outcome.run.likelihood)
    let quantiles = (0..<2).map { axis in
      (errors.quantile(0.003, axis: axis), errors.quantile(0.997, axis: axis))
    }
    let (columns, rows) = (96, 96)
    func cells(_ range: (Double, Double), _ count: Int) -> [Double] {
      (0..<count).map { range.0 + (Double($0) + 0.5) * (range.1 - range.0) / Double(count) }
    }
    let (xs, ys) = (cells(quantiles[0], columns), cells(quantiles[1], rows))
    let places = Tensor<Float>(
      shape: [rows * columns, 2],
      scalars: ys.flatMap { y in xs.flatMap { x in [Float(x), Float(y)] } })
    let values = Tensor<Double>(exp(errors.logDensity(of: places))).scalars
    density.plane = ReportDensityPlane(
      x: quantiles[0].0...quantiles[0].1, y: quantiles[1].0...quantiles[1].1, columns: columns,
      rows: rows, density: values, errors: observed)
    // Marginals by sums over the cells of the other axis.
    let cell = SIMD2(
      (quantiles[0].1 - quantiles[0].0) / Double(columns),
      (quantiles[1].1 - quantiles[1].0) / Double(rows))
    let alongX = (0..<columns).map { x in
      (0..<rows).reduce(0) { $0 + values[$1 * columns + x] } * cell.y
    }
    let alongY = (0..<rows).map { y in
      (0..<columns).reduce(0) { $0 + values[y * columns + $1] } * cell.x
    }
    density.marginals = [
      ReportMarginal(
        name: "horizontal", errors: observed.map(\.x), places: xs, learned: alongX),
      ReportMarginal(name: "vertical", errors: observed.map(\.y), places: ys, learned: alongY),
    ]
    return density
  }

  private func reliability(_ outcome: Outcome) throws -> ReportReliability {
    let levels = (1...19).map { Double($0) / 20 }
    let calibrated = try outcome.predictor.density(of: outcome.predictions)
    let plain = try calibrated.calibrated(by: .identity)
    func coverage(_ density: PoseDensity<Float>) throws -> [CoverageReport.Entry] {
      try density.coverage(
        of: outcome.labels.positions, weights: outcome.labels.weights, levels: levels
      ).entries
    }
    let after = try coverage(calibrated)
    let errors = after.map { 1.96 * ($0.coverage.standardError ?? 0) }
    return ReportReliability(
      likelihood: outcome.run.likelihood, nominal: levels,
      before: try coverage(plain).map(\.coverage.value), after: after.map(\.coverage.value),
      lower: zip(after, errors).map { $0.coverage.value - $1 },
      upper: zip(after, errors).map { $0.coverage.value + $1 })
  }

  private func spread(_ outcome: Outcome) -> ReportSpread {
    let size = outcome.predictor.model.architecture.input.size
    let scales = Tensor<Double>(outcome.predictions.prediction.scale.mean(axis: 2)).scalars
    let side = Double(size.width + size.height) / 2
    let places = outcome.labelledPlaces
    let distances = outcome.distances
    return ReportSpread(
      likelihood: outcome.run.likelihood, spread: places.map { side * scales[$0] },
      error: places.map { distances[$0] })
  }
}

extension TrainReport.Outcome {
  /// Joints `[n · K]` that have a label.
  fileprivate var labelledPlaces: [Int] {
    let weights = labels.weights?.scalars ?? []
    return weights.indices.filter { weights[$0] > 0 }
  }

  /// Distances of all joints `[n · K]`, in pixels of the crop.
  fileprivate var distances: [Double] {
    let size = predictor.model.architecture.input.size
    let factors = Tensor<Float>([Float(size.width), Float(size.height)])
    let difference = (predictions.reported.values - labels.positions) * factors
    return Tensor<Double>(sqrt(difference.squared().sum(axis: 2))).scalars
  }

  /// (g − μ̂)/σ̂ of the labelled joints.
  fileprivate var standardizedErrors: [SIMD2<Double>] {
    let errors =
      (labels.positions - predictions.prediction.mean) / predictions.prediction.scale
    let values = Tensor<Double>(errors).scalars
    return labelledPlaces.map { SIMD2(values[2 * $0], values[2 * $0 + 1]) }
  }
}

extension PosePredictor {
  /// Whether the density of errors is one that was learned.
  fileprivate var isShaped: Bool { model.architecture.likelihood.shape != .none }
  /// Whether the network says how sure it is.
  fileprivate var isScaled: Bool { model.architecture.likelihood.scale == .learned }
}
