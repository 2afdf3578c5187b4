/// What makes predicted densities honest: a factor T for their scales and a map of levels.
///
/// Both are fitted on held-out poses (``fit(_:to:weights:groups:options:)``): poses that were used
/// neither in training nor to choose the model, and best of other people, motions or scenes.
///
/// **T** replaces σ by T·σ. It repairs a model that is too sure or too unsure of itself by one
/// common factor (one per joint, if wanted), which is what overfitting and losses that do not
/// identify σ do. It changes densities, quantiles, moments and regions alike. It does *not* repair
/// the shape of the error density (too light tails stay too light: 50 % and 95 % cannot both be
/// made right), an offset of the mean, correlations of axes, or scales that are wrong in different
/// ways for different poses.
///
/// **The map of levels** leaves the density as it is and chooses which of its highest-density
/// regions is shown for a level. It repairs the marginal coverage at every level, wrong shapes
/// included, and guarantees it for exchangeable keypoints (``LevelMap``). It does *not* change
/// log-densities, marginal quantiles or moments; nor does it repair which poses have the larger
/// regions: coverage holds on average over poses, not given a pose. Frames of one motion are not
/// exchangeable with those of another: then the guarantee is one for many motions, and its error
/// that of the number of motions, not of frames (see the standard errors by group of
/// ``CoverageReport``).
public struct Calibration: Hashable, Sendable {
  /// The factors T > 0 of the scales: one, or one per joint.
  public let scales: [Double]

  /// The maps of levels: none, one for all joints, or one per joint.
  public let levelMaps: [LevelMap]

  /// A calibration from its parts.
  ///
  /// - Precondition: there is one scale at least, and all are positive and finite.
  public init(scales: [Double] = [1], levelMaps: [LevelMap] = []) {
    precondition(
      !scales.isEmpty && scales.allSatisfy { $0 > 0 && $0.isFinite },
      "there is a scale, or one per joint, each positive and finite; got \(scales)")
    self.scales = scales
    self.levelMaps = levelMaps
  }

  /// Nothing changed: T = 1 and no map of levels.
  public static let identity = Calibration()

  func levelMap(joint: Int) -> LevelMap? {
    levelMaps.isEmpty ? nil : levelMaps[levelMaps.count == 1 ? 0 : joint]
  }

  /// Throws ``PoseError`` (`.modelMismatch`) unless it fits a number of joints.
  func check(joints: Int) throws {
    for (name, count) in [("scales", scales.count), ("levelMaps", levelMaps.count)]
    where count > 1 && count != joints {
      throw PoseError(
        .modelMismatch, "expected one for all joints or one for each of \(joints), found \(count)",
        path: name)
    }
  }
}

extension Calibration: Codable {
  private enum CodingKeys: String, CodingKey {
    case scales
    case levelMaps
  }

  /// Reads `{"scales": […], "levelMaps": [[…]]}`.
  ///
  /// Throws `DecodingError` where a scale is not positive or a rank lies outside of [0, 1].
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let scales = try container.decode([Double].self, forKey: .scales)
    guard !scales.isEmpty, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw DecodingError.dataCorruptedError(
        forKey: .scales, in: container,
        debugDescription: "expected one or more positive, finite scales")
    }
    self.init(
      scales: scales,
      levelMaps: try container.decodeIfPresent([LevelMap].self, forKey: .levelMaps) ?? [])
  }
}
