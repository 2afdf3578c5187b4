/// How a network sees columns: a number as it stands, an angle by its cosine and sine, which have no
/// seam.
struct ColumnEncoding: Sendable {
  /// The position, among the columns that are seen, that each input comes from.
  let sources: [Int]
  private let columns: IndexList
  /// For each column that is seen, the circle it lies on.
  private let circles: [ClosedRange<Double>?]

  /// - Parameters:
  ///   - transforms: those of all columns, or one for all; columns of circular splines are angles.
  ///   - columns: the columns that are seen.
  ///   - dimension: how many columns there are.
  init(_ transforms: [ColumnTransform], columns: [Int], dimension: Int) {
    self.columns = IndexList(columns)
    let circles = columns.map { transforms[transforms.count == 1 ? 0 : $0].circle }
    self.circles = circles
    sources = circles.indices.flatMap { position in
      [Int](repeating: position, count: circles[position] == nil ? 1 : 2)
    }
  }

  /// True where no column is an angle.
  var isPlain: Bool { sources.count == circles.count }

  /// The columns of x `[rows, dimension]` that are seen, encoded: `[rows, inputs]`.
  func callAsFunction<Scalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let seen = x.gathering(columns, axis: 1)
    if isPlain { return seen }
    let parts = circles.indices.flatMap { position -> [Tensor<Scalar>] in
      let column = seen[columns: position..<position + 1]
      guard let circle = circles[position] else { return [column] }
      let turn = 2 * Double.pi / (circle.upperBound - circle.lowerBound)
      let angle = column.scaled(by: Scalar(turn), plus: Scalar(-circle.lowerBound * turn))
      return [cos(angle), sin(angle)]
    }
    return .concatenated(parts, axis: 1)
  }
}
