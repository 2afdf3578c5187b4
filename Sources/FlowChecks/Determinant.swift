import Flows
import Foundation

/// log |det| of each of the matrices `[n, d, d]`.
func logDeterminants(of jacobians: Tensor<Double>) -> [Double] {
  let (count, size) = (jacobians.shape[0], jacobians.shape[1])
  let scalars = jacobians.scalars
  return (0..<count).map { index in
    let matrix = (0..<size).map { row in
      Array(scalars[(index * size + row) * size..<(index * size + row + 1) * size])
    }
    return logAbsoluteDeterminant(matrix)
  }
}

/// log |det| by elimination with partial pivoting.
package func logAbsoluteDeterminant(_ matrix: [[Double]]) -> Double {
  var a = matrix
  var total = 0.0
  for column in a.indices {
    let best = (column..<a.count).max { abs(a[$0][column]) < abs(a[$1][column]) } ?? column
    a.swapAt(column, best)
    total += Foundation.log(abs(a[column][column]))
    for row in (column + 1)..<max(a.count, column + 1) {
      let factor = a[row][column] / a[column][column]
      for k in column..<a.count { a[row][k] -= factor * a[column][k] }
    }
  }
  return total
}
