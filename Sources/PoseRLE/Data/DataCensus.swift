/// What a source of labelled poses holds, and what of it cannot be used.
public struct DataCensus: Hashable, Sendable {
  /// The samples.
  public var samples = 0
  /// Samples of which no joint is labelled; they teach nothing.
  public var samplesWithoutJoints = 0
  /// Joints with a position.
  public var labelledJoints = 0
  /// Those of them that cannot be seen.
  public var hiddenJoints = 0
  /// Joints without a position.
  public var unlabelledJoints = 0
  /// Joints whose label is no finite number; they count as unlabelled too.
  public var notFiniteJoints = 0
  /// Labelled joints outside of their image.
  public var jointsOutsideImage = 0
  /// Labelled joints outside of their box, before it is padded.
  public var jointsOutsideBox = 0
  /// Problems that decoders reported and got over; known where images have been read.
  public var decoderWarnings: Int?
  /// Groups of people, left out.
  public var skippedCrowds = 0
  /// People without a labelled joint, left out.
  public var skippedWithoutJoints = 0
  /// People whose box has neither width nor height, left out.
  public var skippedWithoutBox = 0
  /// People whose image is not there, left out.
  public var skippedWithoutImage = 0

  /// A census of nothing.
  public init() {}

  /// Counts a source by reading all of its samples, one after another.
  ///
  /// ``COCOKeypointDataset`` and ``PackedKeypointDataset`` know all but the warnings of decoders
  /// without reading images: their property `census`.
  ///
  /// - Throws: what reading a sample throws.
  public init(reading source: any KeypointSource) throws {
    var warnings = 0
    for index in 0..<source.count {
      let sample = try source.sample(index)
      warnings += sample.decoderWarnings
      add(
        sample.keypoints[...], sample.visibility[...], box: sample.box,
        extent: SIMD2(Double(sample.image.width), Double(sample.image.height)))
    }
    if let known = (source as? any CensusedSource)?.census { self = known }
    decoderWarnings = warnings
  }

  /// Adds a sample.
  ///
  /// - Parameter extent: width and height of the image; nil where they are not known.
  mutating func add(
    _ keypoints: ArraySlice<SIMD2<Double>>, _ visibility: ArraySlice<KeypointSample.Visibility>,
    box: SIMD4<Double>, extent: SIMD2<Double>?
  ) {
    samples += 1
    let before = labelledJoints
    for (point, visibility) in zip(keypoints, visibility) {
      guard visibility != .unlabelled else {
        unlabelledJoints += 1
        continue
      }
      guard point.x.isFinite, point.y.isFinite else {
        unlabelledJoints += 1
        notFiniteJoints += 1
        continue
      }
      labelledJoints += 1
      if visibility == .hidden { hiddenJoints += 1 }
      if isOutside(point, box) { jointsOutsideBox += 1 }
      if let extent, isOutside(point, SIMD4(0, 0, extent.x, extent.y)) { jointsOutsideImage += 1 }
    }
    if labelledJoints == before { samplesWithoutJoints += 1 }
  }

  private func isOutside(_ p: SIMD2<Double>, _ box: SIMD4<Double>) -> Bool {
    p.x < box.x || p.y < box.y || p.x > box.x + box.z || p.y > box.y + box.w
  }
}

/// A source that counted its labels when it was made.
protocol CensusedSource: KeypointSource {
  var census: DataCensus { get }
}

extension DataCensus: CustomStringConvertible {
  /// A few lines for a person to read; what does not occur is not mentioned.
  public var description: String {
    func list(_ parts: [(Int, String)]) -> String {
      parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
    var lines = ["\(samples) samples"]
    if samplesWithoutJoints > 0 { lines[0] += ", \(samplesWithoutJoints) without a labelled joint" }
    lines.append(
      "\(labelledJoints) labelled joints, "
        + list([
          (hiddenJoints, "hidden"), (jointsOutsideImage, "outside of the image"),
          (jointsOutsideBox, "outside of the box"),
        ]))
    lines.append(
      "\(unlabelledJoints) joints not labelled, "
        + list([(notFiniteJoints, "because a label is not a finite number")]))
    let skipped = list([
      (skippedCrowds, "crowds"), (skippedWithoutJoints, "people without labelled joints"),
      (skippedWithoutBox, "people without a box"), (skippedWithoutImage, "people without an image"),
    ])
    if !skipped.isEmpty { lines.append("left out: " + skipped) }
    if let decoderWarnings, decoderWarnings > 0 {
      lines.append("\(decoderWarnings) warnings of image decoders")
    }
    return lines.map { $0.hasSuffix(", ") ? String($0.dropLast(2)) : $0 }.joined(separator: "\n")
  }
}
