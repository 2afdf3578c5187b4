import Flows

/// How far joints spread around their positions, in a convention that is part of the type.
///
/// Kept as a factor L, `[n, K, D, D]`, of the covariance Σ = L Lᵀ: a joint lies at μ + L x̄ with x̄ a
/// draw of the standardised error. It starts as diag(σ), or diag(σ) U where a head gives shears;
/// a map with the linear part A makes it A L. Where a crop was rotated, or a crop's width
/// and height are scaled differently, A diag(σ) is not diagonal, so that σ alone would not do.
///
/// Two normalised conventions differ by a shift, which changes no spread.
public struct KeypointSpreads<Frame: CoordinateFrame, Scalar: TensorScalar>: Sendable, Equatable {
  /// L, `[n, K, D, D]`.
  public var factor: Tensor<Scalar>

  /// Spreads from factors L, `[n, K, D, D]`.
  public init(factor: Tensor<Scalar>) {
    precondition(
      factor.rank == 4 && (2...3).contains(factor.shape[2]) && factor.shape[2] == factor.shape[3],
      "factors have the shape [poses, joints, D, D] with D = 2 or 3; got \(factor.shape)")
    self.factor = factor
  }

  /// Spreads diag(σ), or diag(σ) U, from scales σ `[n, K, D]` and factors U `[n, K, D, D]`.
  public init(scale: Tensor<Scalar>, unitFactor: Tensor<Scalar>? = nil) {
    precondition(scale.rank == 3, "scales have the shape [poses, joints, D]; got \(scale.shape)")
    self.init(
      factor: scale.expanded(axis: 3) * (unitFactor ?? .identity(scale.shape[2])))
  }

  /// D.
  public var dimension: Int { factor.shape[2] }

  /// Σ = L Lᵀ, `[n, K, D, D]`; the covariance itself where x̄ has the unit matrix for one.
  public var covariance: Tensor<Scalar> {
    (factor.expanded(axis: 3) * factor.expanded(axis: 2)).sum(axis: 4)
  }

  /// √Σ_dd of each axis, `[n, K, D]`; σ where L is diagonal.
  ///
  /// The norm of each row of L.
  public var scale: Tensor<Scalar> { sqrt(factor.squared().sum(axis: 3)) }
}

extension KeypointSpreads where Frame: NormalizedFrame {
  /// The same spreads beside positions counted from another origin.
  public func converted<Other: NormalizedFrame>(to other: Other.Type = Other.self)
    -> KeypointSpreads<Other, Scalar>
  {
    .init(factor: factor)
  }

  /// In pixels of a crop: diag(W, H, depth) L.
  public func inPixels(of size: CropSize) -> KeypointSpreads<CropPixels, Scalar> {
    .init(factor: factor * Tensor(size.factors(dimension)).expanded(axis: 1))
  }

  /// In pixels of the images that the crops were taken from, one crop for each pose.
  public func inImage(_ crops: [Crop]) -> KeypointSpreads<ImagePixels, Scalar> {
    let factors: Tensor<Scalar> = cropFactors(crops, poses: factor.shape[0], dimension)
    return .init(
      factor: linearPart(crops.map(\.toImage), of: factor * factors.expanded(axis: 3)))
  }
}

extension KeypointSpreads where Frame == CropPixels {
  /// As shares of the crop.
  public func normalized<Other: NormalizedFrame>(
    by size: CropSize, to other: Other.Type = Other.self
  ) -> KeypointSpreads<Other, Scalar> {
    .init(factor: factor / Tensor(size.factors(dimension)).expanded(axis: 1))
  }

  /// In pixels of the images that the crops were taken from, one crop for each pose.
  public func inImage(_ crops: [Crop]) -> KeypointSpreads<ImagePixels, Scalar> {
    .init(factor: linearPart(crops.map(\.toImage), of: factor))
  }
}

extension KeypointSpreads where Frame == ImagePixels {
  /// In pixels of crops, one for each pose.
  public func inCrops(_ crops: [Crop]) -> KeypointSpreads<CropPixels, Scalar> {
    .init(factor: linearPart(crops.map(\.toCrop), of: factor))
  }
}
