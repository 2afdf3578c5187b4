import PoseRLE

extension PredictedPose {
  /// The levels of the regions that are drawn: larger ones of many joints hide the picture.
  static let drawnLevels = [0.5]

  /// The prediction in pixels of the image, for drawings.
  ///
  /// - Parameters:
  ///   - likelihood: what it is called.
  ///   - levels: of the regions around joints.
  ///   - hasSpread: whether the scales are the network's.
  func reported(
    as likelihood: String, levels: [Double] = drawnLevels, hasSpread: Bool = true
  ) -> ReportPrediction {
    ReportPrediction(
      likelihood: likelihood, joints: keypoints.map(\.position),
      regions: keypoints.map { keypoint in
        levels.map { level in
          ReportRegion(
            level: level, curves: keypoint.density.outline(level: level, resolution: 64).curves)
        }
      },
      spread: hasSpread ? keypoints.map { ($0.scale.x + $0.scale.y) / 2 } : [])
  }

  /// A PNG of the image with the pose drawn over it.
  func overlay(on image: PixelImage) -> [UInt8] {
    OverlayPNG(
      picture: ReportPicture(image), prediction: reported(as: ""),
      skeleton: ReportSkeleton(names: skeleton.names, parents: skeleton.parents)
    ).bytes
  }
}
