import Flows

/// The map g = μ + diag(σ)·U·x between standardised errors and positions, one for each keypoint.
///
/// U is unit lower triangular; its entries below the diagonal, row by row, are `shear`. All tensors
/// have the same leading axes, and arguments broadcast against them.
struct LocationScaleFrame<Scalar: TensorScalar>: Sendable {
  /// μ, `[…, D]`.
  var mean: Tensor<Scalar>
  /// log σ, `[…, D]`.
  var logScale: Tensor<Scalar>
  /// `[…, D(D − 1)/2]`: c₂₁, then c₃₁, c₃₂.
  var shear: Tensor<Scalar>?

  init(mean: Tensor<Scalar>, logScale: Tensor<Scalar>, shear: Tensor<Scalar>?) {
    precondition(
      mean.rank >= 1 && mean.shape == logScale.shape,
      "mean and scale have one shape; got \(mean.shape) and \(logScale.shape)")
    let dimension = mean.shape.last ?? 0
    if let shear {
      precondition(
        shear.shape == mean.shape.dropLast() + [dimension * (dimension - 1) / 2],
        "a shear has D(D − 1)/2 entries for each keypoint; got \(shear.shape) beside \(mean.shape)")
    }
    self.mean = mean
    self.logScale = logScale
    self.shear = dimension > 1 ? shear : nil
  }

  var dimension: Int { mean.shape.last ?? 0 }

  /// x = U⁻¹ (g − μ)/σ.
  func standardized(_ positions: Tensor<Scalar>) -> Tensor<Scalar> {
    let ratio = (positions - mean) * exp(-logScale)
    guard let shear else { return ratio }
    var solved: [Tensor<Scalar>] = []
    var entry = 0
    for row in 0..<dimension {
      var column = ratio[columns: row..<(row + 1)]
      for earlier in solved {
        column = column - shear[columns: entry..<(entry + 1)] * earlier
        entry += 1
      }
      solved.append(column)
    }
    return .concatenated(solved, axis: -1)
  }

  /// g = μ + diag(σ)·U·x.
  func positions(of errors: Tensor<Scalar>) -> Tensor<Scalar> {
    guard let shear else { return errors * exp(logScale) + mean }
    var rows: [Tensor<Scalar>] = []
    var entry = 0
    for row in 0..<dimension {
      var column = errors[columns: row..<(row + 1)]
      for earlier in 0..<row {
        column =
          column + shear[columns: entry..<(entry + 1)] * errors[columns: earlier..<(earlier + 1)]
        entry += 1
      }
      rows.append(column)
    }
    return Tensor.concatenated(rows, axis: -1) * exp(logScale) + mean
  }

  /// log |det ∂g/∂x| = Σ_d log σ_d, without the last axis.
  var logDeterminant: Tensor<Scalar> { logScale.sum(axis: -1) }

  /// The frame of one keypoint of `[n, K, D]`.
  func keypoint(pose: Int, joint: Int) -> LocationScaleFrame {
    func part(_ tensor: Tensor<Scalar>) -> Tensor<Scalar> {
      tensor[rows: pose..<(pose + 1)].slice(joint..<(joint + 1), axis: 1).flattened()
    }
    return LocationScaleFrame(
      mean: part(mean), logScale: part(logScale), shear: shear.map(part))
  }

  /// diag(σ)·U of every keypoint as rows of D·D numbers.
  var linearMaps: [Double] {
    let dimension = dimension
    let scales = Tensor<Double>(exp(logScale)).scalars
    let shears = shear.map { Tensor<Double>($0).scalars }
    let entries = dimension * (dimension - 1) / 2
    var maps = [Double](repeating: 0, count: scales.count * dimension)
    for keypoint in 0..<(scales.count / max(1, dimension)) {
      for row in 0..<dimension {
        let scale = scales[keypoint * dimension + row]
        let start = (keypoint * dimension + row) * dimension
        maps[start + row] = scale
        guard let shears else { continue }
        for column in 0..<row {
          maps[start + column] =
            scale * shears[keypoint * entries + row * (row - 1) / 2 + column]
        }
      }
    }
    return maps
  }
}

/// L·C·Lᵀ of every keypoint, for linear maps L in rows of D·D numbers and covariances C, one for
/// all or one for each of the K joints that repeat.
func movedCovariances(_ maps: [Double], _ covariances: [[[Double]]], dimension: Int) -> [Double] {
  let size = dimension * dimension
  let flat = covariances.map { Array($0.joined()) }
  var result = [Double](repeating: 0, count: maps.count)
  var half = [Double](repeating: 0, count: size)
  for keypoint in 0..<(maps.count / max(1, size)) {
    let covariance = flat[keypoint % flat.count]
    let start = keypoint * size
    for i in 0..<dimension {
      for j in 0..<dimension {
        half[i * dimension + j] = (0..<dimension).reduce(0) {
          $0 + maps[start + i * dimension + $1] * covariance[$1 * dimension + j]
        }
      }
    }
    for i in 0..<dimension {
      for j in 0..<dimension {
        result[start + i * dimension + j] = (0..<dimension).reduce(0) {
          $0 + half[i * dimension + $1] * maps[start + j * dimension + $1]
        }
      }
    }
  }
  return result
}
