import Flows

/// The pose that a model sees in a box of an image, in pixels of the image.
public struct PredictedPose: Sendable {
  /// One joint.
  public struct Keypoint: Sendable {
    /// What it is called.
    public let name: String
    /// Where it is reported.
    public let position: SIMD2<Double>
    /// σ̂ along x and y.
    ///
    /// It says how sure the model is compared with other joints; what it is worth in
    /// pixels of error ``density`` says.
    public let scale: SIMD2<Double>
    /// The confidence as published, mean_d (1 − σ̂_d) with σ̂ in shares of the crop.
    public let score: Double
    /// The calibrated density of where it is: regions, quantiles, probabilities.
    public let density: KeypointDensity<Float>
  }

  /// The joints in the order of the skeleton.
  public let keypoints: [Keypoint]
  /// The part of the image that was looked at.
  public let crop: Crop
  /// How joints are called and joined.
  public let skeleton: Skeleton

  /// The confidence of the pose as published, 1 − mean σ̂ (Li et al., ICCV 2021, equation 9).
  public var score: Double {
    keypoints.reduce(0) { $0 + $1.score } / Double(Swift.max(1, keypoints.count))
  }
}

extension PosePredictor {
  /// The pose in a box of an image.
  ///
  /// - Parameters:
  ///   - image: the image.
  ///   - box: x, y of the upper left corner, width, height, in pixels of the image.
  ///   - padding: what width and height are multiplied by, as in training.
  /// - Throws: ``PoseError`` of kind `invalidData` where the box is no box.
  public func predict(_ image: PixelImage, box: SIMD4<Double>, padding: Double = 1.25) throws
    -> PredictedPose
  {
    let poses = try predict([(image, box)], padding: padding)
    return poses[0]
  }

  /// The poses in boxes of images, in one forward pass.
  ///
  /// - Parameters:
  ///   - boxes: each image with a box, as above.
  ///   - padding: what widths and heights are multiplied by.
  /// - Throws: ``PoseError`` of kind `invalidData` where a box is no box.
  public func predict(
    _ boxes: [(image: PixelImage, box: SIMD4<Double>)], padding: Double = 1.25
  ) throws -> [PredictedPose] {
    guard !boxes.isEmpty else { return [] }
    let input = model.architecture.input
    let crops = try boxes.map { _, box in
      try Crop(
        x: box.x, y: box.y, width: box.z, height: box.w, size: input.size, padding: padding)
    }
    let images = Tensor<Float>.concatenated(
      zip(boxes, crops).map { $0.image.cropped([$1], to: input) })
    let predictions = self(images)
    let scores = predictions.jointScores
    let positions = Tensor<Double>(predictions.reported.values)
    // Crops are upright, so that a density in the image is one in the crop, moved and scaled by axis.
    let extents = Tensor<Float>(
      shape: [crops.count, 1, 2],
      scalars: crops.flatMap { [Float($0.extent.x), Float($0.extent.y)] })
    let inImage = PosePredictions(
      prediction: KeypointPrediction(
        mean: KeypointPositions<Centered, Float>(predictions.prediction.mean).inImage(crops).values,
        logScale: predictions.prediction.logScale + log(extents)),
      reported: predictions.reported)
    let density = try density(of: inImage)
    let skeleton = model.architecture.skeleton
    return crops.enumerated().map { pose, crop in
      let keypoints = skeleton.names.enumerated().map { joint, name in
        let place = SIMD2(positions[pose, joint, 0], positions[pose, joint, 1])
        let size = SIMD2(Double(input.size.width), Double(input.size.height))
        let scale = predictions.prediction.scale
        return PredictedPose.Keypoint(
          name: name, position: crop.toImage((place + 0.5) * size),
          scale: SIMD2(Double(scale[pose, joint, 0]), Double(scale[pose, joint, 1])) * crop.extent,
          score: Double(scores[pose, joint]), density: density[pose, joint])
      }
      return PredictedPose(keypoints: keypoints, crop: crop, skeleton: skeleton)
    }
  }
}
