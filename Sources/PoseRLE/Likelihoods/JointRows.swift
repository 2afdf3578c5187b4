import Flows

/// Labelled joints that are treated alike: of one flow, all with depth or all without.
struct JointGroup<Scalar: TensorScalar> {
  /// Where they are among the n · joints of the batch; nil for all of them.
  var indices: [Int]?
  /// Their weights; nil where each is 1.
  var weights: [Scalar]?
  /// Whether the third axis counts.
  var hasDepth: Bool
  /// The joint, where each has a flow of its own.
  var joint: Int?

  /// The groups of a batch; joints of weight 0 are in none of them.
  static func groups(of labels: KeypointLabels<Scalar>, splitsJoints: Bool) -> [JointGroup] {
    let (joints, count) = (labels.joints, labels.count * labels.joints)
    if !splitsJoints, labels.hasDepth == nil, labels.weights == nil {
      return count > 0 ? [JointGroup(hasDepth: true)] : []
    }
    var groups: [JointGroup] = []
    var places: [Int?] = Array(repeating: nil, count: splitsJoints ? 2 * joints : 2)
    let weights = labels.weights?.scalars
    let depths = labels.hasDepth?.scalars
    for index in 0..<count where weights.map({ $0[index] > 0 }) ?? true {
      let hasDepth = depths.map { $0[index] > 0 } ?? true
      let joint = splitsJoints ? index % joints : 0
      let key = 2 * joint + (hasDepth ? 1 : 0)
      let place: Int
      if let known = places[key] {
        place = known
      } else {
        place = groups.count
        places[key] = place
        groups.append(
          JointGroup(
            indices: [], weights: weights == nil ? nil : [], hasDepth: hasDepth,
            joint: splitsJoints ? joint : nil))
      }
      groups[place].indices?.append(index)
      if let weights { groups[place].weights?.append(weights[index]) }
    }
    return groups
  }
}

/// Predictions and labels of a group of joints, a row for each: `[m, axes]`.
struct JointRows<Scalar: TensorScalar> {
  let mean: Tensor<Scalar>
  let logScale: Tensor<Scalar>
  let shear: Tensor<Scalar>?
  let features: Tensor<Scalar>?
  let positions: Tensor<Scalar>
  let axes: Int

  init(
    _ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>,
    _ group: JointGroup<Scalar>
  ) {
    let count = prediction.count * prediction.joints
    let axes = group.hasDepth ? prediction.dimension : 2
    func rows(_ tensor: Tensor<Scalar>, columns: Int) -> Tensor<Scalar> {
      let all = tensor.reshaped(to: [count, tensor.shape[2]])
      let some = group.indices.map { all.rows($0) } ?? all
      return some.shape[1] == columns ? some : some[columns: 0..<columns]
    }
    mean = rows(prediction.mean, columns: axes)
    logScale = rows(prediction.logScale, columns: axes)
    shear = prediction.shear.map { rows($0, columns: axes * (axes - 1) / 2) }
    positions = rows(labels.positions, columns: axes)
    features = prediction.features.map { features in
      features.rows((group.indices ?? Array(0..<count)).map { $0 / prediction.joints })
    }
    self.axes = axes
  }

  /// U⁻¹ (x − μ)/σ by forward substitution.
  func standardized(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let scaled = (x - mean) * exp(-logScale)
    guard let shear else { return scaled }
    var columns = [scaled[columns: 0..<1]]
    var entry = 0
    for row in 1..<axes {
      var value = scaled[columns: row..<(row + 1)]
      for column in 0..<row {
        value -= shear[columns: entry..<(entry + 1)] * columns[column]
        entry += 1
      }
      columns.append(value)
    }
    return .concatenated(columns, axis: 1)
  }
}
