import Flows

/// Where the joints of n poses are, and how much each counts.
public struct KeypointLabels<Scalar: TensorScalar>: Sendable {
  /// g `[n, joints, D]`; what stands at joints of weight 0 is never looked at.
  public let positions: Tensor<Scalar>

  /// The weight of each joint `[n, joints]`, 0 where it is not labelled; nil where all count alike.
  public let weights: Tensor<Scalar>?

  /// For D = 3, 1 where the depth of a joint is labelled and 0 where only the first two axes are
  /// `[n, joints]`; nil where all depths are.
  public let hasDepth: Tensor<Scalar>?

  /// Labels with their weights.
  ///
  /// - Precondition: weights are finite and not negative; depths are 0 or 1, and all 1 unless D = 3.
  public init(
    positions: Tensor<Scalar>, weights: Tensor<Scalar>? = nil, hasDepth: Tensor<Scalar>? = nil
  ) {
    precondition(
      positions.rank == 3, "labels have the shape [n, joints, axes]; got \(positions.shape)")
    let shape = [positions.shape[0], positions.shape[1]]
    precondition(
      weights.map { $0.shape == shape } ?? true,
      "weights have the shape \(shape); got \(weights?.shape ?? [])")
    precondition(
      hasDepth.map { $0.shape == shape } ?? true,
      "depth flags have the shape \(shape); got \(hasDepth?.shape ?? [])")
    precondition(
      hasDepth == nil || positions.shape[2] == 3, "only labels of three axes can lack a depth")
    precondition(
      weights?.withScalars { $0.allSatisfy { $0 >= 0 && $0.isFinite } } ?? true,
      "weights are finite and not negative")
    precondition(
      hasDepth?.withScalars { $0.allSatisfy { $0 == 0 || $0 == 1 } } ?? true,
      "depth flags are 0 or 1")
    self.init(unchecked: positions, weights, hasDepth)
  }

  private init(
    unchecked positions: Tensor<Scalar>, _ weights: Tensor<Scalar>?, _ hasDepth: Tensor<Scalar>?
  ) {
    self.positions = positions
    self.weights = weights
    self.hasDepth = hasDepth
  }

  /// The number of poses.
  public var count: Int { positions.shape[0] }
  /// The number of joints.
  public var joints: Int { positions.shape[1] }
  /// The number of axes of a joint.
  public var dimension: Int { positions.shape[2] }

  /// Some of the poses.
  public subscript(rows range: Range<Int>) -> KeypointLabels {
    KeypointLabels(unchecked: positions[rows: range], weights?[rows: range], hasDepth?[rows: range])
  }

  /// The same labels with weights c·w, so that Σ c·w·loss is what the reduction says.
  ///
  /// A batch is reduced once, before it is cut into tiles.
  func reduced(by reduction: KeypointLikelihood.Reduction) -> KeypointLabels {
    let given = weights ?? .ones([count, joints])
    let reduced: Tensor<Scalar>
    switch reduction {
    case .meanOverImages: reduced = given / Scalar(Swift.max(1, count))
    case .meanOverJoints:
      let total = given.sum().scalar
      reduced = total > 0 ? given / total : given
    case .meanOverJointsThenImages:
      let sums = given.sum(axis: 1, keepingAxis: true)
      let images = sums.withScalars { $0.lazy.filter { $0 > 0 }.count }
      let divisors = Tensor.select(where: sums .> 0, sums, else: .ones(sums.shape))
      reduced = given / divisors / Scalar(Swift.max(1, images))
    }
    return KeypointLabels(unchecked: positions, reduced, hasDepth)
  }
}
