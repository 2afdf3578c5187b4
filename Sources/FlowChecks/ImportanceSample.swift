import Flows

/// Draws of a ``Proposal`` in the coordinates of the columns, with their weight under the subject's
/// density.
struct ImportanceSample {
  /// For each column, the coordinates.
  let coordinates: [[Double]]
  /// p / q of each draw.
  let weights: [Double]

  /// As many draws as it takes to know the integral to 2 %, within reason.
  ///
  /// In many columns the proposal may miss the density altogether, which then says nothing about it.
  static func adaptive(_ subject: CheckSubject, from least: Int = 20_000) throws
    -> ImportanceSample
  {
    var count = least
    while true {
      let sample = ImportanceSample(subject, count: count)
      if sample.integral.error < 0.02 { return sample }
      if count >= 320_000 {
        guard subject.dimension <= 8 else {
          throw NotChecked(
            "importance sampling does not reach the density in \(subject.dimension) columns")
        }
        return sample
      }
      count *= 4
    }
  }

  private init(_ subject: CheckSubject, count: Int) {
    var generator = PhiloxGenerator(seed: 5)
    let proposal = Proposal(subject.coordinates(of: subject.draws(4_000, seed: 5)))
    let (coordinates, logProposal) = proposal.draws(count, using: &generator)
    self.coordinates = coordinates
    let (x, logSlope) = subject.rows(at: coordinates)
    weights = exp(subject.logDensity(x) + Tensor(logSlope) - Tensor(logProposal)).scalars
  }

  /// ∫ p, with its standard error.
  var integral: (mean: Double, error: Double) { mean(where: { _ in true }) }

  /// The mass where a condition on the draw's number holds, with its standard error.
  func mean(where isInside: (Int) -> Bool) -> (mean: Double, error: Double) {
    var (sum, squares) = (0.0, 0.0)
    for (index, weight) in weights.enumerated() where isInside(index) {
      sum += weight
      squares += weight * weight
    }
    let count = Double(weights.count)
    let mean = sum / count
    return (mean, max(0, (squares / count - mean * mean) / count).squareRoot())
  }
}
