import Flows

extension ErrorDistribution {
  /// The place below which a share of the errors along an axis lies.
  ///
  /// Exact where the density has independent columns with known distribution functions, else that
  /// of the draws (interpolated as NumPy does). At 0 and 1 the ends of the support.
  public func quantile(_ probability: Double, axis: Int) -> Double {
    precondition(
      axis >= 0 && axis < dimension, "axis \(axis) is not one of \(dimension) axes")
    precondition(
      probability >= 0 && probability <= 1, "a probability lies in [0, 1]; got \(probability)")
    if probability == 0 { return density.support[axis].bounds.low }
    if probability == 1 { return density.support[axis].bounds.high }
    if let columns = density as? any ColumnwiseDistribution<Scalar>, columns.isColumnwise {
      let all = columns.quantile(
        of: Tensor(repeating: Scalar(probability), shape: [1, dimension]))
      return Double(all.scalars[axis])
    }
    return sampleQuantile(probability, of: sortedColumns[axis])
  }

  /// Quantiles of Σ_d direction_d · X_d, ascending or not as the probabilities are.
  ///
  /// Along an axis those of ``quantile(_:axis:)``; else those of the first 8,192 draws.
  func quantiles(_ probabilities: [Double], along direction: [Double]) -> [Double] {
    let axes = direction.indices.filter { direction[$0] != 0 }
    if axes.count == 1 {
      let (axis, factor) = (axes[0], direction[axes[0]])
      return probabilities.map {
        factor * quantile(factor > 0 ? $0 : 1 - $0, axis: axis)
      }
    }
    var moved = [Double](repeating: 0, count: firstColumns[0].count)
    for axis in axes {
      let (column, factor) = (firstColumns[axis], direction[axis])
      for row in moved.indices { moved[row] += factor * column[row] }
    }
    let bounds = density.support.map(\.bounds)
    return probabilities.map { probability in
      precondition(
        probability >= 0 && probability <= 1, "a probability lies in [0, 1]; got \(probability)")
      if probability > 0 && probability < 1 {
        let place = probability * Double(moved.count - 1)
        let index = min(Int(place), moved.count - 2)
        let (lower, upper) = orderStatistics(index, of: &moved)
        return lower + (place - Double(index)) * (upper - lower)
      }
      return axes.reduce(0) { sum, axis in
        let ends = (direction[axis] * bounds[axis].low, direction[axis] * bounds[axis].high)
        return sum + (probability == 0 ? min(ends.0, ends.1) : max(ends.0, ends.1))
      }
    }
  }
}

/// The number at an index of the ascending order and the next one (Hoare's selection); the numbers
/// are reordered.
func orderStatistics(_ index: Int, of numbers: inout [Double]) -> (Double, Double) {
  numbers.withUnsafeMutableBufferPointer { numbers in
    var (low, high) = (0, numbers.count - 1)
    while low < high {
      // The middle one of three, so that sorted numbers are no worse than others.
      let (a, b, c) = (numbers[low], numbers[(low + high) / 2], numbers[high])
      let pivot = max(min(a, b), min(max(a, b), c))
      var (left, right) = (low, high)
      while left <= right {
        while numbers[left] < pivot { left += 1 }
        while numbers[right] > pivot { right -= 1 }
        if left <= right {
          numbers.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if index <= right {
        high = right
      } else if index >= left {
        low = left
      } else {
        break
      }
    }
    var next = Double.infinity
    for place in (index + 1)..<numbers.count { next = min(next, numbers[place]) }
    return (numbers[index], next)
  }
}

/// Mean and covariance of a density with independent columns.
func exactMoments<D: LocationScaleDistribution>(_ density: D) -> ([Double], [[Double]]) {
  // The variance at scale 1.
  let unit =
    switch D.family {
    case .gaussian: 1.0
    case .laplace: 2.0
    case .logistic: Double.pi * Double.pi / 3
    }
  let scales = Tensor<Double>(density.scale).scalars
  let covariance = scales.indices.map { row in
    scales.indices.map { $0 == row ? unit * scales[row] * scales[row] : 0 }
  }
  return (Tensor<Double>(density.location).scalars, covariance)
}

/// Mean and covariance of rows.
func sampleMoments(_ scalars: [Double], dimension: Int) -> ([Double], [[Double]]) {
  let count = scalars.count / dimension
  var mean = [Double](repeating: 0, count: dimension)
  for row in 0..<count {
    for axis in 0..<dimension { mean[axis] += scalars[row * dimension + axis] }
  }
  for axis in 0..<dimension { mean[axis] /= Double(count) }
  var sums = [Double](repeating: 0, count: dimension * dimension)
  for row in 0..<count {
    for i in 0..<dimension {
      let first = scalars[row * dimension + i] - mean[i]
      for j in 0...i {
        sums[i * dimension + j] += first * (scalars[row * dimension + j] - mean[j])
      }
    }
  }
  let covariance = (0..<dimension).map { i in
    (0..<dimension).map { sums[max(i, $0) * dimension + min(i, $0)] / Double(count - 1) }
  }
  return (mean, covariance)
}
