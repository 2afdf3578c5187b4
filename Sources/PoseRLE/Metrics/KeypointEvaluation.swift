import Flows

/// Average precision and recall of detected poses by object keypoint similarity, exactly as
/// pycocotools computes them with its defaults for keypoints.
///
/// ```swift
/// let annotations = try KeypointAnnotations(contentsOf: "person_keypoints_val2017.json")
/// let detections = try KeypointDetections(contentsOf: "results.json", for: annotations)
/// let evaluation = KeypointEvaluation(detections, against: annotations)
/// print(evaluation.scores.ap)
/// ```
///
/// In each image the 20 detections of the highest scores are matched greedily to the annotations, at
/// ten thresholds of similarity and in three ranges of area (``ImageSimilarities``). Over all images,
/// ranked by score, precision is tp / (tp + fp), made monotone from the right and read at 101
/// levels of recall. Annotations that are crowds, have no labelled keypoint or lie outside of the
/// range are ignored, and so are detections that match them or that match nothing and lie outside of
/// the range themselves. Matching is done once; the intervals of a bootstrap only count anew.
///
/// Source: `PythonAPI/pycocotools/cocoeval.py` of cocodataset/cocoapi, with one category.
public struct KeypointEvaluation: Sendable {
  /// The ten thresholds of similarity, 0.5, 0.55, … 0.95.
  public static let thresholds = evenlySpaced(from: 0.5, to: 0.95, count: 10)

  /// The 101 levels of recall, 0, 0.01, … 1.
  public static let recallLevels = evenlySpaced(from: 0, to: 1, count: 101)

  /// How many detections of an image count.
  public static let detectionLimit = 20

  /// The numbers of all images, ascending, those without annotations and detections among them.
  public let imageIDs: [Int]

  /// The similarities of every image that has detections or annotations, by ascending image number.
  public let images: [ImageSimilarities]

  /// Precision `[10, 101, 3]` by threshold, level of recall and range of areas; −1 where nothing is
  /// annotated.
  public let precision: Tensor<Double>

  /// The highest recall `[10, 3]` by threshold and range of areas; −1 where nothing is annotated.
  public let recall: Tensor<Double>

  /// The ten numbers.
  public let scores: KeypointScores

  private let matches: KeypointMatches
  private let rankedScores: [Double]

  /// Evaluates detections.
  ///
  /// - Parameters:
  ///   - detections: the detections; those in images that are not among the annotations' do not
  ///     count.
  ///   - annotations: the annotations; those of images that are not listed do not count.
  ///   - similarity: the measure, which also says how many keypoints a pose has.
  public init(
    _ detections: KeypointDetections, against annotations: KeypointAnnotations,
    similarity: ObjectKeypointSimilarity = ObjectKeypointSimilarity(.coco17)
  ) {
    let detectionsOf = Dictionary(grouping: detections.poses.indices) {
      detections.poses[$0].imageID
    }
    let annotationsOf = Dictionary(grouping: annotations.poses.indices) {
      annotations.poses[$0].imageID
    }
    images = annotations.imageIDs.compactMap { id -> ImageSimilarities? in
      let (found, truth) = (detectionsOf[id] ?? [], annotationsOf[id] ?? [])
      if found.isEmpty, truth.isEmpty { return nil }
      let ranked = rankedByScore(found.map { detections.poses[$0].score }).map { found[$0] }
      let best = Array(ranked.prefix(Self.detectionLimit))
      let values = best.map { detection in
        truth.map { similarity(detections.poses[detection], annotations.poses[$0]) }
      }
      return ImageSimilarities(
        imageID: id, detections: best, annotations: truth, values: values)
    }
    matches = KeypointMatches(images, detections.poses, annotations.poses)
    rankedScores = matches.detections.map { detections.poses[$0].score }
    imageIDs = annotations.imageIDs
    let curves = matches.curves()
    precision = Tensor(shape: [10, 101, 3], scalars: curves.precision)
    recall = Tensor(shape: [10, 3], scalars: curves.recall)
    scores = KeypointScores(curves)
  }

  /// What became of each counted detection, from the highest score on.
  ///
  /// - Parameters:
  ///   - threshold: the place of the threshold among ``thresholds``.
  ///   - range: the range of areas.
  public func matches(atThreshold threshold: Int, in range: KeypointAreaRange = .all)
    -> [DetectionMatch]
  {
    precondition(
      Self.thresholds.indices.contains(threshold),
      "a threshold is one of 0..<\(Self.thresholds.count); got \(threshold)")
    let first = (range.rawValue * Self.thresholds.count + threshold) * matches.detections.count
    return matches.detections.indices.map { rank in
      let (image, row) = (images[matches.imageOf[rank]], matches.rowOf[rank])
      let column = Int(matches.annotation[first + rank])
      return DetectionMatch(
        detection: matches.detections[rank], imageID: image.imageID, score: rankedScores[rank],
        annotation: column < 0 ? nil : image.annotations[column],
        similarity: column < 0 ? nil : image.values[row][column],
        highestSimilarity: image.values[row].max() ?? 0,
        isIgnored: matches.outcomes[first + rank] == .ignored)
    }
  }

