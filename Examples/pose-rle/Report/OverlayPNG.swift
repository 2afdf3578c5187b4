import FlowCharts

/// A picture with a predicted skeleton and its regions drawn over it, as a PNG file.
struct OverlayPNG {
  let picture: ReportPicture
  let predictions: [ReportPrediction]
  /// The labels, where they are known; may be empty.
  let truth: [ReportJoint]
  let skeleton: ReportSkeleton
  /// The length in pixels that the longer side of a small picture is enlarged to, at least.
  var size = 384

  /// The overlay of one or several persons in a picture.
  init(
    picture: ReportPicture, predictions: [ReportPrediction], truth: [ReportJoint] = [],
    skeleton: ReportSkeleton
  ) {
    self.picture = picture
    self.predictions = predictions
    self.truth = truth
    self.skeleton = skeleton
  }

  /// The overlay of one person.
  init(
    picture: ReportPicture, prediction: ReportPrediction, truth: [ReportJoint] = [],
    skeleton: ReportSkeleton
  ) {
    self.init(picture: picture, predictions: [prediction], truth: truth, skeleton: skeleton)
  }

  /// How many pixels of the file a pixel of the picture takes.
  var factor: Int {
    let side = max(picture.width, picture.height)
    return max(1, (size + side - 1) / side)
  }

  /// The PNG file.
  var bytes: [UInt8] {
    var canvas = Canvas(
      width: picture.width, height: picture.height, channels: picture.channels,
      bytes: picture.bytes, enlargedBy: factor)
    for prediction in predictions { drawRegions(prediction, on: &canvas) }
    drawTruth(on: &canvas)
    for prediction in predictions { drawSkeleton(prediction, on: &canvas) }
    return canvas.pngData()
  }

  /// The thickness of a thin line: it grows with the file, so that large photos stay readable.
  private var line: Double {
    max(1.2, Double(max(picture.width, picture.height) * factor) / 320)
  }

  private func place(_ point: SIMD2<Double>) -> Point {
    Point(x: point.x * Double(factor), y: point.y * Double(factor))
  }

  private func drawRegions(_ prediction: ReportPrediction, on canvas: inout Canvas) {
    for (joint, regions) in prediction.regions.enumerated() {
      let color = PoseColors.color(skeleton.side(joint))
      for region in regions.sorted(by: { $0.level > $1.level }) {
        let curves = region.curves.map { $0.map(place) }
        canvas.fill(curves, color: color, opacity: 0.16)
        for curve in curves {
          canvas.drawPolyline(
            curve + curve.prefix(1), stroke: Stroke(color: color, width: line * 0.8, opacity: 0.8))
        }
      }
    }
  }

  private func drawTruth(on canvas: inout Canvas) {
    func isKnown(_ joint: Int) -> Bool { truth.indices.contains(joint) && truth[joint].isKnown }
    let limbs = skeleton.edges.filter { isKnown($0.0) && isKnown($0.1) }.map {
      [place(truth[$0.0].position), place(truth[$0.1].position)]
    }
    for stroke in [
      Stroke(color: .black, width: line * 2.4, opacity: 0.6),
      Stroke(color: .white, width: line * 1.1),
    ] {
      for limb in limbs { canvas.drawPolyline(limb, stroke: stroke) }
    }
    for joint in truth where joint.isKnown {
      canvas.fillCircle(center: place(joint.position), radius: line * 1.9, color: .black)
      canvas.fillCircle(center: place(joint.position), radius: line * 1.3, color: .white)
    }
  }

  private func drawSkeleton(_ prediction: ReportPrediction, on canvas: inout Canvas) {
    let joints = prediction.joints
    let limbs = skeleton.edges.filter {
      joints.indices.contains($0.0) && joints.indices.contains($0.1)
    }
    for (width, opacity, isCasing) in [(line * 3.6, 0.5, true), (line * 2.2, 1.0, false)] {
      for limb in limbs {
        let color = isCasing ? Color.black : PoseColors.color(skeleton.side(limb))
        canvas.drawPolyline(
          [place(joints[limb.0]), place(joints[limb.1])],
          stroke: Stroke(color: color, width: width, opacity: opacity))
      }
    }
    for (joint, position) in joints.enumerated() {
      canvas.fillCircle(center: place(position), radius: line * 2.7, color: .black, opacity: 0.75)
      canvas.fillCircle(
        center: place(position), radius: line * 2.1, color: PoseColors.color(skeleton.side(joint)))
    }
  }
}
