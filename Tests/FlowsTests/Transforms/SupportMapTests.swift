import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Support maps")
struct SupportMapTests {
  private let kinds: [Support] = [.positive, .interval(0, 1), .interval(-3, -1), .real, .circle]

  @Test("stand in a builder by their declared support")
  func builder() throws {
    var generator = PhiloxGenerator(seed: 1)
    let flow = NormalizingFlow<Float>(base: Gaussian(dimension: 2)) {
      AffineCoupling(dimension: 2, mask: .alternating(0), using: &generator)
        .support([.positive, .interval(0, 1)])
    }
    #expect(flow.support == [.positive, .interval(0, 1)])
    #expect(flow.flow.flows.count == 2, "a composition in a builder is its parts")
    let looped = NormalizingFlow<Float>(base: Gaussian(dimension: 1)) {
      for _ in 0..<2 { ActNorm(dimension: 1) }
      .support([.positive])
    }
    #expect(looped.support == [.positive] && looped.flow.flows.count == 3)
    let preset = NormalizingFlow<Float>.realNVP(dimension: 2, layers: 3, using: &generator)
      .support([.real, .positive])
    #expect(preset.support == [.real, .positive] && preset.flow.flows.count == 4)
    let draws = flow.sample(500, using: &generator)
    #expect(draws.columns([0]).scalars.allSatisfy { $0 > 0 })
    #expect(draws.columns([1]).scalars.allSatisfy { $0 > 0 && $0 < 1 })
  }

  private func staysFinite<S: TensorScalar>(_ type: S.Type) {
    let map = SupportMap<S>(kinds)
    let sizes: [S] = [0, 1e-30, 1, 20, 40, 90, 750, 1e4]
    for z in sizes.flatMap({ [$0, -$0] }) {
      let row = Tensor<S>(repeating: z, shape: [1, kinds.count])
      let (x, back) = (map.forward(row).value, map.inverse(map.forward(row).value))
      #expect(x.isFinite && map.forward(row).logDet.isFinite, "\(z)")
      #expect(back.value.isFinite && back.logDet.isFinite, "\(z)")
      #expect(gradient(at: row) { map.forward($0).logDet.sum() }.isFinite, "\(z)")
      #expect(
        gradient(at: x) { x in
          let result = map.inverse(x)
          return result.logDet.sum() + result.value.sum()
        }.isFinite, "\(z)")
      for (column, kind) in kinds.enumerated() { #expect(kind.contains(Double(x[0, column]))) }
    }
  }

  @Test("stay finite and within for latents up to 1e4")
  func tails() {
    staysFinite(Float.self)
    staysFinite(Double.self)
  }

  @Test("keep their digits in both tails of a positive column")
  func softplusTails() {
    let map = SupportMap<Double>([.positive])
    for x in [1e-300, 1e-12, 0.5, 3, 40, 1e6] {
      let result = map.inverse(Tensor([[x]]))
      let l = Foundation.log(-expm1(-x))
      #expect(Swift.abs(result.value[0, 0] - (x + l)) <= 1e-14 * Swift.max(1, Swift.abs(x + l)))
      #expect(Swift.abs(result.logDet[0] + l) <= 1e-14 * Swift.max(1, Swift.abs(l)))
    }
    // In Float a thousandth of the least part of an interval's end is still told apart.
    let unit = SupportMap<Float>([.interval(0, 1)])
    let z = unit.inverse(Tensor([[Float(1e-30)]])).value[0, 0]
    #expect(Swift.abs(z - Float(Foundation.log(1e-30))) < 1e-4)
  }

  @Test("give −∞ without a gradient outside, and finite numbers on an end of an interval")
  func outside() {
    let flow = NormalizingFlow<Double>(base: Gaussian(dimension: 2)) {
      SupportMap([.positive, .interval(0, 1)])
    }
    let out = Tensor<Double>([[-1, 0.5], [0, 0.5], [1, 1.01], [1, -0.1]])
    #expect(flow.logDensity(of: out).scalars.allSatisfy { $0 == -.infinity })
    #expect(gradient(at: out) { flow.logDensity(of: $0).sum() } == .zeros([4, 2]))
    let ends = Tensor<Double>([[1, 0], [1, 1]])
    #expect(flow.logDensity(of: ends).isFinite)
    #expect(gradient(at: ends) { flow.logDensity(of: $0).sum() }.isFinite)
  }

