import Flows

extension KeypointHead {
  /// The same predictions in another convention of normalised coordinates: a shift of b_μ.
  ///
  /// x and y move by the difference of the two origins; z, σ and shears are the same in both.
  public func converted<From: NormalizedFrame, To: NormalizedFrame>(
    from: From.Type, to: To.Type
  ) -> KeypointHead {
    let shift = Scalar(From.origin - To.origin)
    if shift == 0 { return self }
    let (joints, dimension) = (configuration.joints, configuration.dimension)
    let axes = (0..<joints * dimension).map { $0 % dimension < 2 ? shift : 0 }
    var copy = self
    copy.coordinates.bias = coordinates.bias.map { $0 + Tensor(axes) } ?? Tensor(axes)
    return copy
  }
}
