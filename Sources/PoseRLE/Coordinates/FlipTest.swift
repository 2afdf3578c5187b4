import Flows

/// Where a coordinate goes when an image is mirrored: x → W − x − pixels in a crop W pixels wide.
///
/// An image is mirrored by reversing its rows of pixels: index i becomes W − 1 − i. What that does
/// to a coordinate depends on where the centre of pixel i is said to lie:
/// - at i + ½, so that a pixel is the area from i to i + 1: x → W − x (``continuous``);
/// - at i: x → W − 1 − x, as published (``released(cropWidth:)``, ``mmpose(inputWidth:)``).
///
/// A crop resampled by OpenCV's `warpAffine` with the map of ``Crop`` has pixel centres at whole
/// numbers, and models trained on it expect the second.
public struct FlipRule: Hashable, Sendable, Codable {
  /// What W − x is reduced by, as a share of the crop's width.
  public let shift: Double

  private init(shift: Double) { self.shift = shift }

  /// x → W − x: pixels are areas.
  public static let continuous = FlipRule(shift: 0)

  /// The released code, u → −u − 1 / (4 · heatmap width), where 4 · heatmap width is the crop's width.
  public static func released(cropWidth: Int) -> FlipRule { oneOver(cropWidth) }

  /// mmpose with `shift_coords`, u → 1 − u − 1 / W.
  public static func mmpose(inputWidth: Int) -> FlipRule { oneOver(inputWidth) }

  private static func oneOver(_ width: Int) -> FlipRule {
    precondition(width > 0, "a crop has a positive width; got \(width)")
    return FlipRule(shift: 1 / Double(width))
  }
}

extension KeypointPositions where Frame: NormalizedFrame {
  /// The positions in the mirrored crop: x is mirrored, and left and right joints swap.
  ///
  /// u → 1 − 2 · origin − u − shift.
  public func mirrored(_ skeleton: Skeleton, rule: FlipRule = .continuous) -> KeypointPositions {
    checkJoints(values, skeleton)
    let swapped = values.gathering(skeleton.mirrored, axis: 1)
    let signs = Tensor((0..<dimension).map { $0 == 0 ? Scalar(-1) : 1 })
    let offset = Scalar(1 - 2 * Frame.origin - rule.shift)
    return .init(swapped * signs + Tensor((0..<dimension).map { $0 == 0 ? offset : 0 }))
  }

  /// The mean of a prediction and that for the mirrored crop, which is mirrored back first.
  public func averaged(
    withFlipped flipped: KeypointPositions, _ skeleton: Skeleton, rule: FlipRule = .continuous
  ) -> KeypointPositions {
    .init((values + flipped.mirrored(skeleton, rule: rule).values) * 0.5)
  }
}

extension KeypointSpreads where Frame: NormalizedFrame {
  /// The spreads in the mirrored crop: left and right joints swap, and L becomes M L M with
  /// M = diag(−1, 1, …).
  ///
  /// A diagonal factor is only swapped.
  public func mirrored(_ skeleton: Skeleton) -> KeypointSpreads {
    checkJoints(factor, skeleton)
    var signs = Tensor<Scalar>.ones([dimension, dimension])
    signs.withMutableScalars { scalars in
      for index in 1..<dimension {
        scalars[index] = -1
        scalars[index * dimension] = -1
      }
    }
    return .init(factor: factor.gathering(skeleton.mirrored, axis: 1) * signs)
  }

  /// The mean factor of a prediction and that for the mirrored crop, which is mirrored back first.
  ///
  /// For diagonal factors that is the mean of the two σ, as in mmpose. The released code averages
  /// scores, and does not swap the σ of left and right joints.
  public func averaged(withFlipped flipped: KeypointSpreads, _ skeleton: Skeleton)
    -> KeypointSpreads
  {
    .init(factor: (factor + flipped.mirrored(skeleton).factor) * 0.5)
  }
}

private func checkJoints<S: TensorScalar>(_ tensor: Tensor<S>, _ skeleton: Skeleton) {
  precondition(
    tensor.shape[1] == skeleton.count,
    "the skeleton has \(skeleton.count) joints; got the shape \(tensor.shape)")
}
