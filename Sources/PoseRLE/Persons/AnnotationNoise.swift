/// How the labels of generated persons err.
///
/// With s the person's stature in pixels (what the upright body would measure at its distance) and
/// v = 1 for joints that are seen and `hiddenFactor` for others, the label of joint j is
///
/// g = p + scale · v · τ_j · s · T,   T = Z √(3 / χ²₃),
///
/// where Z is a standard normal vector of the plane and χ²₃ an independent χ² variable: T has the
/// bivariate t distribution with 3 degrees of freedom, P(|T| > r) = (1 + r² / 3)^(−3/2), median
/// |T| = √(3 (2^(2/3) − 1)) ≈ 1.327, and no third moment. With probability `outlierShare` a label is
/// instead uniform in the disc of radius scale · `outlierReach` · s around the joint.
///
/// τ_j is 0.16 σ_j with the σ of COCO's evaluation (Ronchi and Perona, ICCV 2017): hips 0.0171, ankles
/// 0.0142, knees 0.0139, shoulders and neck 0.0126, elbows 0.0115, wrists and top of the head 0.0099.
///
/// Then, with probability `swapShare`, or `backSwapShare` for persons seen from behind, left and
/// right are exchanged: in the legs (0.4), the arms (0.3) or both (0.3).
public struct AnnotationNoise: Hashable, Sendable, Codable {
  /// What all deviations are multiplied by.
  public var scale: Double
  /// What the deviations of joints that are not seen are multiplied by.
  public var hiddenFactor: Double
  /// The probability that a label is far off.
  public var outlierShare: Double
  /// How far it then is at most, as a share of stature.
  public var outlierReach: Double
  /// The probability that left and right are exchanged.
  public var swapShare: Double
  /// The same for persons seen from behind.
  public var backSwapShare: Double

  /// Noise from its parts.
  ///
  /// - Precondition: scale, factor and reach are finite and not negative, the shares are
  ///   probabilities.
  public init(
    scale: Double = 1, hiddenFactor: Double = 2.5, outlierShare: Double = 0.02,
    outlierReach: Double = 0.25, swapShare: Double = 0.012, backSwapShare: Double = 0.035
  ) {
    precondition(
      [scale, hiddenFactor, outlierReach].allSatisfy { $0.isFinite && $0 >= 0 },
      "scale, factor and reach of annotation noise are finite and not negative; got \(scale), "
        + "\(hiddenFactor) and \(outlierReach)")
    precondition(
      [outlierShare, swapShare, backSwapShare].allSatisfy { (0...1).contains($0) },
      "shares of annotation noise are in 0 ... 1; got \(outlierShare), \(swapShare) and "
        + "\(backSwapShare)")
    self.scale = scale
    self.hiddenFactor = hiddenFactor
    self.outlierShare = outlierShare
    self.outlierReach = outlierReach
    self.swapShare = swapShare
    self.backSwapShare = backSwapShare
  }

  /// The noise that experiments use.
  public static let standard = AnnotationNoise()
  /// Labels are true.
  public static let none = AnnotationNoise(scale: 0, swapShare: 0, backSwapShare: 0)

  /// τ of the joints of ``Skeleton/lsp14``.
  static let spreads = [
    0.0142, 0.0139, 0.0171, 0.0171, 0.0139, 0.0142, 0.0099, 0.0115, 0.0126, 0.0126, 0.0115, 0.0099,
    0.0126, 0.0099,
  ]

  /// Pairs of ``Skeleton/lsp14``.
  private static let legPairs = [(0, 5), (1, 4), (2, 3)]
  private static let armPairs = [(6, 11), (7, 10), (8, 9)]

  /// Labels of true joints; as many draws whatever the branches, so that one change moves no other
  /// label.
  func labels(
    of truth: PersonTruth, _ random: inout PersonRandom
  ) -> (keypoints: [SIMD2<Double>], visibility: [KeypointSample.Visibility]) {
    var keypoints = truth.keypoints
    var visibility = truth.visibility
    for joint in keypoints.indices {
      let z = random.normals()
      let (a, b) = (random.normals(), random.normals())
      let square = a.x * a.x + a.y * a.y + b.x * b.x
      let outlier = random.uniform()
      let reach = outlierReach * random.uniform().squareRoot()
      let (sine, cosine) = PortableMath.sineAndCosine(2 * .pi * random.uniform())
      let factor = visibility[joint] == .visible ? 1 : hiddenFactor
      let error =
        outlier < outlierShare
        ? SIMD2(cosine, sine) * reach
        : z * (factor * Self.spreads[joint] * (3 / square).squareRoot())
      keypoints[joint] += error * (scale * truth.stature)
    }
    let swap = random.uniform()
    let which = random.uniform()
    if swap < (truth.facesAway ? backSwapShare : swapShare) {
      let pairs =
        which < 0.4 ? Self.legPairs : which < 0.7 ? Self.armPairs : Self.legPairs + Self.armPairs
      for (left, right) in pairs {
        keypoints.swapAt(left, right)
        visibility.swapAt(left, right)
      }
    }
    return (keypoints, visibility)
  }
}
