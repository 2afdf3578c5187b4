import Flows
import Foundation

/// What a lifter is made of; with the weights it is the whole model.
public struct LiftingArchitecture: Hashable, Sendable, Codable {
  /// The joints.
  public var skeleton: Skeleton
  /// The width of the images in pixels.
  public var imageWidth: Double
  /// The height of the images in pixels.
  public var imageHeight: Double
  /// Under what its errors are likely.
  public var likelihood: KeypointLikelihood
  /// The width of the hidden layers.
  public var width: Int
  /// The number of residual blocks.
  public var blocks: Int
  /// The logit of all scales at the start, which are sigmoid of it, in metres.
  public var scaleLogit: Double
}

/// A lifter: from the joints of a pose in the image to their places in space, with the density of the
/// error.
///
/// Places are in metres, in camera axes, relative to the root joint. The network and the flows of the
/// likelihood are trained together, see ``LiftingTrainer``.
public struct LiftingModel<Scalar: TensorScalar>: Parameterized {
  /// What it is made of.
  public let architecture: LiftingArchitecture
  /// From features to mean and scale.
  public var network: LiftingNetwork<Scalar>
  /// The likelihood with its flows.
  public var loss: KeypointLoss<Scalar>

  /// A model with fresh weights, whose features are not standardised yet.
  public init(_ architecture: LiftingArchitecture, using generator: inout PhiloxGenerator) {
    precondition(
      !architecture.likelihood.hasFullCovariance && architecture.likelihood.flow.sharing.isPlain,
      "a lifter predicts mean and scale of each axis, and no shear or features")
    self.architecture = architecture
    let joints = architecture.skeleton.count
    var own = generator.forked(0)
    network = LiftingNetwork(
      features: 2 * joints + 1, joints: joints, width: architecture.width,
      blocks: architecture.blocks, scaleLogit: architecture.scaleLogit, using: &own)
    own = generator.forked(1)
    loss = KeypointLoss(architecture.likelihood, joints: joints, dimension: 3, using: &own)
    _ = generator.next()
  }

  /// The features of poses: where the root is in the image, in units of half the image's width; where
  /// the other joints are relative to it, in units of the pose's size; and the logarithm of that size,
  /// which says how far away the body is.
  ///
  /// The size is the root mean square of the distances of the other joints from the root.
  ///
  /// - Parameter keypoints: `[n, joints, 2]`, pixels.
  /// - Returns: `[n, 2 · joints + 1]`; the root's place stands where the root would be relative to
  ///   itself, the logarithm at the end.
  public func features(of keypoints: Tensor<Scalar>) -> Tensor<Scalar> {
    let skeleton = architecture.skeleton
    precondition(
      keypoints.rank == 3 && keypoints.shape[1] == skeleton.count && keypoints.shape[2] == 2,
      "keypoints have the shape [n, \(skeleton.count), 2]; got \(keypoints.shape)")
    let poses = keypoints.shape[0]
    let middle = Tensor(
      [Scalar(architecture.imageWidth / 2), Scalar(architecture.imageHeight / 2)])
    let centered = (keypoints - middle) / Scalar(architecture.imageWidth / 2)
    let root = centered.slice(skeleton.root..<skeleton.root + 1, axis: 1)
    let others = (centered - root) * otherJoints
    // Poses whose joints all lie upon each other have a size as well, that of a tenth of a pixel.
    let squares = others.squared().sum(axes: [1, 2]) / Scalar(skeleton.count - 1)
    let least = Scalar(0.2 / architecture.imageWidth)
    let size = sqrt(squares + least * least).reshaped(to: [poses, 1, 1])
    let relative = others / size + root * (1 - otherJoints)
    return .concatenated(
      [relative.reshaped(to: [poses, 2 * skeleton.count]), log(size).reshaped(to: [poses, 1])],
      axis: 1)
  }

  /// Mean and scale of each joint `[n, joints, 3]`, in metres; the mean of the root is 0.
  ///
  /// In the basic design they are those of the flow's latent coordinates.
  ///
  /// - Parameter keypoints: `[n, joints, 2]`, pixels.
  public func callAsFunction(_ keypoints: Tensor<Scalar>) -> KeypointPrediction<Scalar> {
    var prediction = loss.effective(network(features(of: keypoints)))
    prediction.mean = prediction.mean * otherJoints
    return prediction
  }

  /// Where the joints of poses are `[n, joints, 3]`, in metres: the mean, or its image under the flow in
  /// the basic design.
  ///
  /// - Parameter keypoints: `[n, joints, 2]`, pixels.
  public func places(of keypoints: Tensor<Scalar>) -> Tensor<Scalar> {
    places(of: self(keypoints))
  }

  func places(of prediction: KeypointPrediction<Scalar>) -> Tensor<Scalar> {
    guard placeFlow(joint: 0) != nil else { return prediction.mean }
    let images = architecture.skeleton.names.indices.map { index in
      let latent = prediction.mean.slice(index..<index + 1, axis: 1)
        .reshaped(to: [prediction.count, 3])
      return placeFlow(joint: index)?.toData(latent).value ?? latent
    }
    return .stacked(images, axis: 1) * otherJoints
  }

  /// The flow that maps latent coordinates of a joint to places; nil but in the basic design.
  func placeFlow(joint: Int) -> NormalizingFlow<Scalar>? {
    guard architecture.likelihood.shape == .basic else { return nil }
    return loss.flows[loss.flows.count > 1 ? joint : 0]
  }

  /// 1 for each joint but the root, 0 for the root `[joints, 1]`.
  private var otherJoints: Tensor<Scalar> {
    let skeleton = architecture.skeleton
    return Tensor(
      shape: [skeleton.count, 1],
      scalars: skeleton.names.indices.map { $0 == skeleton.root ? 0 : 1 })
  }

  /// The weights of joints in the loss of n poses `[n, joints]`: 0 for the root, whose place relative
  /// to itself is no finding, 1 for the others.
  public func weights(poses: Int) -> Tensor<Scalar> {
    otherJoints.reshaped(to: [1, architecture.skeleton.count])
      .broadcast(to: [poses, architecture.skeleton.count])
  }

  /// Shows the network, then the flows.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("network", &network)
    visitor.visit("loss", &loss)
  }
}

extension KeypointFlow.Sharing {
  /// Whether the flow sees nothing but the error.
  fileprivate var isPlain: Bool {
    if case .features = self { false } else { true }
  }
}
