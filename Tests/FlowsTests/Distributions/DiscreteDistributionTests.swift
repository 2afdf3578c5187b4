import Foundation
import Testing

@testable import Flows

@Suite("Discrete distributions")
struct DiscreteDistributionTests {
  /// Pairs of levels 0...3, the second likely near the first.
  private static let table: [[Double]] = (0..<4).map { i in
    let weights = (0..<4).map { exp(-1.5 * abs(Double($0 - i))) }
    return weights.map { $0 / weights.reduce(0, +) / 4 }
  }

  private func levels(_ count: Int, seed: UInt64) -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: seed)
    let draws = Tensor<Double>.uniform([count], using: &generator).scalars
    let cells = Self.table.flatMap(\.self)
    return Tensor(
      draws.map { draw -> [Float] in
        var (rest, cell) = (draw, 0)
        while cell < 15 && rest > cells[cell] {
          rest -= cells[cell]
          cell += 1
        }
        return [Float(cell / 4), Float(cell % 4)]
      })
  }

  private var entropy: Double {
    -Self.table.flatMap(\.self).reduce(0) { $0 + $1 * Foundation.log($1) }
  }

  @Test("a uniform density over 256 levels has 8 bits")
  func uniformBits() {
    let columns = 3
    let density = Uniform<Double>(
      low: .zeros([columns]), high: Tensor(repeating: 256, shape: [columns]))
    let model = DiscreteDistribution(
      density: density, columns: Array(repeating: .grid(), count: columns))
    var generator = PhiloxGenerator(seed: 1)
    let rows = floor(Tensor<Double>.uniform([50, columns], in: 0..<256, using: &generator))
    let estimate = model.logProbability(of: rows, samples: 4, using: &generator)
    #expect(abs(estimate.bitsPerDimension.value - 8) < 1e-13)
    #expect(estimate.standardErrors.allSatisfy { $0 < 1e-13 })
    let log256 = Foundation.log(256.0)
    #expect(abs(bitsPerDimension(logDensity: -3 * log256, dimension: 3) - 8) < 1e-13)
    // The same data divided by 256, whose density is 1.
    #expect(abs(bitsPerDimension(logDensity: 0, dimension: 3, levelsPerUnit: 256) - 8) < 1e-13)
  }

  @Test("a logit map keeps the bits of a density")
  func logitBits() {
    // The logistic density is what the logit of a uniform density is; on the interval that alpha
    // widens [0, 256] to, 1/(1 − 2α) times as long, it is uniform.
    let alpha = 0.05
    let flow = NormalizingFlow<Double>(base: Logistic(dimension: 2)) {
      LogitMap(dimension: 2, alpha: alpha, levels: 256)
    }
    let x = Tensor<Double>([[0.1, 255.9], [17, 128.5]])
    for value in flow.logDensity(of: x).scalars {
      let bits = bitsPerDimension(logDensity: value, dimension: 2)
      #expect(abs(bits - (8 - Foundation.log2(1 - 2 * alpha))) < 1e-12)
    }
    let z = flow.toLatent(x).value
    let unit = 0.05 + 0.9 * 17 / 256
    #expect(abs(z[1, 0] - Foundation.log(unit / (1 - unit))) < 1e-12)
    #expect(flow.logDensity(of: Tensor([[-20.0, 1]])).scalars == [-.infinity])
  }

  @Test("the estimate is the mass of the cell under the density, with an honest error")
  func estimate() {
    let density = Gaussian<Double>(location: Tensor([0.3]), scale: Tensor([1.7]))
    let model = DiscreteDistribution(density: density, columns: [.grid(step: 0.5, origin: -1)])
    let rows = Tensor<Double>([[-1], [-0.5], [0], [2], [5]])
    let truth = log(
      density.cumulativeProbability(of: rows + 0.5) - density.cumulativeProbability(of: rows)
    ).scalars
    var generator = PhiloxGenerator(seed: 2)
    let estimate = model.logProbability(of: rows, samples: 4_000, using: &generator)
    for (index, truth) in truth.enumerated() {
      let error = estimate.standardErrors[index]
      #expect(error < 0.02 && abs(estimate.rows[index] - truth) < 5 * error)
      #expect(estimate.bounds[index] <= estimate.rows[index] + 1e-12)
    }
    let draws = model.sample(2_000, using: &generator).scalars
    #expect(draws.allSatisfy { (($0 + 1) / 0.5).rounded() == ($0 + 1) / 0.5 })
    let share = Double(draws.filter { $0 == 0 }.count) / 2_000
    #expect(abs(share - Foundation.exp(truth[2])) < 0.03)
  }

  private func model(_ dequantization: (any Dequantization<Float>)? = nil)
    -> DiscreteDistribution<NormalizingFlow<Float>>
  {
    var generator = PhiloxGenerator(seed: 3)
    return DiscreteDistribution(
      density: .realNVP(dimension: 2, layers: 4, hidden: [32], using: &generator)
        .support([.interval(0, 4), .interval(0, 4)]),
      columns: [.grid(), .grid()], dequantization: dequantization)
  }

  private func fitted(
    _ model: DiscreteDistribution<NormalizingFlow<Float>>, steps: Int
  ) throws -> (Double, FitReport) {
    var model = model
    let report = try model.fit(
      levels(4_000, seed: 4),
      options: FitOptions {
        $0.steps = steps
        $0.batchSize = 256
        $0.learningRate = .cosine(5e-3).warmingUp(over: 20)
        $0.averageDecay = 0.98
      })
    #expect(report.warnings.isEmpty && report.trainingRows == 3_600)
    var generator = PhiloxGenerator(seed: 5)
    let bounds = model.logProbability(of: levels(1_000, seed: 6), samples: 16, using: &generator)
    return (-bounds.bounds.reduce(0, +) / 1_000, report)
  }

  @Test("training reaches the entropy but for the gap of the bound, which learned noise narrows")
  func training() throws {
    let (uniform, report) = try fitted(model(), steps: 500)
    var generator = PhiloxGenerator(seed: 7)
    let noise = VariationalDequantization<Float>(
      dimension: 2, layers: 4, hidden: [32], using: &generator)
    let (variational, _) = try fitted(model(noise), steps: 500)
    let entropy = entropy
    #expect(uniform > entropy - 0.1 && uniform < entropy + 0.5, "\(uniform), \(entropy)")
    #expect(
      variational > entropy - 0.1 && variational < uniform + 0.02, "\(variational), \(uniform)")
    #expect(abs((report.bestValidationLoss ?? 0) - uniform) < 0.15)
  }

  @Test("noise starts uniform, and its log-density is that of the noise")
  func variationalStart() {
    var generator = PhiloxGenerator(seed: 8)
    let noise = VariationalDequantization<Double>(dimension: 3, using: &generator)
    let source = noise.source(500, using: &generator)
    let (u, logDensity) = noise.noise(for: .normal([500, 3], using: &generator), from: source)
    #expect(u.scalars.allSatisfy { $0 > 0 && $0 < 1 })
    #expect(logDensity.scalars.allSatisfy { abs($0) < 1e-12 })
    #expect(noise.parameterCount > 0)
  }

  @Test("mixed columns keep their density")
  func mixed() {
    let density = Gaussian<Double>(dimension: 2)
    let model = DiscreteDistribution(density: density, columns: [.continuous, .grid(step: 1e-3)])
    var generator = PhiloxGenerator(seed: 9)
    let x = Tensor<Double>([[0.7, 0.25]])
    let found = model.logProbability(of: x, samples: 8, using: &generator).rows[0]
    let expected = density.logDensity(of: x).scalar + Foundation.log(1e-3)
    #expect(abs(found - expected) < 1e-3)
  }

  @Test("values beside their grid are named")
  func errors() {
    var rows = levels(40, seed: 10)
    rows.withMutableScalars { $0[11] = 1.5 }
    #expect(
      errorText {
        var model = model()
        try model.fit(rows)
      }
        == "row 6, column 2 (\"data\"): expected a value 0 + k · 1 with an integer k, got 1.5")
    rows.withMutableScalars { $0[11] = 4 }
    #expect(
      errorText { try model().validate(rows) }
        == "row 6, column 2 (\"data\"): expected a number in [0.0, 4.0], got 4.5")
  }

  @Test("bits of digits with constant pixels are finite and fall in training")
  func digits() throws {
    guard let path = SharedTables.path("mnist_t10k/val_images.npy") else { return }
    let images: Tensor<Float> = try NumPyFile.read(path)
    let rows = images.reshaped(to: [images.shape[0], 784])
    var generator = PhiloxGenerator(seed: 11)
    var model = DiscreteDistribution(
      density: NormalizingFlow<Float>.realNVP(
        dimension: 784, layers: 2, hidden: [32], using: &generator),
      columns: Array(repeating: .grid(), count: 784))
    model.density.flow.flows.append(LogitMap(dimension: 784, alpha: 1e-6, levels: 256))
    let report = try model.fit(
      rows,
      options: FitOptions {
        $0.steps = 30
        $0.batchSize = 128
        $0.averageDecay = nil
      })
    let bits = model.logProbability(of: rows[rows: 0..<200], samples: 2, using: &generator)
      .bitsPerDimension
    #expect(bits.value > 0.5 && bits.value < 8, "\(bits)")
    #expect(report.warnings.isEmpty)
    let loss = bitsPerDimension(logDensity: -(report.bestValidationLoss ?? 0), dimension: 784)
    #expect(abs(loss - bits.value) < 0.5, "\(loss), \(bits)")
  }
}
