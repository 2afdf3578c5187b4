// Distribution functions of one column that follow from those of its parts, without integration.
//
// A flow of one column that is continuous rises or falls throughout, so that its F is that of the
// base at T⁻¹(x); a mixture's is the weighted sum. Whether a flow does is looked at on a ladder of
// latent places, since a map of a circle, say, does not.

extension Distribution {
  /// Whether this and all parts have distribution functions in closed form.
  var hasClosedForm: Bool {
    guard dimension == 1, !mixesRows else { return false }
    if columnwise != nil { return true }
    if let flow = self as? NormalizingFlow<Scalar> {
      return flow.base.contextDimension == 0 && flow.base.hasClosedForm
    }
    return (self as? Mixture<Scalar>)?.parts.allSatisfy { $0.hasClosedForm } ?? false
  }

  /// F(x) of rows `[rows, 1]`; nil where it turns out to be unknown.
  func closedCumulativeProbability(of x: Tensor<Scalar>, context: Tensor<Scalar>?)
    -> Tensor<Scalar>?
  {
    guard hasClosedForm else { return nil }
    if let columnwise { return columnwise.cumulativeProbability(of: x) }
    if let mixture = self as? Mixture<Scalar> {
      var total: Tensor<Scalar> = .zeros(x.shape)
      for (part, weight) in zip(mixture.parts, mixture.weights.scalars) {
        guard let share = part.closedCumulativeProbability(of: x, context: part.own(context)) else {
          return nil
        }
        total = total + share * weight
      }
      return total
    }
    guard let flow = self as? NormalizingFlow<Scalar>,
      let rises = flow.directions(rows: x.shape[0], context: context),
      let below = flow.base.closedCumulativeProbability(
        of: flow.toLatent(x, context: context).value.detached, context: nil)
    else { return nil }
    // Beyond the image of the flow there is no latent row.
    let known = Tensor.select(where: rises, below, else: 1 - below)
    guard known.isFinite else { return nil }
    guard support[0] != .circle else { return known }
    // Beyond the ends of a support there is a latent row, but it is a stand-in.
    let (low, high) = support[0].bounds
    let zero = Tensor<Scalar>.zeros(x.shape)
    let above = Tensor.select(where: x .>= Tensor(Scalar(high)), zero + 1, else: known)
    return Tensor.select(where: x .<= Tensor(Scalar(low)), zero, else: above)
  }

  /// The places of shares `[rows, 1]`; nil where they turn out to be unknown.
  func closedQuantile(of p: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar>? {
    guard hasClosedForm else { return nil }
    if let columnwise { return columnwise.quantile(of: p) }
    if let mixture = self as? Mixture<Scalar> {
      return mixture.quantileBySearch(of: p, context: context)
    }
    guard let flow = self as? NormalizingFlow<Scalar>,
      let rises = flow.directions(rows: p.shape[0], context: context),
      let latent = flow.base.closedQuantile(
        of: .select(where: rises, p, else: 1 - p), context: nil)
    else { return nil }
    let value = flow.toData(latent, context: context).value.detached
    // At 0 and 1 latent rows may be infinite, of which flows know nothing.
    var scalars = value.scalars
    let bounds = support[0].bounds
    for (row, p) in p.scalars.enumerated() {
      if p <= 0 { scalars[row] = Scalar(bounds.low) }
      if p >= 1 { scalars[row] = Scalar(bounds.high) }
    }
    return scalars.contains { $0.isNaN } ? nil : Tensor(shape: p.shape, scalars: scalars)
  }
}

extension NormalizingFlow {
  /// 1 where the flow rises and 0 where it falls, `[rows, 1]`; nil where for some row it does
  /// neither.
  fileprivate func directions(rows: Int, context: Tensor<Scalar>?) -> Tensor<Scalar>? {
    let levels: [Scalar] = [0, 0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999, 1]
    guard let places = base.closedQuantile(of: Tensor(levels.map { [$0] }), context: nil) else {
      return nil
    }
    let ladder = places.scalars.filter(\.isFinite)
    let context = contextDimension > 0 ? context : nil
    let contexts = context?.shape[0] ?? 1
    let latent = (0..<contexts).flatMap { _ in ladder }
    let value = toData(
      Tensor(shape: [latent.count, 1], scalars: latent),
      context: context?.rows((0..<latent.count).map { $0 / ladder.count })
    ).value.scalars
    var rises: [Scalar] = []
    for row in 0..<contexts {
      let own = value[(row * ladder.count)..<((row + 1) * ladder.count)]
      let steps = zip(own, own.dropFirst())
      if steps.allSatisfy({ $0 < $1 }) {
        rises.append(1)
      } else if steps.allSatisfy({ $0 > $1 }) {
        rises.append(0)
      } else {
        return nil
      }
    }
    return Tensor(shape: [contexts, 1], scalars: rises).broadcast(to: [rows, 1])
  }
}

extension Mixture {
  /// Quantiles by bisection between the least and the greatest of the parts.
  fileprivate func quantileBySearch(of p: Tensor<Scalar>, context: Tensor<Scalar>?)
    -> Tensor<Scalar>?
  {
    var (low, high): ([Double], [Double]) = ([], [])
    for part in parts {
      guard let own = part.closedQuantile(of: p, context: part.own(context)) else { return nil }
      let places = Tensor<Double>(own).scalars
      low = low.isEmpty ? places : zip(low, places).map { Swift.min($0, $1) }
      high = high.isEmpty ? places : zip(high, places).map { Swift.max($0, $1) }
    }
    let goals = Tensor<Double>(p).scalars
    for row in goals.indices where goals[row] <= 0 { high[row] = low[row] }
    for row in goals.indices where goals[row] >= 1 { low[row] = high[row] }
    for _ in 0..<(Scalar.scalarKind == .float32 ? 40 : 80) {
      let middle = zip(low, high).map { $0 == $1 ? $0 : $0 + ($1 - $0) / 2 }
      guard
        let found = closedCumulativeProbability(
          of: Tensor(rows: middle, columns: 1), context: context)
      else { return nil }
      for (row, share) in Tensor<Double>(found).scalars.enumerated() where low[row] < high[row] {
        if share < goals[row] { low[row] = middle[row] } else { high[row] = middle[row] }
      }
    }
    return Tensor(rows: high, columns: 1)
  }
}