  /// Intervals of the ten numbers over draws of images with replacement.
  ///
  /// - Returns: intervals in the order of ``KeypointScores/names``. A draw in which a number is not
  ///   defined, since nothing is annotated in its range of areas, does not count for that number.
  public func intervals(_ bootstrap: Bootstrap = Bootstrap()) -> [BootstrapInterval] {
    // All images are drawn from, those without anything as well, though they change no number.
    var multiplicity = [Int](repeating: 0, count: images.count)
    let place = Dictionary(uniqueKeysWithValues: imageIDs.enumerated().map { ($1, $0) })
    let drawn = images.map { place[$0.imageID] ?? 0 }
    return bootstrap.intervals(imageCount: imageIDs.count) { counts in
      for (image, index) in drawn.enumerated() { multiplicity[image] = counts[index] }
      return KeypointScores(matches.curves(multiplicity)).values.map { $0 < 0 ? nil : $0 }
    }
  }
}

/// What an evaluation made of one detection.
public struct DetectionMatch: Hashable, Sendable {
  /// The index of the detection.
  public let detection: Int

  /// The number of its image.
  public let imageID: Int

  /// Its score.
  public let score: Double

  /// The index of the annotation that it matches; nil if none.
  public let annotation: Int?

  /// The similarity to that annotation.
  public let similarity: Double?

  /// The highest similarity to any annotation of the image, 0 where there is none.
  public let highestSimilarity: Double

  /// Whether the detection counts neither as right nor as wrong.
  public let isIgnored: Bool
}

/// The ten numbers of COCO's keypoint evaluation; −1 where nothing is annotated.
public struct KeypointScores: Hashable, Sendable {
  /// The names of the numbers, in the order of ``values``.
  public static let names = [
    "AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL",
  ]

  /// The numbers.
  public let values: [Double]

  /// Average precision over ten thresholds, 0.5 to 0.95.
  public var ap: Double { values[0] }
  /// Average precision at a similarity of 0.5.
  public var ap50: Double { values[1] }
  /// Average precision at a similarity of 0.75.
  public var ap75: Double { values[2] }
  /// Average precision for medium areas.
  public var apMedium: Double { values[3] }
  /// Average precision for large areas.
  public var apLarge: Double { values[4] }
  /// Average recall over ten thresholds.
  public var ar: Double { values[5] }
  /// Recall at a similarity of 0.5.
  public var ar50: Double { values[6] }
  /// Recall at a similarity of 0.75.
  public var ar75: Double { values[7] }
  /// Average recall for medium areas.
  public var arMedium: Double { values[8] }
  /// Average recall for large areas.
  public var arLarge: Double { values[9] }

  init(_ curves: KeypointMatches.Curves) {
    let (levels, ranges) = (KeypointEvaluation.recallLevels.count, KeypointAreaRange.allCases.count)
    func mean(_ array: [Double], _ rows: Range<Int>, _ range: KeypointAreaRange) -> Double {
      let values = rows.map { array[$0 * ranges + range.rawValue] }.filter { $0 > -1 }
      return values.isEmpty ? -1 : values.reduce(0, +) / Double(values.count)
    }
    func precision(_ range: KeypointAreaRange, _ thresholds: Range<Int> = 0..<10) -> Double {
      mean(
        curves.precision, thresholds.lowerBound * levels..<thresholds.upperBound * levels, range)
    }
    func recall(_ range: KeypointAreaRange, _ thresholds: Range<Int> = 0..<10) -> Double {
      mean(curves.recall, thresholds, range)
    }
    values = [
      precision(.all), precision(.all, 0..<1), precision(.all, 5..<6), precision(.medium),
      precision(.large), recall(.all), recall(.all, 0..<1), recall(.all, 5..<6), recall(.medium),
      recall(.large),
    ]
  }
}

/// As NumPy's linspace, digit by digit.
private func evenlySpaced(from start: Double, to end: Double, count: Int) -> [Double] {
  let step = (end - start) / Double(count - 1)
  return (0..<count).map { $0 == count - 1 ? end : Double($0) * step + start }
}
