import FlowCharts
import PoseRLE

/// The pixels of a picture, rows from the top.
struct ReportPicture: Sendable {
  var width: Int
  var height: Int
  /// 1 for grey, 3 for red, green, blue.
  var channels: Int
  var bytes: [UInt8]

  init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    precondition(
      width > 0 && height > 0 && (channels == 1 || channels == 3)
        && bytes.count == width * height * channels,
      "a picture has width · height · channels bytes, of 1 or 3 channels")
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }

  init(_ image: PixelImage) {
    self.init(
      width: image.width, height: image.height, channels: image.channels, bytes: image.bytes)
  }

  /// A PNG file.
  var png: [UInt8] {
    PNGEncoder(format: channels == 1 ? .gray : .rgb)
      .encode(width: width, height: height, pixels: bytes)
  }
}

/// A labelled keypoint, in pixels of its picture.
struct ReportJoint: Sendable {
  var position: SIMD2<Double>
  /// 0: not labelled, 1: labelled but hidden, 2: visible.
  var visibility: Int
  /// Whether its error is one of the picture's: not where it lies outside of the crop.
  var counts = true

  init(_ position: SIMD2<Double>, visibility: Int = 2) {
    self.position = position
    self.visibility = visibility
  }

  /// Whether there is a place to draw.
  var isKnown: Bool { visibility > 0 && position.x.isFinite && position.y.isFinite }
}

/// A region that holds a keypoint with some probability.
struct ReportRegion: Sendable {
  /// The probability.
  var level: Double
  /// Closed curves in pixels of the picture; a point is inside by the even-odd rule.
  var curves: [[SIMD2<Double>]]
}

/// What one likelihood makes of a picture.
struct ReportPrediction: Sendable {
  var likelihood: String
  /// A place for each keypoint, in pixels of the picture.
  var joints: [SIMD2<Double>]
  /// For each keypoint its regions; may be empty.
  var regions: [[ReportRegion]] = []
  /// The predicted spread of each keypoint in pixels; may be empty.
  var spread: [Double] = []

  init(
    likelihood: String, joints: [SIMD2<Double>], regions: [[ReportRegion]] = [],
    spread: [Double] = []
  ) {
    self.likelihood = likelihood
    self.joints = joints
    self.regions = regions
    self.spread = spread
  }

  /// The mean of the spreads; none without any.
  var meanSpread: Double? {
    let known = spread.filter(\.isFinite)
    return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
  }

  /// The mean distance to the labelled keypoints that count, in pixels; none without labels.
  func meanError(from truth: [ReportJoint]) -> Double? {
    let distances = zip(joints, truth).compactMap { joint, label -> Double? in
      guard label.isKnown, label.counts, joint.x.isFinite, joint.y.isFinite else { return nil }
      let way = joint - label.position
      return (way * way).sum().squareRoot()
    }
    return distances.isEmpty ? nil : distances.reduce(0, +) / Double(distances.count)
  }
}

/// A picture with what is true and what was predicted.
struct ReportSample: Sendable {
  var name: String
  var picture: ReportPicture
  var truth: [ReportJoint]
  /// One for each likelihood, side by side.
  var predictions: [ReportPrediction]
  /// A remark below the picture.
  var note = ""

  init(
    name: String, picture: ReportPicture, truth: [ReportJoint], predictions: [ReportPrediction],
    note: String = ""
  ) {
    self.name = name
    self.picture = picture
    self.truth = truth
    self.predictions = predictions
    self.note = note
  }
}
