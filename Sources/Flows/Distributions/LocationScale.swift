internal import CFlowKernels

/// log of Π_d f((x_d − location_d) / scale_d) / scale_d for each row, with f the standard Gaussian or
/// Laplace density; location and logScale `[dimension]`.
func locationScaleLogDensity<Scalar>(
  _ family: fk_family, _ x: Tensor<Scalar>, location: Tensor<Scalar>, logScale: Tensor<Scalar>
) -> Tensor<Scalar> {
  let (input, mean, scale) = (x.storage, location.storage, logScale.storage)
  let (rows, columns) = input.shape.matrix("the argument of a density")
  let (tapeX, tapeMean, tapeScale) = (input.activeTape, mean.activeTape, scale.activeTape)
  let tape = Tape.recording(Tape.recording(tapeX, tapeMean), tapeScale)
  let (tracksX, tracksMean, tracksScale) = (tapeX === tape, tapeMean === tape, tapeScale === tape)
  let result = Storage(Shape(rows), input.kind, tape: tape)
  fk_location_scale(
    input.type, family, Int64(rows), Int64(columns), input.pointer, mean.pointer, scale.pointer,
    result.pointer)
  tape?.record { tape in
    guard let g = tape.takeGradient(of: result.node) else { return }
    let gx = Storage(input.shape, input.kind)
    let gMean = tracksMean ? tape.zeroedAccumulator(for: mean.node, like: mean) : nil
    let gScale = tracksScale ? tape.zeroedAccumulator(for: scale.node, like: scale) : nil
    fk_location_scale_backward(
      input.type, family, Int64(rows), Int64(columns), input.pointer, mean.pointer, scale.pointer,
      g.pointer, gx.pointer, gMean?.pointer, gScale?.pointer)
    if tracksX { tape.add(gx, to: input.node) }
  }
  return Tensor(result)
}

/// What a location-scale base is made of, but for its tensors.
public struct LocationScaleConfiguration: Hashable, Sendable, Codable {
  /// The number of columns.
  public var dimension: Int
  /// Whether location and scale are trained.
  public var isLearnable: Bool
}

/// The tensors of a location-scale family with independent columns.
struct LocationScale<Scalar: TensorScalar>: Sendable {
  var location: Tensor<Scalar>
  var logScale: Tensor<Scalar>
  let isLearnable: Bool

  init(location: Tensor<Scalar>, scale: Tensor<Scalar>, isLearnable: Bool) {
    precondition(
      location.rank == 1 && location.count > 0 && location.shape == scale.shape,
      "location and scale have one scalar per column; got the shapes \(location.shape), "
        + "\(scale.shape)")
    precondition(
      scale.withScalars { $0.allSatisfy { $0 > 0 && $0.isFinite } },
      "every scale is positive and finite")
    self.location = location
    logScale = log(scale)
    self.isLearnable = isLearnable
  }

  mutating func visit<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    if isLearnable {
      visitor.visit("location", &location)
      visitor.visit("logScale", &logScale)
    } else {
      visitor.visit("location", state: &location)
      visitor.visit("logScale", state: &logScale)
    }
  }

  /// location + scale · noise.
  func moved(_ noise: Tensor<Scalar>) -> Tensor<Scalar> { noise * exp(logScale) + location }
}
