import Flows

extension JointTable {
  /// The distances ‖p − g‖ of predicted joints from their targets, in the units of the positions or in
  /// units of each pose: MPJPE, PA-MPJPE, N-MPJPE, PCK and PCKh are their means and shares.
  ///
  /// - MPJPE is the mean after `.root(0)` for skeletons whose joint 0 is the pelvis (the root itself
  ///   counts, with an error of 0); PA-MPJPE that after `.similarity`; N-MPJPE that after `.scale`
  ///   of root-relative positions.
  /// - PCK at τ is the mean of `within(τ)` of distances in units of, say, the longer side of the
  ///   person's box or the diagonal of the torso; PCKh has the sizes of heads as units
  ///   (``headSizes(ofBoxes:)``), τ = 0.5, and on MPII leaves out joints 6 and 7, pelvis and thorax.
  ///   A distance equal to the threshold is a hit, as in HRNet's evaluation (mmpose has <).
  ///
  /// - Parameters:
  ///   - predicted: `[n, K, D]`, in any dimension.
  ///   - target: `[n, K, D]`.
  ///   - weights: `[n, K]`; joints of weight 0 take no part, in alignments either, and their
  ///     positions may be anything. All count alike if nil.
  ///   - alignment: what is taken out of each pose before it is measured.
  ///   - units: `[n]`, the length of the unit of each pose; 1 if nil.
  /// - Throws: ``PoseError`` of kind `.invalidData` with the place, where a position that counts is
  ///   not finite, a unit not positive and finite, or the root of a pose has the weight 0.
  /// - Precondition: the shapes are those.
  ///
  /// Source: HRNet `lib/dataset/mpii.py` (PCKh); VideoPose3D `common/loss.py` (MPJPE and its kin).
  public init<Scalar: TensorScalar>(
    distancesOf predicted: Tensor<Scalar>, to target: Tensor<Scalar>,
    weights: Tensor<Scalar>? = nil, aligned alignment: PoseAlignment = .none,
    in units: [Double]? = nil
  ) throws(PoseError) {
    precondition(
      predicted.rank == 3 && predicted.shape == target.shape,
      "predicted and target positions are [n, K, D]; got \(predicted.shape), \(target.shape)")
    let (n, joints, dimension) = (target.shape[0], target.shape[1], target.shape[2])
    precondition(
      (weights?.shape ?? [n, joints]) == [n, joints],
      "weights are \([n, joints]); got \(weights?.shape ?? [])")
    precondition((units?.count ?? n) == n, "every one of \(n) poses has a unit")
    let p = Tensor<Double>(predicted).scalars
    let g = Tensor<Double>(target).scalars
    let w =
      weights.map { Tensor<Double>($0).scalars } ?? Array(repeating: 1, count: n * joints)
    var distances = [Double](repeating: 0, count: n * joints)
    for pose in 0..<n {
      let counted = (0..<joints).filter { w[pose * joints + $0] > 0 }
      for joint in counted {
        for axis in 0..<dimension {
          let index = (pose * joints + joint) * dimension + axis
          try Self.requireFinite(p[index], "predicted", [pose, joint, axis])
          try Self.requireFinite(g[index], "target", [pose, joint, axis])
        }
      }
      let unit = units?[pose] ?? 1
      guard counted.isEmpty || (unit > 0 && unit.isFinite) else {
        throw PoseError(.invalidData, "the unit \(unit) is not a length", path: "units[\(pose)]")
      }
      func point(_ positions: [Double], _ joint: Int) -> [Double] {
        let start = (pose * joints + joint) * dimension
        return Array(positions[start..<start + dimension])
      }
      if let root = alignment.root, !counted.isEmpty, !counted.contains(root) {
        throw PoseError(
          .invalidData, "the root, joint \(root), is not labelled",
          path: "weights[\(pose), \(root)]")
      }
      let pair = alignment.align(
        counted.map { point(p, $0) }, counted.map { point(g, $0) },
        root: alignment.root.flatMap(counted.firstIndex(of:)))
      for (place, joint) in counted.enumerated() {
        distances[pose * joints + joint] =
          PoseAlignment.distance(pair.predicted[place], pair.target[place]) / unit
      }
    }
    self.init(poseCount: n, jointCount: joints, values: distances, weights: w)
  }

  private static func requireFinite(
    _ value: Double, _ name: String, _ indices: [Int]
  ) throws(PoseError) {
    if !value.isFinite {
      throw PoseError(.invalidData, "is not finite", path: "\(name)\(indices)")
    }
  }

  /// The sizes of heads on MPII, 0.6 times the diagonal of the head's box: the units of PCKh.
  ///
  /// - Parameter boxes: x1, y1, x2, y2 of each box.
  /// - Throws: ``PoseError`` of kind `.invalidData` where a box is not four finite numbers with
  ///   different corners.
  public static func headSizes(ofBoxes boxes: [[Double]]) throws(PoseError) -> [Double] {
    var sizes: [Double] = []
    for (index, box) in boxes.enumerated() {
      let size =
        box.count == 4
        ? 0.6 * PoseAlignment.distance([box[0], box[1]], [box[2], box[3]]) : .nan
      guard size > 0, size.isFinite else {
        throw PoseError(.invalidData, "\(box) is no head box", path: "boxes[\(index)]")
      }
      sizes.append(size)
    }
    return sizes
  }
}
