#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension ResidualDensity {
  /// The share of the draws of G that rejection keeps on average: Z / e^b, b the bound of log Q.
  ///
  /// - Returns: a number in (0, 1]; nil where Q has no known bound.
  /// - Complexity: that of the normaliser, unless it is given.
  /// - Precondition: the density takes no context.
  public func expectedAcceptance() -> Double? {
    guard let bound = base.logDensityBound else { return nil }
    if case .given(let logValue) = normalization { return exp(logValue - bound) }
    return exp(normalizer().logValue - bound)
  }

  /// Independent draws with the log-density of each; derivatives flow through neither.
  ///
  /// - Precondition: Q has a known bound.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = sample(count, context: context, using: &generator)
    return (samples, withoutRecording.logDensity(of: samples, context: context?.detached))
  }

  /// Independent, exact draws by rejection from the shape.
  ///
  /// A draw x of G is kept with probability Q(x) / e^b, b the bound of log Q; no normaliser is needed.
  ///
  /// - Precondition: Q has a known bound, and not all of 20 million draws in a row are rejected.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    let sampler = withoutRecording
    guard let bound = sampler.base.logDensityBound else {
      preconditionFailure(
        "samples of a residual density need a base with a known bound of its log-density; "
          + "\(Q.self) has none")
    }
    precondition(bound.isFinite, "the bound of the base's log-density is finite; got \(bound)")
    guard contextDimension > 0 else {
      return sampler.accepted(count, bound: bound, using: &generator)
    }
    guard let context, context.rank == 2, context.shape == [count, contextDimension] else {
      preconditionFailure(
        "the density takes context of the shape \([count, contextDimension]); got "
          + "\(context.map { "\($0.shape)" } ?? "none")")
    }
    return sampler.accepted(context: context.detached, bound: bound, using: &generator)
  }

  /// Which of some draws of G are kept.
  private func kept(
    _ draws: Tensor<Scalar>, context: Tensor<Scalar>?, bound: Double,
    using generator: inout PhiloxGenerator
  ) -> [Int] {
    let logBase = Tensor<Double>(baseLogDensity(of: draws, context: context))
    let uniform = Tensor<Double>.uniform([logBase.count], using: &generator)
    return acceptedIndices(logBase.scalars, uniform.scalars, bound: bound)
  }

  private func accepted(_ count: Int, bound: Double, using generator: inout PhiloxGenerator)
    -> Tensor<Scalar>
  {
    var parts: [Tensor<Scalar>] = [.zeros([0, dimension])]
    var (found, tried) = (0, 0)
    var counter = RejectionCounter()
    while found < count {
      let rate = (Double(found) + 0.5) / (Double(tried) + 1)
      let batch = RejectionCounter.batch(missing: count - found, rate: rate)
      let draws = shape.sample(batch, context: nil, using: &generator)
      let indices = kept(draws, context: nil, bound: bound, using: &generator)
      counter.add(tried: batch, accepted: indices.count)
      parts.append(draws.rows(Array(indices.prefix(count - found))))
      found += Swift.min(indices.count, count - found)
      tried += batch
    }
    return .concatenated(parts)
  }

  /// One draw for each row of context; each round makes several attempts for every row that still
  /// lacks one, and the first that is accepted counts.
  private func accepted(
    context: Tensor<Scalar>, bound: Double, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    let count = context.storage.shape[0]
    var pending = Array(0..<count)
    var parts: [Tensor<Scalar>] = [.zeros([0, dimension])]
    var places = [Int](repeating: 0, count: count)
    var found = 0
    var counter = RejectionCounter()
    while !pending.isEmpty {
      let attempts = Swift.max(1, 4_096 / pending.count)
      let rows = pending.flatMap { Array(repeating: $0, count: attempts) }
      let context = context.rows(rows)
      let draws = shape.sample(
        rows.count, context: shape.contextDimension > 0 ? context : nil, using: &generator)
      var first: [Int: Int] = [:]
      for index in kept(draws, context: context, bound: bound, using: &generator)
      where first[rows[index]] == nil {
        first[rows[index]] = index
      }
      counter.add(tried: rows.count, accepted: first.count)
      let done = pending.compactMap { row in first[row].map { (row, $0) } }
      parts.append(draws.rows(done.map(\.1)))
      for (offset, row) in done.map(\.0).enumerated() { places[row] = found + offset }
      found += done.count
      pending.removeAll { first[$0] != nil }
    }
    return Tensor.concatenated(parts).rows(places)
  }
}

/// Ends the program where rejection gets nowhere.
struct RejectionCounter {
  private static let patience = 20_000_000
  private var inVain = 0

  mutating func add(tried: Int, accepted: Int) {
    inVain = accepted > 0 ? 0 : inVain + tried
    precondition(
      inVain < Self.patience,
      "rejection sampling kept none of \(inVain) draws of the shape: base and shape hardly overlap "
        + "(see expectedAcceptance())")
  }

  /// How many draws to make at once for a number of samples that are still missing.
  static func batch(missing: Int, rate: Double) -> Int {
    let wanted = 1.1 * Double(missing) / rate + 32
    return Int(Swift.min(65_536, Swift.max(64, wanted)))
  }
}

/// The indices at which a uniform number is below e^(logBase − bound).
func acceptedIndices(_ logBase: [Double], _ uniforms: [Double], bound: Double) -> [Int] {
  logBase.indices.filter { uniforms[$0] < exp(logBase[$0] - bound) }
}
