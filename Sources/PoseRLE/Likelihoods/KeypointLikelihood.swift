/// The form of the likelihood of a keypoint: base × shape × normalisation.
///
/// A network says a mean μ and a scale σ for each of the D axes of a joint. With the standardised error
/// ē = (g − μ)/σ of a label g (ground truth minus prediction), a base density Q and a flow's density
/// G, the loss of one joint is
///
/// | preset | loss of a joint, in nats |
/// | --- | --- |
/// | ``l1`` | Σ_d [\|g_d − μ_d\|/s + log 2s], s = 1 |
/// | ``l2`` | Σ_d [(g_d − μ_d)²/2s² + log s√2π], s = 1 |
/// | ``laplace`` | Σ_d [\|ē_d\| + log 2σ_d] |
/// | ``gaussian`` | Σ_d [ē_d²/2 + log σ_d√2π] |
/// | ``direct`` | −log G(ē) + Σ_d log σ_d |
/// | ``residual`` | −log Q(ē) − log G(ē) + log ∫Q·G + Σ_d log σ_d |
/// | ``residualReleased`` | Σ_d [2 log σ_d + log √2π + \|ē_d\|/√2] − D log G(ē) |
/// | ``residualMMPose`` | Σ_d [2 log σ_d + log 2 + \|ē_d\|] − D log G(ē) |
/// | ``basic`` | Σ_d [w_d²/2 + log σ_d√2π] + log \|det ∂f/∂z\|, w = (f⁻¹(g) − μ)/σ |
///
/// with Q the Laplace density Π_d e^−|ē_d|/2 and f the flow, z = f⁻¹(g). All but the two published forms
/// of RLE are negative log-densities of g: they integrate to one. ``Reduction`` says how joints are
/// averaged.
///
/// Source: Li et al., Human Pose Regression with Residual Log-likelihood Estimation, ICCV 2021, §3.2,
/// and its published code.
public struct KeypointLikelihood: Hashable, Sendable, Codable {
  /// The simple density Q of a standardised error, of independent axes.
  public enum Base: String, Hashable, Sendable, Codable, CaseIterable {
    /// e^−|ē|/2.
    case laplace
    /// e^−ē²/2/√2π.
    case gaussian
  }

  /// Where σ comes from.
  public enum Scale: Hashable, Sendable, Codable {
    /// The network.
    case learned
    /// It is the same number everywhere, in the units of the coordinates; what the network says of it
    /// is not looked at.
    case fixed(Double)
  }

  /// What a flow does.
  public enum Shape: String, Hashable, Sendable, Codable, CaseIterable {
    /// There is none: the base is all.
    case none
    /// Its density takes the place of the base (direct likelihood estimation; §3.2, eq. 6).
    case direct
    /// Its density multiplies the base (residual log-likelihood estimation; §3.2, eq. 8).
    case residual
    /// It maps latent coordinates, of which mean and scale speak, to those of the labels (§3.2, eq. 4).
    /// For study: it learns where labels lie over all images, and cannot be dropped.
    case basic
  }

  /// What is done about the integral of base times flow, and about the constants of published code.
  public enum Normalization: String, Hashable, Sendable, Codable, CaseIterable {
    /// The loss is the negative logarithm of a density.
    case exact
    /// log ∫ Q·G is left out.
    case omitted
    /// The authors' code: no normaliser, log σ twice, the flow's term D times, and a Laplace term with
    /// a Gaussian's constant and 1/√2 of its slope.
    case released
    /// mmpose's code: no normaliser, log σ twice, the flow's term D times.
    case releasedMMPose
  }

  /// How the losses of joints become one number.
  ///
  /// Each is Σ c·w·loss over joints of weights w; they differ in the constant c.
  public enum Reduction: String, Hashable, Sendable, Codable, CaseIterable {
    /// The mean over all labelled joints: c = 1 / Σ w.
    case meanOverJoints
    /// The mean over the labelled joints of each image, then over the images that have any.
    case meanOverJointsThenImages
    /// The sum over the joints of an image, and the mean over images, labelled or not, as in published
    /// code: c = 1 / n.
    case meanOverImages
  }

