import ExampleSupport
import Flows
import Foundation

/// Fits conditional densities of the UCI regression sets on their standard splits (Hernández-Lobato and
/// Adams, ICML 2015; Gal and Ghahramani, ICML 2016): RMSE and log-likelihood in the target's own units.
struct ConditionalFit: BenchmarkCommand {
  private let folder: String
  private let splits: Int
  private let threads: Int
  private let printsJSON: Bool

  init(_ settings: CommonSettings, _ arguments: ParsedArguments) throws(ArgumentError) {
    folder = try arguments.string("fit-regression")
    splits = try arguments.int("splits", in: 1...1_000)
    threads = settings.threads
    printsJSON = settings.printsJSON
  }

  private struct Row: Encodable {
    let set: String
    let rows: Int
    let splits: Int
    let rmse: Double
    let rmseStandardError: Double
    let linearRMSE: Double
    let logLikelihood: Double
    let logLikelihoodStandardError: Double
    let linearLogLikelihood: Double
  }

  func run() throws {
    Workers.count = threads
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)/data.npy")
    }
    guard !names.isEmpty else {
      throw BenchmarkError("\(folder) holds no folder with a data.npy")
    }
    var rows: [Row] = []
    for name in names {
      let table: Tensor<Float> = try NumPyFile.read("\(folder)/\(name)/data.npy")
      let masks: Tensor<Float> = try NumPyFile.read("\(folder)/\(name)/test_mask.npy")
      var results: [(flow: RegressionScore, linear: RegressionScore)] = []
      for split in 0..<min(splits, masks.shape[0]) {
        results.append(
          try RegressionSplit(table, isTest: masks[rows: split..<split + 1].scalars.map { $0 > 0 })
            .scores(seed: UInt64(split)))
      }
      let row = Row(
        set: name, rows: table.shape[0], splits: results.count,
        rmse: mean(results.map(\.flow.rmse)),
        rmseStandardError: standardError(results.map(\.flow.rmse)),
        linearRMSE: mean(results.map(\.linear.rmse)),
        logLikelihood: mean(results.map(\.flow.logLikelihood)),
        logLikelihoodStandardError: standardError(results.map(\.flow.logLikelihood)),
        linearLogLikelihood: mean(results.map(\.linear.logLikelihood)))
      rows.append(row)
      if !printsJSON {
        print(
          "\(name): RMSE \(fixed(row.rmse, 3)) ± \(fixed(row.rmseStandardError, 3)) (linear "
            + "\(fixed(row.linearRMSE, 3))), log-likelihood \(fixed(row.logLikelihood, 3)) ± "
            + "\(fixed(row.logLikelihoodStandardError, 3)) (linear "
            + "\(fixed(row.linearLogLikelihood, 3))), \(row.splits) splits")
      }
    }
    if printsJSON { try printJSON(rows) }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func standardError(_ values: [Double]) -> Double {
    let centre = mean(values)
    let sum = values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
    return (sum / Double(max(1, values.count - 1)) / Double(values.count)).squareRoot()
  }
}

/// What a predictive density is worth on test rows.
struct RegressionScore {
  /// Of the predictive means.
  let rmse: Double
  /// The mean log-density of the targets, in nats.
  let logLikelihood: Double
}

/// One split of a regression table, whose last column is the target.
struct RegressionSplit {
  private let features: Tensor<Float>
  private let target: Tensor<Float>
  private let testFeatures: Tensor<Float>
  private let testTarget: Tensor<Float>
  /// The distance between the values of a target that takes few of them; nil for a continuous one.
  private let step: Float?

  init(_ table: Tensor<Float>, isTest: [Bool]) {
    let columns = table.shape[1] - 1
    let training = table.rows(isTest.indices.filter { !isTest[$0] })
    let test = table.rows(isTest.indices.filter { isTest[$0] })
    // A column that is constant in training says nothing.
    let used = (0..<columns).filter {
      training[columns: $0..<$0 + 1].variance(axis: 0).scalars[0] > 0
    }
    features = training.columns(used)
    target = training.columns([columns])
    testFeatures = test.columns(used)
    testTarget = test.columns([columns])
    let values = Set(target.scalars)
    step = values.count <= 20 && values.allSatisfy { $0 == $0.rounded() } ? 1 : nil
  }

  func scores(seed: UInt64) throws -> (flow: RegressionScore, linear: RegressionScore) {
    (try flowScore(seed: seed), linearScore())
  }

  /// A flow of one column in the context of the features.
  private func flowScore(seed: UInt64) throws -> RegressionScore {
    var generator = PhiloxGenerator(seed: seed)
    let rows = target.shape[0]
    let width = rows < 2_000 ? 50 : 100
    var flow = NormalizingFlow<Float>.neuralSpline(
      .autoregressive, dimension: 1, contextDimension: features.shape[1], layers: 2,
      hidden: [width, width], spline: RationalQuadraticSpline(tails: .learned), using: &generator)
    // A discrete target is spread over its cell: the density of the spread one is a probability.
    let noise = step.map { step in
      Tensor<Float>.uniform(target.shape, in: -step / 2..<step / 2, using: &generator)
    }
    let options = FitOptions {
      $0.steps = rows < 2_000 ? 3_000 : 10_000
      $0.batchSize = rows < 2_000 ? 64 : 256
      $0.validationInterval = 50
      $0.patience = 20
      $0.validationFraction = rows < 2_000 ? 0.2 : 0.1
      $0.optimizer = .adamW(weightDecay: 0.1)
      $0.learningRate = .cosine(2e-3).warmingUp(over: 100)
      $0.seed = seed
    }
    try flow.fit(noise.map { target + $0 } ?? target, context: features, options: options)
    return RegressionScore(
      rmse: rootMeanSquare(predictiveMeans(flow)),
      logLikelihood: logLikelihood(flow, using: &generator))
  }

