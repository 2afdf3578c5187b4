import Flows

/// Integrates a density over a rectangle, with ever smaller cells where it is sharp.
///
/// Boxes are summed by the midpoint rule at two steps, one half of the other. A box on which the two
/// disagree is cut into four, so that a filament a thousandth of the window wide is resolved without
/// a grid that fine everywhere.
struct Quadrature {
  /// The integral with the smaller step, and over the same boxes with twice that step.
  struct Result {
    let fine: Double
    let coarse: Double
  }

  private struct Box {
    let x: Double
    let y: Double
    let width: Double
    let height: Double

    var quarters: [Box] {
      let (w, h) = (width / 2, height / 2)
      return [
        Box(x: x, y: y, width: w, height: h), Box(x: x + w, y: y, width: w, height: h),
        Box(x: x, y: y + h, width: w, height: h), Box(x: x + w, y: y + h, width: w, height: h),
      ]
    }
  }

  /// Boxes along each side at the start.
  private let boxes = 48
  /// Cells along each side of a box at the larger step.
  private let cells = 6
  /// Disagreement up to which a box is left as it is.
  private let tolerance = 1e-6
  /// How often a box may be cut.
  private let depth = 9
  /// Boxes that are cut at once, at the most, so that the work stays bounded.
  private let mostBoxes = 8_000

  /// Integrates exp of a log-density of rows `[n, 2]`.
  func integrate(
    x: ClosedRange<Double>, y: ClosedRange<Double>,
    _ logDensity: (Tensor<Float>) -> Tensor<Float>
  ) -> Result {
    let (width, height) = (x.upperBound - x.lowerBound, y.upperBound - y.lowerBound)
    var pending = (0..<boxes * boxes).map { index in
      Box(
        x: x.lowerBound + width * Double(index % boxes) / Double(boxes),
        y: y.lowerBound + height * Double(index / boxes) / Double(boxes),
        width: width / Double(boxes), height: height / Double(boxes))
    }
    var (fine, coarse) = (0.0, 0.0)
    for level in 0...depth {
      let small = sums(pending, 2 * cells, logDensity)
      let large = sums(pending, cells, logDensity)
      var disagreeing: [Int] = []
      for index in pending.indices {
        if level < depth && abs(small[index] - large[index]) > tolerance {
          disagreeing.append(index)
        } else {
          fine += small[index]
          coarse += large[index]
        }
      }
      if disagreeing.count > mostBoxes {
        disagreeing.sort { abs(small[$0] - large[$0]) > abs(small[$1] - large[$1]) }
        for index in disagreeing[mostBoxes...] {
          fine += small[index]
          coarse += large[index]
        }
        disagreeing.removeLast(disagreeing.count - mostBoxes)
      }
      pending = disagreeing.flatMap { pending[$0].quarters }
      if pending.isEmpty { break }
    }
    return Result(fine: fine, coarse: coarse)
  }

  private func sums(
    _ boxes: [Box], _ cells: Int, _ logDensity: (Tensor<Float>) -> Tensor<Float>
  ) -> [Double] {
    var points: [Float] = []
    points.reserveCapacity(2 * boxes.count * cells * cells)
    for box in boxes {
      for row in 0..<cells {
        let y = Float(box.y + box.height * (Double(row) + 0.5) / Double(cells))
        for column in 0..<cells {
          points.append(Float(box.x + box.width * (Double(column) + 0.5) / Double(cells)))
          points.append(y)
        }
      }
    }
    let rows = Tensor<Float>(shape: [boxes.count * cells * cells, 2], scalars: points)
    let density = exp(Tensor<Double>(logDensity(rows)))
      .reshaped(to: [boxes.count, cells * cells]).mean(axis: 1).scalars
    return zip(boxes, density).map { $0.width * $0.height * $1 }
  }
}
