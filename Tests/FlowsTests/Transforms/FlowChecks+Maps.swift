import Foundation

@testable import Flows

extension FlowCheck {
  /// Both ways at |x| ≤ 5.
  static let roundTrip = FlowCheck("round trip") { subject in
    let (x, context) = (subject.points(128), subject.context(128))
    let flow = subject.model.flow
    let there = flow.inverse(x, context: context).value
    let back = flow.forward(x, context: context).value
    return [
      deviation(
        "forward(inverse(x))", found: flow.forward(there, context: context).value, expected: x,
        tolerance: subject.row.roundTrip),
      deviation(
        "inverse(forward(z))", found: flow.inverse(back, context: context).value, expected: x,
        tolerance: subject.row.roundTrip),
    ]
  }

  /// Both ways in `Float`, freshly initialised.
  static let floatRoundTrip = FlowCheck(
    "round trip in Float", preparing: FlowSubject.floatFresh
  ) { subject, model in
    let flow = model.flow
    let x = Tensor<Float>(subject.points(128))
    let context = subject.context(128).map { Tensor<Float>($0) }
    let there = flow.inverse(x, context: context).value
    let back = flow.forward(x, context: context).value
    return [
      deviation(
        "forward(inverse(x))", found: flow.forward(there, context: context).value, expected: x,
        tolerance: subject.row.floatRoundTrip),
      deviation(
        "inverse(forward(z))", found: flow.inverse(back, context: context).value, expected: x,
        tolerance: subject.row.floatRoundTrip),
    ]
  }

  /// log |det J| of either direction against the Jacobian itself.
  static let logDeterminant = FlowCheck("log-determinant") { subject in
    let rows = 16
    let (x, context) = (subject.points(rows), subject.context(rows))
    let flow = subject.model.flow
    let inverse = flow.inverse(x, context: context)
    let forward = flow.forward(inverse.value, context: context)
    let (_, toLatent) = rowJacobians(at: x) { flow.inverse($0, context: context).value }
    let (_, toData) = rowJacobians(at: inverse.value) { flow.forward($0, context: context).value }
    return [
      deviation(
        "inverse", found: inverse.logDet.scalars, expected: logDeterminants(of: toLatent),
        tolerance: 1e-10),
      deviation(
        "forward", found: forward.logDet.scalars, expected: logDeterminants(of: toData),
        tolerance: 1e-10),
      deviation(
        "sum of both directions", found: (inverse.logDet + forward.logDet).scalars,
        expected: [Double](repeating: 0, count: rows), tolerance: 1e-10),
      flow.hasConstantLogDet
        ? deviation(
          "constant log-determinant", found: inverse.logDet.scalars,
          expected: [Double](repeating: inverse.logDet[0], count: rows), tolerance: 1e-12) : nil,
    ]
  }

  /// Values, log-densities and gradients are finite at |x| up to 1e4.
  static let extremes = FlowCheck(
    "extreme inputs", preparing: FlowSubject.floatModel
  ) { subject, float in
    guard subject.row.isBounded else { return [] }
    let x = extremeRows(subject.dimension)
    let context = subject.context(x.shape[0])
    let single = context.map { Tensor<Float>($0) }
    return findInfinities("Double", subject.model, x, context)
      + findInfinities("Float", float, Tensor<Float>(x), single)
  }

  private static func findInfinities<S: TensorScalar>(
    _ type: String, _ model: NormalizingFlow<S>, _ x: Tensor<S>, _ context: Tensor<S>?
  ) -> [String?] {
    let forward = model.flow.forward(x, context: context)
    let (logDensity, byX) = valueAndGradient(at: x) {
      model.logDensity(of: $0, context: context).sum()
    }
    let byWeights = TrainedTensors(
      gradient(at: model) { $0.logDensity(of: x, context: context).sum() })
    return [
      unlessFinite("\(type) forward", forward.value),
      unlessFinite("\(type) log-determinant", forward.logDet),
      unlessFinite("\(type) log-density", model.logDensity(of: x, context: context)),
      unlessFinite("\(type) sum of log-densities", Tensor(logDensity)),
      unlessFinite("\(type) gradient by x", byX),
    ]
      + zip(byWeights.names, byWeights.tensors).map { name, tensor in
        unlessFinite("\(type) gradient by \(name)", tensor)
      }
  }
}

/// Corners of cubes and points on the axes, out to 1e4, and the origin.
private func extremeRows(_ dimension: Int) -> Tensor<Double> {
  var rows = [[Double](repeating: 0, count: dimension)]
  for size in [30.0, 1e3, 1e4] {
    for signs in 0..<(1 << dimension) {
      rows.append((0..<dimension).map { signs >> $0 & 1 == 0 ? size : -size })
    }
    for column in 0..<dimension {
      for value in [size, -size] {
        var row = rows[0]
        row[column] = value
        rows.append(row)
      }
    }
  }
  return Tensor(rows)
}

/// log |det| of each of the matrices `[n, d, d]`.
private func logDeterminants(of jacobians: Tensor<Double>) -> [Double] {
  let (count, size) = (jacobians.shape[0], jacobians.shape[1])
  let scalars = jacobians.scalars
  return (0..<count).map { index in
    let matrix = (0..<size).map { row in
      Array(scalars[(index * size + row) * size..<(index * size + row + 1) * size])
    }
    return logAbsoluteDeterminant(matrix)
  }
}

/// By elimination with partial pivoting.
func logAbsoluteDeterminant(_ matrix: [[Double]]) -> Double {
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