  private func logLikelihood(
    _ flow: NormalizingFlow<Float>, using generator: inout PhiloxGenerator
  ) -> Double {
    guard let step else {
      return flow.logLikelihood(of: testTarget, context: testFeatures).mean.value
    }
    // log of the mean density over the cell.
    let draws = 64
    let parts = (0..<draws).map { _ in
      let noise = Tensor<Float>.uniform(
        testTarget.shape, in: -step / 2..<step / 2, using: &generator)
      return flow.logDensity(of: testTarget + noise, context: testFeatures)
    }
    let all = Tensor.stacked(parts, axis: 1).logSumExp(axis: 1)
    return Double(all.mean().scalar) - log(Double(draws))
  }

  /// The mean of each predictive density: over 64 quantiles.
  private func predictiveMeans(_ flow: NormalizingFlow<Float>) -> [Double] {
    let (rows, nodes) = (testTarget.shape[0], 64)
    let base = Gaussian<Double>(dimension: 1)
    let places = Tensor<Double>((0..<nodes).map { [(Double($0) + 0.5) / Double(nodes)] })
    let quantiles = base.quantile(of: places).scalars
    let latents = (0..<rows).flatMap { _ in quantiles.map { Float($0) } }
    let repeated = testFeatures.rows((0..<rows).flatMap { [Int](repeating: $0, count: nodes) })
    let data = flow.toData(Tensor(shape: [rows * nodes, 1], scalars: latents), context: repeated)
    return data.value.reshaped(to: [rows, nodes]).mean(axis: 1).scalars.map(Double.init)
  }

  private func rootMeanSquare(_ means: [Double]) -> Double {
    let errors = zip(means, testTarget.scalars).map { ($0 - Double($1)) * ($0 - Double($1)) }
    return (errors.reduce(0, +) / Double(errors.count)).squareRoot()
  }

  /// Least squares with a Gaussian error of the training residual's variance.
  private func linearScore() -> RegressionScore {
    let model = LinearGaussian(features, target)
    let means = model.means(testFeatures)
    let rmse = rootMeanSquare(means)
    let logLikelihood =
      -0.5 * log(2 * Double.pi * model.variance) - 0.5 * rmse * rmse / model.variance
    return RegressionScore(rmse: rmse, logLikelihood: logLikelihood)
  }
}

/// Least squares on standardised features, by the normal equations with a ridge of 1e-6.
private struct LinearGaussian {
  private let units: Standardization<Double>
  private let weights: [Double]
  let variance: Double

  init(_ features: Tensor<Float>, _ target: Tensor<Float>) {
    let x = Tensor<Double>(features)
    units = Standardization(
      scale: sqrt(x.variance(axis: 0)), shift: x.mean(axis: 0))
    let design = Self.design(units.inverse(x).value)
    let y = Tensor<Double>(target)
    var matrix = design.transposed().matmul(design)
    matrix = matrix + Tensor.identity(matrix.shape[0]) * 1e-6
    weights = Self.solve(matrix, design.transposed().matmul(y))
    let fitted = design.matmul(Tensor(shape: [weights.count, 1], scalars: weights))
    variance = (y - fitted).squared().mean().scalar
  }

  func means(_ features: Tensor<Float>) -> [Double] {
    Self.design(units.inverse(Tensor<Double>(features)).value)
      .matmul(Tensor(shape: [weights.count, 1], scalars: weights)).scalars
  }

  private static func design(_ x: Tensor<Double>) -> Tensor<Double> {
    .concatenated([x, .ones([x.shape[0], 1])], axis: 1)
  }

  /// Gaussian elimination with the largest pivot.
  private static func solve(_ matrix: Tensor<Double>, _ right: Tensor<Double>) -> [Double] {
    let n = matrix.shape[0]
    var a = matrix.scalars
    var b = right.scalars
    for column in 0..<n {
      let pivot = (column..<n).max { abs(a[$0 * n + column]) < abs(a[$1 * n + column]) } ?? column
      for j in 0..<n where pivot != column { a.swapAt(pivot * n + j, column * n + j) }
      b.swapAt(pivot, column)
      for row in column + 1..<n where row < n {
        let factor = a[row * n + column] / a[column * n + column]
        for j in column..<n { a[row * n + j] -= factor * a[column * n + j] }
        b[row] -= factor * b[column]
      }
    }
    for row in stride(from: n - 1, through: 0, by: -1) {
      for j in row + 1..<n where j < n { b[row] -= a[row * n + j] * b[j] }
      b[row] /= a[row * n + row]
    }
    return b
  }
}
