import FlowCharts

/// One picture with skeletons and regions, as SVG over the embedded pixels.
struct PoseDrawing {
  let sample: ReportSample
  let prediction: ReportPrediction?
  let skeleton: ReportSkeleton
  /// The name of the picture within the page.
  let imageID: String
  /// Whether the pixels stand here; else they are those of an earlier drawing.
  let holdsImage: Bool
  /// Whether lines lead from each truth to its prediction.
  let showsMisses: Bool

  private var picture: ReportPicture { sample.picture }
  /// A hundredth of the longer side; lines keep their share of the picture at any size.
  private var unit: Double { Double(max(picture.width, picture.height)) / 100 }

  var html: HTML {
    HTML(
      "svg",
      [
        "class": "pose", "viewBox": "0 0 \(picture.width) \(picture.height)", "role": "img",
        "aria-label": "\(sample.name), \(prediction?.likelihood ?? "truth")",
      ]
    ) {
      if holdsImage {
        HTML(
          "image",
          [
            "id": imageID, "width": "\(picture.width)", "height": "\(picture.height)",
            "href": Base64.address(ofPNG: picture.png),
          ])
      } else {
        HTML("use", ["href": "#" + imageID])
      }
      if let prediction {
        regions(prediction)
        if showsMisses { misses(prediction) }
      }
      truth
      if let prediction { guess(prediction) }
    }
  }

  private func number(_ value: Double) -> String { SVGPath.number(value) }

  private func point(_ place: SIMD2<Double>) -> Point { Point(x: place.x, y: place.y) }

  // MARK: - Regions

  private func regions(_ prediction: ReportPrediction) -> HTML {
    var pieces: [HTML] = []
    let levels = Set(prediction.regions.joined().map(\.level)).sorted(by: >)
    for level in levels {
      var paths: [HTML] = []
      for (joint, regions) in prediction.regions.enumerated() {
        for region in regions where region.level == level {
          let data = SVGPath.data(region.curves.map { $0.map(point) }, closed: true)
          guard !data.isEmpty else { continue }
          paths.append(HTML("path", ["class": skeleton.side(joint).rawValue, "d": data]))
        }
      }
      let isInner = level == levels.last && levels.count > 1
      pieces.append(
        HTML(
          "g",
          [
            "class": isInner ? "region inner" : "region outer", "stroke-width": number(0.5 * unit),
          ]
        ) { paths })
    }
    return HTML(pieces)
  }

  private func misses(_ prediction: ReportPrediction) -> HTML {
    let lines = zip(sample.truth, prediction.joints).compactMap { label, joint in
      label.isKnown ? [point(label.position), point(joint)] : nil
    }
    return HTML(
      "path",
      [
        "class": "miss", "d": SVGPath.data(lines), "stroke-width": number(0.9 * unit),
        "stroke-dasharray": "\(number(1.4 * unit)) \(number(1.8 * unit))",
      ])
  }

  // MARK: - Skeletons

  private var truth: HTML {
    let labels = sample.truth
    func isKnown(_ joint: Int) -> Bool { labels.indices.contains(joint) && labels[joint].isKnown }
    let limbs = skeleton.edges.filter { isKnown($0.0) && isKnown($0.1) }.map {
      [point(labels[$0.0].position), point(labels[$0.1].position)]
    }
    let dots = labels.filter(\.isKnown).map { dot(at: point($0.position), radius: 0.9) }
    let data = SVGPath.data(limbs)
    return HTML("g", ["class": "truth"]) {
      HTML("path", ["class": "under", "d": data, "stroke-width": number(1.7 * unit)])
      HTML("path", ["class": "over", "d": data, "stroke-width": number(0.8 * unit)])
      dots
    }
  }

  private func guess(_ prediction: ReportPrediction) -> HTML {
    let joints = prediction.joints
    let edges = skeleton.edges.filter {
      joints.indices.contains($0.0) && joints.indices.contains($0.1)
    }
    func data(_ side: ReportSide?) -> String {
      SVGPath.data(
        edges.filter { side == nil || skeleton.side($0) == side }
          .map { [point(joints[$0.0]), point(joints[$0.1])] })
    }
    return HTML("g", ["class": "guess"]) {
      HTML("path", ["class": "under", "d": data(nil), "stroke-width": number(2.3 * unit)])
      for side in ReportSide.allCases {
        HTML(
          "path", ["class": side.rawValue, "d": data(side), "stroke-width": number(1.35 * unit)])
      }
      for (joint, place) in joints.enumerated() where place.x.isFinite && place.y.isFinite {
        dot(at: point(place), radius: 1.35, side: skeleton.side(joint), title: title(joint))
      }
    }
  }

  private func dot(
    at place: Point, radius: Double, side: ReportSide? = nil, title: String? = nil
  ) -> HTML {
    HTML(
      "circle",
      [
        "class": side?.rawValue, "cx": number(place.x), "cy": number(place.y),
        "r": number(radius * unit), "stroke-width": number(0.4 * unit),
      ]
    ) {
      if let title { HTML("title") { title } }
    }
  }

  /// What a keypoint says under the pointer.
  private func title(_ joint: Int) -> String? {
    guard let prediction, skeleton.names.indices.contains(joint) else { return nil }
    var parts = [skeleton.names[joint].split(separator: "_").joined(separator: " ")]
    if sample.truth.indices.contains(joint), sample.truth[joint].isKnown {
      let way = prediction.joints[joint] - sample.truth[joint].position
      parts.append("error \(NumberText.shown((way * way).sum().squareRoot(), decimals: 1)) px")
    }
    if prediction.spread.indices.contains(joint) {
      parts.append("predicted \(NumberText.shown(prediction.spread[joint], decimals: 1)) px")
    }
    return parts.joined(separator: ", ")
  }
}
