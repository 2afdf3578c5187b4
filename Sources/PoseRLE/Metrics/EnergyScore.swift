import Flows

extension JointTable {
  /// The energy score of samples of each joint, E‖X − y‖ − ½ E‖X − X′‖, in the units of positions.
  ///
  /// Smaller is better, and no density does better in expectation than the true one; in one
  /// dimension it is the continuous ranked probability score. Both expectations are means over the
  /// samples; the second is over pairs of *different* samples, so that it is unbiased for any number
  /// of them (and a score may be below 0 by chance).
  ///
  /// - Parameters:
  ///   - samples: `[S, n, K, D]`, S ≥ 2.
  ///   - target: `[n, K, D]`.
  ///   - weights: `[n, K]`; joints of weight 0 may have any position. All count alike if nil.
  /// - Throws: ``PoseError`` of kind `.invalidData` with the place where a position that counts is
  ///   not finite.
  /// - Complexity: O(S² n K D).
  ///
  /// Source: Gneiting and Raftery, JASA 2007, §4.3.
  public init<Scalar: TensorScalar>(
    energyScoresOf samples: Tensor<Scalar>, target: Tensor<Scalar>,
    weights: Tensor<Scalar>? = nil
  ) throws(PoseError) {
    precondition(
      samples.rank == 4 && target.rank == 3 && Array(samples.shape.dropFirst()) == target.shape,
      "samples are [S, n, K, D] and targets [n, K, D]; got \(samples.shape), \(target.shape)")
    let count = samples.shape[0]
    precondition(count >= 2, "an energy score needs at least two samples; got \(count)")
    let (n, joints, dimension) = (target.shape[0], target.shape[1], target.shape[2])
    precondition(
      (weights?.shape ?? [n, joints]) == [n, joints],
      "weights are \([n, joints]); got \(weights?.shape ?? [])")
    let x = Tensor<Double>(samples).scalars
    let y = Tensor<Double>(target).scalars
    let w =
      weights.map { Tensor<Double>($0).scalars } ?? Array(repeating: 1, count: n * joints)
    var scores = [Double](repeating: 0, count: n * joints)
    var points = [Double](repeating: 0, count: count * dimension)
    for joint in scores.indices where w[joint] > 0 {
      let label = Array(y[joint * dimension..<(joint + 1) * dimension])
      let place = "[\(joint / joints), \(joint % joints)]"
      guard label.allSatisfy(\.isFinite) else {
        throw PoseError(.invalidData, "is not finite", path: "target\(place)")
      }
      for sample in 0..<count {
        for axis in 0..<dimension {
          let value = x[(sample * n * joints + joint) * dimension + axis]
          guard value.isFinite else {
            throw PoseError(
              .invalidData, "sample \(sample) is not finite", path: "samples\(place)")
          }
          points[sample * dimension + axis] = value
        }
      }
      var (toLabel, between) = (0.0, 0.0)
      for i in 0..<count {
        toLabel += distance(points, i * dimension, label, 0, dimension)
        for j in 0..<i {
          between += distance(points, i * dimension, points, j * dimension, dimension)
        }
      }
      let n = Double(count)
      scores[joint] = toLabel / n - between / (n * (n - 1))
    }
    self.init(poseCount: n, jointCount: joints, values: scores, weights: w)
  }
}

private func distance(
  _ a: [Double], _ i: Int, _ b: [Double], _ j: Int, _ dimension: Int
) -> Double {
  var square = 0.0
  for axis in 0..<dimension {
    let difference = a[i + axis] - b[j + axis]
    square += difference * difference
  }
  return square.squareRoot()
}
