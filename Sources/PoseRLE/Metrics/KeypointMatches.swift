/// The matching of all images, ranked by score: what counting needs, whatever images it counts.
struct KeypointMatches: Sendable {
  /// Precision `[thresholds, levels, ranges]` and recall `[thresholds, ranges]`.
  struct Curves {
    var precision: [Double]
    var recall: [Double]
  }

  /// The indices of the detections by descending score over all images.
  let detections: [Int]
  /// For each of them the place of its image among those that have anything.
  let imageOf: [Int]
  /// For each of them its row among the image's similarities.
  let rowOf: [Int]
  /// `[ranges, thresholds, detections]`: the column of the match among the image's annotations.
  let annotation: [Int32]
  /// `[ranges, thresholds, detections]`.
  let outcomes: [MatchOutcome]
  /// `[ranges, images]`: the number of annotations that count.
  let annotated: [Int]

  init(_ images: [ImageSimilarities], _ found: [DetectedPose], _ truth: [AnnotatedPose]) {
    let all = images.indices.flatMap { image in
      images[image].detections.indices.map { (image: image, row: $0) }
    }
    let ranked = rankedByScore(all.map { found[images[$0.image].detections[$0.row]].score })
    detections = ranked.map { images[all[$0].image].detections[all[$0].row] }
    imageOf = ranked.map { all[$0].image }
    rowOf = ranked.map { all[$0].row }

    var rank = [Int](repeating: 0, count: ranked.count)
    for (place, index) in ranked.enumerated() { rank[index] = place }
    let (ranges, thresholds) = (KeypointAreaRange.allCases, KeypointEvaluation.thresholds)
    let size = ranges.count * thresholds.count * ranked.count
    var annotation = [Int32](repeating: -1, count: size)
    var outcomes = [MatchOutcome](repeating: .ignored, count: size)
    var annotated: [Int] = []
    for range in ranges {
      var first = 0
      for image in images {
        let poses = image.annotations.map { truth[$0] }
        let isIgnored = poses.map { $0.isIgnored || !range.bounds.contains($0.area) }
        let order =
          isIgnored.indices.filter { !isIgnored[$0] } + isIgnored.indices.filter { isIgnored[$0] }
        annotated.append(isIgnored.count { !$0 })
        let isOutside = image.detections.map { !range.bounds.contains(found[$0].area) }
        for (step, threshold) in thresholds.enumerated() {
          let matching = ImageMatching(
            image, order: order, isIgnored: isIgnored, poses: poses,
            detectionIsOutside: isOutside, threshold: threshold)
          let start = (range.rawValue * thresholds.count + step) * ranked.count
          for row in image.detections.indices {
            annotation[start + rank[first + row]] = Int32(matching.annotation[row])
            outcomes[start + rank[first + row]] = matching.outcomes[row]
          }
        }
        first += image.detections.count
      }
    }
    self.annotation = annotation
    self.outcomes = outcomes
    self.annotated = annotated
  }

  /// Precision and recall; with multiplicities, as if each image were there so many times.
  ///
  /// A detection that counts m times moves the counts by m at once. The steps between, which a list
  /// with repetitions would have, lie below the curve that is made monotone, so nothing differs; but
  /// of several detections of one image with the same score, one has all its copies first.
  func curves(_ multiplicity: [Int]? = nil) -> Curves {
    let (levels, ranges) = (KeypointEvaluation.recallLevels, KeypointAreaRange.allCases.count)
    let (thresholds, count) = (KeypointEvaluation.thresholds.count, detections.count)
    var curves = Curves(
      precision: Array(repeating: -1, count: thresholds * levels.count * ranges),
      recall: Array(repeating: -1, count: thresholds * ranges))
    let images = annotated.count / ranges
    let weights = multiplicity.map { counts in imageOf.map { Double(counts[$0]) } }
    // Points of the curve, one for each true positive: the others neither raise recall nor, once the
    // curve is monotone, precision.
    var recall: [Double] = []
    var precision: [Double] = []
    for range in 0..<ranges {
      let positives = (0..<images).reduce(0) {
        $0 + annotated[range * images + $1] * (multiplicity?[$1] ?? 1)
      }
      if positives == 0 { continue }
      for threshold in 0..<thresholds {
        let start = (range * thresholds + threshold) * count
        var (right, wrong) = (0.0, 0.0)
        recall.removeAll(keepingCapacity: true)
        precision.removeAll(keepingCapacity: true)
        for rank in 0..<count {
          let weight = weights?[rank] ?? 1
          if weight == 0 { continue }
          switch outcomes[start + rank] {
          case .ignored: break
          case .falsePositive: wrong += weight
          case .truePositive:
            right += weight
            recall.append(right / Double(positives))
            precision.append(right / (wrong + right + .ulpOfOne))
          }
        }
        for point in precision.indices.dropFirst().reversed() {
          precision[point - 1] = max(precision[point - 1], precision[point])
        }
        curves.recall[threshold * ranges + range] = recall.last ?? 0
        var point = 0
        for (level, value) in levels.enumerated() {
          while point < recall.count, recall[point] < value { point += 1 }
          curves.precision[(threshold * levels.count + level) * ranges + range] =
            point < recall.count ? precision[point] : 0
        }
      }
    }
    return curves
  }
}
