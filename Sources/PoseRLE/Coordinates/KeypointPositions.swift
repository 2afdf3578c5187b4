import Flows

/// Positions of K joints of n poses in a convention that is part of the type.
///
/// ```swift
/// let output = head(features)
/// let inCrop = KeypointPositions<Centered, Float>(output.mean)
/// let inImage = inCrop.inImage(crops)  // KeypointPositions<ImagePixels, Float>
/// ```
///
/// Conversions are differentiable tensor operations.
public struct KeypointPositions<Frame: CoordinateFrame, Scalar: TensorScalar>: Sendable, Equatable {
  /// `[n, K, D]`, D = 2 or 3.
  public var values: Tensor<Scalar>

  /// Positions `[n, K, D]` that are known to be of this convention.
  public init(_ values: Tensor<Scalar>) {
    precondition(
      values.rank == 3 && (2...3).contains(values.shape[2]),
      "positions have the shape [poses, joints, 2 or 3]; got \(values.shape)")
    self.values = values
  }

  /// D.
  public var dimension: Int { values.shape[2] }

  /// Euclidean distances to other positions of the same convention, `[n, K]`.
  ///
  /// In three dimensions of pixel frames they would mix pixels and millimetres, so that only x and y
  /// count.
  public func planarDistances(to other: KeypointPositions) -> Tensor<Scalar> {
    sqrt((values - other.values)[columns: 0..<2].squared().sum(axis: 2))
  }
}

extension KeypointPositions where Frame: NormalizedFrame {
  /// The same positions counted from another origin.
  public func converted<Other: NormalizedFrame>(to other: Other.Type = Other.self)
    -> KeypointPositions<Other, Scalar>
  {
    let shift = Scalar(Frame.origin - Other.origin)
    return .init(shift == 0 ? values : values + planar(shift, dimension))
  }

  /// Pixels of a crop: x = (u + origin) · W.
  public func inPixels(of size: CropSize) -> KeypointPositions<CropPixels, Scalar> {
    .init(
      (values + planar(Scalar(Frame.origin), dimension)) * Tensor(size.factors(dimension)))
  }

  /// Pixels of the images that the crops were taken from, one crop for each pose.
  public func inImage(_ crops: [Crop]) -> KeypointPositions<ImagePixels, Scalar> {
    .init(
      (values + planar(Scalar(Frame.origin), dimension))
        * cropFactors(crops, poses: values.shape[0], dimension)
    ).moved(by: crops.map(\.toImage))
  }
}

extension KeypointPositions where Frame == CropPixels {
  /// Shares of the crop: u = x / W − origin.
  public func normalized<Other: NormalizedFrame>(
    by size: CropSize, to other: Other.Type = Other.self
  ) -> KeypointPositions<Other, Scalar> {
    .init(values / Tensor(size.factors(dimension)) - planar(Scalar(Other.origin), dimension))
  }

  /// Pixels of the images that the crops were taken from, one crop for each pose.
  public func inImage(_ crops: [Crop]) -> KeypointPositions<ImagePixels, Scalar> {
    KeypointPositions<ImagePixels, Scalar>(values).moved(by: crops.map(\.toImage))
  }
}

extension KeypointPositions where Frame == ImagePixels {
  /// Pixels of crops, one for each pose.
  public func inCrops(_ crops: [Crop]) -> KeypointPositions<CropPixels, Scalar> {
    .init(moved(by: crops.map(\.toCrop)).values)
  }

  /// Shares of crops, one for each pose: what a network is trained on.
  public func normalized<Other: NormalizedFrame>(
    by crops: [Crop], to other: Other.Type = Other.self
  ) -> KeypointPositions<Other, Scalar> {
    let inCrops = inCrops(crops).values
    return .init(
      inCrops / cropFactors(crops, poses: values.shape[0], dimension)
        - planar(Scalar(Other.origin), dimension))
  }

  fileprivate func moved(by maps: [PlaneMap]) -> KeypointPositions {
    let linear = linearPart(maps, of: values.expanded(axis: 3)).squeezed(axis: 3)
    let shifts = maps.flatMap { map -> ArraySlice<Scalar> in
      [Scalar(map.shift.x), Scalar(map.shift.y), 0].prefix(dimension)
    }
    return .init(linear + Tensor(shape: [maps.count, 1, dimension], scalars: shifts))
  }
}

/// W, H and depth of each pose's crop, `[n, 1, D]`.
func cropFactors<S: TensorScalar>(_ crops: [Crop], poses: Int, _ dimension: Int) -> Tensor<S> {
  precondition(
    crops.count == poses, "there is one crop for each of \(poses) poses; got \(crops.count)")
  return Tensor(
    shape: [poses, 1, dimension], scalars: crops.flatMap { $0.size.factors(dimension) })
}

/// The linear part of one map for each pose on vectors `[n, K, D, m]` along the third axis; depth
/// stays as it is.
func linearPart<S: TensorScalar>(_ maps: [PlaneMap], of vectors: Tensor<S>) -> Tensor<S> {
  let (poses, dimension) = (vectors.shape[0], vectors.shape[2])
  precondition(
    maps.count == poses, "there is one crop for each of \(poses) poses; got \(maps.count)")
  func entries(_ entry: (PlaneMap) -> Double) -> Tensor<S> {
    Tensor(shape: [poses, 1, 1, 1], scalars: maps.map { S(entry($0)) })
  }
  let (x, y) = (vectors.slice(0..<1, axis: 2), vectors.slice(1..<2, axis: 2))
  let rows = [
    entries(\.xx) * x + entries(\.xy) * y, entries(\.yx) * x + entries(\.yy) * y,
    vectors.slice(2..<dimension, axis: 2),
  ]
  return .concatenated(Array(rows.prefix(dimension)), axis: 2)
}
