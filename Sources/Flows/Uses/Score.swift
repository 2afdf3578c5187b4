extension Distribution {
  /// The scores ∇ₓ log p(x | context): x `[rows, dimension]` → `[rows, dimension]`, in nats per
  /// unit of the column.
  ///
  /// Exact derivatives by the tape; large batches run tile by tile on all workers. At a kink it is
  /// the derivative of one side, and outside of the support 0.
  ///
  /// - Parameters:
  ///   - x: rows `[rows, dimension]`.
  ///   - context: `[rows, contextDimension]`, or one row for all.
  public func score(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil) -> Tensor<Scalar> {
    logDensityAndScore(of: x, context: context).score
  }

  /// log p(x | context) `[rows]` and the scores ∇ₓ log p(x | context) `[rows, dimension]`, by one
  /// recording.
  public func logDensityAndScore(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil) -> (
    logDensity: Tensor<Scalar>, score: Tensor<Scalar>
  ) {
    checkRows(x)
    let (x, rows, columns) = (x.detached, x.shape[0], dimension)
    let context = contextRows(context, count: rows)
    guard rows > 0 else { return (.zeros([0]), .zeros([0, columns])) }
    // A normaliser by nodes is one integral for all rows and does not depend on x.
    let normalized = (self as? any NodeNormalized<Scalar>).flatMap {
      $0.isNormalizedByNodes ? $0 : nil
    }
    let both = Tiles.map(x, context, isTiled: !mixesRows, columns: columns + 1) { x, context in
      let (value, product) = vectorJacobianProduct(at: x, vector: .ones([x.shape[0]])) { x in
        normalized?.unnormalizedLogDensity(of: x, context: context)
          ?? logDensity(of: x, context: context)
      }
      return .concatenated([product, value.expanded(axis: 1)], axis: 1)
    }
    var values = both[columns: columns..<columns + 1].squeezed(axis: 1)
    if let normalized { values = (values - normalized.logNormalizer()).detached }
    return (values, both[columns: 0..<columns])
  }
}