  @Test("wrap angles in both directions")
  func angles() {
    let map = SupportMap<Double>([.circle])
    let turn = 2 * Double.pi
    let pairs: [(Double, Double)] = [
      (0, 0), (3, 3), (.pi, -.pi), (4, 4 - turn), (-4, turn - 4), (100, 100 - 16 * turn),
      (-turn, 0),
    ]
    for (angle, expected) in pairs {
      let found = map.inverse(Tensor([[angle]])).value.scalar
      #expect(Swift.abs(found - expected) < 1e-12)
    }
    #expect(map.inverse(Tensor([[Double.pi]])).value == map.inverse(Tensor([[-Double.pi]])).value)
    let far = SupportMap<Float>([.circle]).forward(Tensor([[Float(1e4)], [-1e4]])).value.scalars
    #expect(far.allSatisfy { $0 >= -.pi && $0 < .pi })
  }

  @Test("take the unit of a positive column from its first data")
  func units() {
    var generator = PhiloxGenerator(seed: 3)
    let data = exp(Tensor<Double>.normal([501, 1], using: &generator))
    var (small, large) = (SupportMap<Double>([.positive]), SupportMap<Double>([.positive]))
    small.prepare(with: data * 1e-6, context: nil)
    large.prepare(with: data * 1e6, context: nil)
    let (a, b) = (small.inverse(data * 1e-6).value, large.inverse(data * 1e6).value)
    #expect(deviation("latent", found: a, expected: b, tolerance: 1e-10) == nil)
    let units = large.scale
    large.prepare(with: data, context: nil)
    #expect(large.scale == units, "later data change nothing")
  }