  /// The density Q.
  public var base: Base
  /// Where σ comes from.
  public var scale: Scale
  /// What the flow does.
  public var shape: Shape
  /// What is done about normalisation.
  public var normalization: Normalization
  /// How the losses of joints become one number.
  public var reduction: Reduction
  /// How the flow is built.
  public var flow: KeypointFlow
  /// Whether the errors of the axes of a joint may be correlated: the network then says a unit lower
  /// triangular matrix U for each joint as well, and ē = U⁻¹ (g − μ)/σ.
  public var hasFullCovariance: Bool

  /// A likelihood from its parts.
  ///
  /// - Precondition: a fixed scale is positive and goes with no flow; ``Normalization/exact`` holds
  ///   wherever there is no residual; the authors' form has a Laplace base; a residual with an exact
  ///   normaliser takes no features (its normaliser would differ from row to row).
  public init(
    base: Base = .laplace, scale: Scale = .learned, shape: Shape = .residual,
    normalization: Normalization = .exact, reduction: Reduction = .meanOverJoints,
    flow: KeypointFlow = KeypointFlow(), hasFullCovariance: Bool = false
  ) {
    self.base = base
    self.scale = scale
    self.shape = shape
    self.normalization = normalization
    self.reduction = reduction
    self.flow = flow
    self.hasFullCovariance = hasFullCovariance
    if let problem { preconditionFailure(problem) }
  }

  /// What does not fit together; nil where all does.
  public var problem: String? {
    if case .fixed(let value) = scale {
      if !(value > 0 && value.isFinite) {
        return "a fixed scale is positive and finite; got \(value)"
      }
      if shape != .none { return "a flow needs a learned scale" }
      if hasFullCovariance { return "a full covariance needs a learned scale" }
    }
    if shape != .residual && normalization != .exact {
      return "only a residual can be left without its normaliser"
    }
    if normalization == .released && base != .laplace {
      return "the authors' form of the loss has a Laplace base; mmpose's has either"
    }
    if shape == .residual && normalization == .exact, case .features = flow.sharing {
      return "the normaliser of a residual conditioned on features differs from row to row; "
        + "use .direct, or leave it out"
    }
    return flow.problem
  }

  /// True where each joint's loss is the negative logarithm of a density of its label.
  public var isDensity: Bool { normalization == .exact }
}

extension KeypointLikelihood {
  /// Absolute error: a Laplace density of scale 1.
  public static let l1 = KeypointLikelihood(base: .laplace, scale: .fixed(1), shape: .none)
  /// Squared error: a Gaussian density of scale 1.
  public static let l2 = KeypointLikelihood(base: .gaussian, scale: .fixed(1), shape: .none)
  /// A Laplace density with a learned scale.
  public static let laplace = KeypointLikelihood(base: .laplace, shape: .none)
  /// A Gaussian density with a learned scale.
  public static let gaussian = KeypointLikelihood(base: .gaussian, shape: .none)
  /// The flow alone (DLE).
  public static let direct = KeypointLikelihood(shape: .direct)
  /// RLE as in the paper: Laplace times flow, normalised.
  public static let residual = KeypointLikelihood()
  /// RLE as in the authors' code.
  public static let residualReleased = KeypointLikelihood(
    normalization: .released, reduction: .meanOverImages)
  /// RLE as in mmpose.
  public static let residualMMPose = KeypointLikelihood(
    normalization: .releasedMMPose, reduction: .meanOverImages,
    flow: KeypointFlow(initialization: .xavier))
  /// The paper's first design, for study.
  public static let basic = KeypointLikelihood(base: .gaussian, shape: .basic)

  /// The presets by their names, in the order of the paper's tables.
  public static let presets: [(name: String, likelihood: KeypointLikelihood)] = [
    ("l2", .l2), ("l1", .l1), ("gaussian", .gaussian), ("laplace", .laplace), ("basic", .basic),
    ("direct", .direct), ("residual", .residual), ("residualReleased", .residualReleased),
    ("residualMMPose", .residualMMPose),
  ]
}
