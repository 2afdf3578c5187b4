// What the uses of a density share: how context rows are read, and log-densities as `Double`.

extension Distribution {
  /// The one row of context `[1, contextDimension]` of a question about one density.
  func contextRow(_ context: Tensor<Scalar>?) -> Tensor<Scalar>? {
    checkContextRows(context, allowed: [1])
    return context?.detached
  }

  /// Context for `count` rows: given row by row, or one row for all of them.
  func contextRows(_ context: Tensor<Scalar>?, count: Int) -> Tensor<Scalar>? {
    checkContextRows(context, allowed: [1, count])
    guard let context else { return nil }
    return context.shape[0] == count ? context.detached : repeated(context, count: count)
  }

  /// Row i of the result is row i mod n of the context, so that every row is used about as often.
  func contextRows(cycling context: Tensor<Scalar>?, count: Int) -> Tensor<Scalar>? {
    checkContextRows(context, allowed: nil)
    guard let context else { return nil }
    let rows = context.shape[0]
    return context.detached.rows((0..<count).map { $0 % rows })
  }

  /// One row of context, `count` times.
  func repeated(_ context: Tensor<Scalar>?, count: Int) -> Tensor<Scalar>? {
    context?.detached.rows(Array(repeating: 0, count: count))
  }

  private func checkContextRows(_ context: Tensor<Scalar>?, allowed: [Int]?) {
    let found = context.map { "the shape \($0.shape)" } ?? "none"
    guard contextDimension > 0 else {
      precondition(context == nil, "the density takes no context; got \(found)")
      return
    }
    let rows = allowed.map { Array(Set($0)).sorted().map(String.init).joined(separator: " or ") }
    precondition(
      context.map {
        $0.rank == 2 && $0.shape[1] == contextDimension && $0.shape[0] > 0
          && (allowed?.contains($0.shape[0]) ?? true)
      } ?? false,
      "the density takes context of \(contextDimension) columns and \(rows ?? "some") rows; got "
        + found)
  }

  /// log p of each row; −∞ where it is not a number.
  func logDensities(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> [Double] {
    guard x.shape[0] > 0 else { return [] }
    return Tensor<Double>(logDensity(of: x, context: context).detached).scalars.map {
      $0.isNaN ? -.infinity : $0
    }
  }

  /// Draws for one row of context, or none.
  func draws(_ count: Int, row context: Tensor<Scalar>?, using generator: inout PhiloxGenerator)
    -> Tensor<Scalar>
  {
    sample(count, context: repeated(context, count: count), using: &generator).detached
  }
}

extension Tensor {
  /// Rows of `columns` columns from numbers in `Double`.
  init(rows scalars: [Double], columns: Int) {
    self.init(Tensor<Double>(shape: [scalars.count / columns, columns], scalars: scalars))
  }
}
