import Flows

/// Crops of some images with the labels of their poses, ready for a network.
public struct KeypointBatch: Sendable {
  /// What a batch had to get over, for reports.
  public struct Counts: Hashable, Sendable, Codable {
    /// Joints that are labelled at a place that is not finite; they have weight 0.
    public var nonFiniteJoints = 0
    /// Labelled joints outside of their crop.
    public var outOfCropJoints = 0
    /// Images without any joint of positive weight.
    public var imagesWithoutJoints = 0
    /// Problems that decoders of images reported and got over.
    public var decoderWarnings = 0

    /// Nothing.
    public init() {}

    /// Adds the counts of other images.
    public static func += (counts: inout Counts, other: Counts) {
      counts.nonFiniteJoints += other.nonFiniteJoints
      counts.outOfCropJoints += other.outOfCropJoints
      counts.imagesWithoutJoints += other.imagesWithoutJoints
      counts.decoderWarnings += other.decoderWarnings
    }
  }

  /// Normalised crops `[n, H, W, channels]`; 0 where a crop reaches beyond its image.
  public var images: Tensor<Float>
  /// Positions in ``Centered`` coordinates `[n, K, 2]`, and weights `[n, K]`.
  ///
  /// Joints of weight 0 that are not labelled, or not at a finite place, stand at 0.
  public var labels: KeypointLabels<Float>
  /// Which joints can be seen, `[n · K]`.
  public var isVisible: [Bool]
  /// Where the crops are in their images, before they are mirrored.
  public var crops: [Crop]
  /// Which of the crops are mirrored, labels included.
  public var isMirrored: [Bool]
  /// The samples in their source.
  public var indices: [Int]
  /// What there was to get over.
  public var counts: Counts

  /// The number of images.
  public var count: Int { indices.count }

  /// The labels' positions with their convention.
  public var positions: KeypointPositions<Centered, Float> { .init(labels.positions) }
}
