import Flows

extension KeypointSpreads {
  /// The factor diag(σ)·U of a prediction, in the frame of its coordinates.
  public init(_ prediction: KeypointPrediction<Scalar>) {
    let (poses, joints, axes) = (prediction.count, prediction.joints, prediction.dimension)
    guard let shear = prediction.shear else {
      self.init(scale: prediction.scale)
      return
    }
    let places = (0..<axes).flatMap { row in (0..<row).map { row * axes + $0 } }
    let below = shear.scattering(places, axis: 2, count: axes * axes)
      .reshaped(to: [poses, joints, axes, axes])
    self.init(scale: prediction.scale, unitFactor: below + Tensor<Scalar>.identity(axes))
  }
}