  /// Log-normal and uniform columns that depend on each other.
  private func boundedRows(_ count: Int, seed: UInt64) -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: seed)
    let z = Tensor<Float>.normal([count, 2], using: &generator)
    let a = exp(z.columns([0]) * 0.8) * 1_000
    let b = sigmoid(z.columns([1]) + z.columns([0]) * 0.5)
    return .concatenated([a, b], axis: 1)
  }

  private func boundedFlow() -> NormalizingFlow<Float> {
    var generator = PhiloxGenerator(seed: 5)
    var flow = NormalizingFlow<Float>.realNVP(
      dimension: 2, layers: 4, hidden: [32], using: &generator)
    flow.flow.flows.append(SupportMap([.positive, .interval(0, 1)]))
    return flow
  }

  @Test("fit in the units of the data, and report the losses of the data")
  func fit() throws {
    let data = boundedRows(3_000, seed: 6)
    var flow = boundedFlow()
    let report = try flow.fit(
      data,
      options: FitOptions {
        $0.steps = 400
        $0.batchSize = 256
        $0.learningRate = .cosine(5e-3).warmingUp(over: 20)
        $0.averageDecay = 0.98
      })
    let held = data.rows(report.heldOutRows)
    let loss = -Double(flow.logDensity(of: held).mean().scalar)
    #expect(Swift.abs(loss - (report.bestValidationLoss ?? 0)) < 1e-4)
    let last = try #require(report.trainingCurve.last)
    #expect(Swift.abs(last.loss - loss) < 0.3, "training \(last.loss), validation \(loss)")
    // −E log p = ½ log(2πe) for each latent column, minus the mean log-slopes of the maps.
    let fresh = Tensor<Double>(boundedRows(20_000, seed: 7))
    let (x, y) = (fresh.columns([0]), fresh.columns([1]))
    let truth =
      Foundation.log(2 * Double.pi * M_E)
      + (log(x * 0.8) + log(y) + log(1 - y)).mean().scalar
    let found = -Double(flow.logDensity(of: Tensor<Float>(fresh)).mean().scalar)
    #expect(found - truth < 0.05, "found \(found), truth \(truth)")
    #expect(flow.support == [.positive, .interval(0, 1)])
    #expect(flow.standardization != nil)
    var generator = PhiloxGenerator(seed: 8)
    let draws = flow.sample(2_000, using: &generator)
    #expect(flow.logDensity(of: draws).isFinite)
    #expect((try? flow.validate(draws)) != nil)
  }

  @Test("come to the same losses from a stream")
  func stream() throws {
    let data = boundedRows(512, seed: 9)
    let stream = SequentialBatchStream<Float>(identity: "rows") {
      AnyIterator([Batch(data: data)].makeIterator())
    }
    var flow = boundedFlow()
    let report = try flow.fit(
      batches: stream,
      options: FitOptions {
        $0.steps = 1
        $0.learningRate = .constant(1e-9)
      })
    let loss = -Double(flow.logDensity(of: data).mean().scalar)
    #expect(Swift.abs(loss - (report.trainingCurve.last?.loss ?? 0)) < 1e-3)
  }

  @Test("are kept by files, with units and standardisation")
  func files() throws {
    var flow = boundedFlow()
    let data = boundedRows(300, seed: 10)
    try flow.fit(data, options: FitOptions { $0.steps = 3 })
    let loaded = try NormalizingFlow<Float>(
      SafetensorsFile(bytes: flow.safetensors().bytes()), types: [], bases: [])
    #expect(loaded.logDensity(of: data) == flow.logDensity(of: data))
    #expect(loaded.support == flow.support)
  }

  @Test("name the row, the column and the support of a value outside")
  func errors() {
    var data = boundedRows(50, seed: 11)
    data.withMutableScalars { $0[2 * 17 + 1] = 1.5 }
    let expected = "row 18, column 2 (\"data\"): expected a number in [0.0, 1.0], got 1.5"
    #expect(errorText { try boundedFlow().validate(data) } == expected)
    #expect(
      errorText {
        var flow = boundedFlow()
        try flow.fit(data)
      } == expected)
    data.withMutableScalars { $0[2 * 3] = 0 }
    #expect(
      errorText { try boundedFlow().validate(data) }
        == "row 4, column 1 (\"data\"): expected a number in (0, ∞), got 0.0")
  }

  @Test("name rows outside of a simplex, and such that do not increase")
  func rowErrors() {
    let simplex = NormalizingFlow<Double>(base: Gaussian(dimension: 2)) {
      SimplexMap(dimension: 2)
    }
    let proportions = Tensor<Double>([[0.2, 0.3], [0.7, 0.4]])
    #expect(simplex.logDensity(of: proportions)[1] == -.infinity)
    #expect(
      errorText { try simplex.validate(proportions) }
        == "row 2, column 2 (\"data\"): expected the first 2 of 3 proportions, whose sum is at most "
        + "1; got the sum 1.1")
    let ordered = NormalizingFlow<Double>(base: Gaussian(dimension: 3)) {
      OrderedMap(dimension: 3)
    }
    let rows = Tensor<Double>([[-1, 2, 3], [0, 5, 5]])
    #expect(ordered.logDensity(of: rows)[1] == -.infinity)
    #expect(
      errorText { try ordered.validate(rows) }
        == "row 2, column 3 (\"data\"): expected columns that increase, got 5.0 after 5.0")
  }

  @Test("a simplex's latent origin is the point of equal proportions")
  func equalProportions() {
    let map = SimplexMap<Double>(dimension: 4)
    let x = map.forward(.zeros([1, 4])).value.scalars
    #expect(x.allSatisfy { Swift.abs($0 - 0.2) < 1e-15 })
    #expect(
      map.inverse(Tensor([[0.2, 0.2, 0.2, 0.2]])).value.scalars.allSatisfy { Swift.abs($0) < 1e-14 }
    )
    #expect(map.inverse(Tensor([[1.0, 0, 0, 0]])).logDet.isFinite, "corners lie within")
  }

  @Test("increasing rows increase strictly far out")
  func strictOrder() {
    let map = OrderedMap<Float>(dimension: 3)
    for z: Float in [-1e4, -40, 1e4] {
      let x = map.forward(Tensor([[z, -1e4, -1e4], [z, 1e4, z]])).value
      for row in 0..<2 { #expect(x[row, 0] < x[row, 1] && x[row, 1] < x[row, 2]) }
      #expect(map.inverse(x).logDet.isFinite && map.inverse(x).value.isFinite)
    }
  }

  @Test("supports of circles join and meet as they should")
  func circles() {
    #expect(Support.circle.intersection(.circle) == .circle)
    #expect(Support.circle.intersection(.real) == .interval(-.pi, .pi))
    #expect(Support.circle.union(.circle) == .circle)
    #expect(Support.circle.union(.interval(0, 4)) == .interval(-.pi, 4))
    #expect(Support.circle.union(.real) == .real)
    #expect(Support.circle.contains(100) && !Support.circle.contains(.nan))
  }

  @Test("configurations that make no sense are refused")
  func configurations() {
    for columns: [Support] in [[], [.interval(1, 1)], [.interval(0, .infinity)]] {
      #expect(
        errorKind { _ = try SupportMap<Float>(configuration: .init(columns: columns)) }
          == .invalidConfiguration)
    }
    #expect(
      errorKind { _ = try SimplexMap<Float>(configuration: .init(dimension: 0)) }
        == .invalidConfiguration)
    #expect(
      errorKind { _ = try OrderedMap<Float>(configuration: .init(dimension: 0)) }
        == .invalidConfiguration)
    for (alpha, levels) in [(0.5, 256), (0, 256), (.nan, 256), (0.1, 1)] as [(Double, Int)] {
      #expect(
        errorKind {
          _ = try LogitMap<Float>(
            configuration: .init(dimension: 2, alpha: alpha, levels: levels))
        } == .invalidConfiguration)
    }
  }
}
