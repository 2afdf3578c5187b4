import Flows

/// Keypoints whose truth is known: where they are, how uncertain they are, and the shape of the error.
///
/// For an input x of six numbers, joint k lies at m_k(x) + s_k(x)·e. The error e is skewed and has heavy
/// tails: nine times in ten it comes from a sharp Laplace density, once from a cluster to one side, as when
/// a detector takes another limb for the right one.
struct StudyWorld: Sendable {
  static let inputs = 6
  static let joints = 4

  private let positions: Tensor<Float>
  private let scales: Tensor<Float>

  /// The density of the error e.
  let errors = Mixture<Float>(
    [
      Laplace(location: Tensor([-0.05, -0.03]), scale: Tensor([0.3, 0.5])),
      Gaussian(location: Tensor([2.6, 1.2]), scale: Tensor([0.5, 0.35])),
    ], weights: [0.9, 0.1])

  init(seed: UInt64) {
    var generator = PhiloxGenerator(seed: seed, stream: 0x57d1)
    positions = .normal([Self.inputs, 2 * Self.joints], using: &generator)
    scales = .normal([Self.inputs, Self.joints], using: &generator)
  }

  /// m `[n, joints, 2]` of inputs `[n, 6]`.
  func centers(_ x: Tensor<Float>) -> Tensor<Float> {
    (tanh(x.matmul(positions) * 0.4) * 0.4).reshaped(to: [x.shape[0], Self.joints, 2])
  }

  /// s `[n, joints]` of inputs `[n, 6]`: between 0.012 and 0.09 of the crop.
  func scales(_ x: Tensor<Float>) -> Tensor<Float> { exp(tanh(x.matmul(scales) * 0.4) - 3.4) }

  /// Inputs with labels.
  func draw(_ count: Int, using generator: inout PhiloxGenerator) -> (
    inputs: Tensor<Float>, labels: KeypointTensor
  ) {
    let x = Tensor<Float>.normal([count, Self.inputs], using: &generator)
    let errors = errors.sample(count * Self.joints, using: &generator)
      .reshaped(to: [count, Self.joints, 2])
    return (x, centers(x) + scales(x).expanded(axis: 2) * errors)
  }

  /// The mean entropy of a label given its input, in nats per joint: the least NLL that there is.
  var entropy: Estimate {
    var generator = PhiloxGenerator(seed: 11)
    let count = 1_000_000
    let sample = errors.sample(count, using: &generator)
    let x = Tensor<Float>.normal([count / Self.joints, Self.inputs], using: &generator)
    let values = 2 * log(scales(x)).flattened() - errors.logDensity(of: sample)
    return Estimate(meanOf: Tensor<Double>(values).scalars)
  }
}

/// Coordinates of keypoints, `[n, joints, axes]`.
typealias KeypointTensor = Tensor<Float>
