/// The singular value decomposition A = U diag(s) Vᵀ of a small square matrix.
///
/// One-sided Jacobi rotations (Hestenes 1958), which find small singular values to high relative
/// accuracy, where the eigenvalues of AᵀA would lose half of the digits.
struct SingularValues {
  /// Columns of U, by descending singular value.
  private(set) var left: [[Double]] = []
  /// The singular values.
  private(set) var values: [Double] = []
  /// Columns of V.
  private(set) var right: [[Double]] = []

  /// Decomposes a matrix of rows.
  init(_ matrix: [[Double]]) {
    let n = matrix.count
    // A power of two, so that squares neither overflow nor vanish, and nothing is rounded.
    let largest = matrix.joined().map(\.magnitude).max() ?? 0
    let unit = largest > 0 ? Double(sign: .plus, exponent: largest.exponent, significand: 1) : 1
    var columns = (0..<n).map { column in matrix.map { $0[column] / unit } }
    var basis = (0..<n).map { column in (0..<n).map { $0 == column ? 1.0 : 0 } }
    for _ in 0..<60 {
      var isDone = true
      for i in 0..<n {
        for j in (i + 1)..<max(n, i + 1) {
          let (a, b) = (dot(columns[i], columns[i]), dot(columns[j], columns[j]))
          let c = dot(columns[i], columns[j])
          guard c.magnitude > 1e-16 * (a * b).squareRoot() else { continue }
          isDone = false
          let zeta = (b - a) / (2 * c)
          let t = (zeta < 0 ? -1 : 1) / (zeta.magnitude + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + t * t).squareRoot()
          rotate(&columns, i, j, cosine, cosine * t)
          rotate(&basis, i, j, cosine, cosine * t)
        }
      }
      if isDone { break }
    }
    let norms = columns.map { dot($0, $0).squareRoot() }
    let floor = 1e-15 * (norms.max() ?? 0)
    for index in rankedByScore(norms) {
      values.append(norms[index] * unit)
      right.append(basis[index])
      let hasDirection = norms[index] > floor
      left.append(
        hasDirection ? columns[index].map { $0 / norms[index] } : orthogonal(to: left, n))
    }
  }

  /// U diag(1, …, 1, ±1) Vᵀ, the sign that of det(U Vᵀ): the rotation R that makes tr(R Aᵀ) largest.
  var nearestRotation: [[Double]] {
    let n = values.count
    let sign = determinant(left) * determinant(right) < 0 ? -1.0 : 1
    return (0..<n).map { row in
      (0..<n).map { column in
        (0..<n).reduce(0) {
          $0 + left[$1][row] * right[$1][column] * ($1 == n - 1 ? sign : 1)
        }
      }
    }
  }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}

private func rotate(
  _ columns: inout [[Double]], _ i: Int, _ j: Int, _ cosine: Double, _ sine: Double
) {
  for row in columns[i].indices {
    let (a, b) = (columns[i][row], columns[j][row])
    columns[i][row] = cosine * a - sine * b
    columns[j][row] = sine * a + cosine * b
  }
}

/// A unit vector at right angles to orthonormal ones, of which there are fewer than n.
private func orthogonal(to vectors: [[Double]], _ n: Int) -> [Double] {
  var best: (vector: [Double], square: Double) = (Array(repeating: 0, count: n), -1)
  for axis in 0..<n {
    var vector = (0..<n).map { $0 == axis ? 1.0 : 0 }
    // Twice: once leaves errors of the size of what cancels.
    for _ in 0..<2 {
      for other in vectors {
        let share = dot(vector, other)
        for index in vector.indices { vector[index] -= share * other[index] }
      }
    }
    let square = dot(vector, vector)
    if square > best.square { best = (vector, square) }
  }
  return best.vector.map { $0 / best.square.squareRoot() }
}

/// The determinant, by elimination with pivots.
private func determinant(_ columns: [[Double]]) -> Double {
  var matrix = columns
  var product = 1.0
  for step in matrix.indices {
    let candidates = step..<matrix.count
    guard
      let pivot = candidates.max(by: {
        matrix[$0][step].magnitude < matrix[$1][step].magnitude
      }), matrix[pivot][step] != 0
    else { return 0 }
    if pivot != step {
      matrix.swapAt(pivot, step)
      product = -product
    }
    product *= matrix[step][step]
    for row in (step + 1)..<max(matrix.count, step + 1) {
      let factor = matrix[row][step] / matrix[step][step]
      for column in matrix.indices { matrix[row][column] -= factor * matrix[step][column] }
    }
  }
  return product
}
