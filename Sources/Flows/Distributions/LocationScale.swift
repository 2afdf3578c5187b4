internal import CFlowKernels

/// log of Π_d f((x_d − location_d) / scale_d) / scale_d for each row, with f the density of a
/// family at location 0 and scale 1; location and logScale `[dimension]`.
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

/// Location and scale of a density with independent columns, fixed or learnable.
public struct LocationScale<Scalar: TensorScalar>: Parameterized {
  /// The location of each column, `[dimension]`.
  public private(set) var location: Tensor<Scalar>
  /// The logarithm of the scale of each column, `[dimension]`.
  public private(set) var logScale: Tensor<Scalar>
  /// Whether both are trained.
  public let isLearnable: Bool

  /// From locations and scales, `[dimension]` each; the scales are positive.
  public init(location: Tensor<Scalar>, scale: Tensor<Scalar>, isLearnable: Bool = false) {
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

  /// Shows location and log-scale, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("location", &location, isLearnable: isLearnable)
    visitor.visit("logScale", &logScale, isLearnable: isLearnable)
  }

  /// location + scale · noise.
  func moved(_ noise: Tensor<Scalar>) -> Tensor<Scalar> { noise * exp(logScale) + location }
}

/// The shape of a location-scale density.
public enum LocationScaleFamily: Sendable {
  /// exp(−z²/2) / √2π.
  case gaussian
  /// exp(−|z|) / 2.
  case laplace
  /// e⁻ᶻ / (1 + e⁻ᶻ)².
  case logistic

  var kernel: fk_family {
    switch self {
    case .gaussian: FK_GAUSSIAN
    case .laplace: FK_LAPLACE
    case .logistic: FK_LOGISTIC
    }
  }

  /// The logarithm of the density at z = 0, where it is largest.
  var logPeak: Double {
    switch self {
    case .gaussian: -0.918_938_533_204_672_7
    case .laplace: -0.693_147_180_559_945_3
    case .logistic: -1.386_294_361_119_890_6
    }
  }

  func noise<Scalar>(_ shape: [Int], using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    switch self {
    case .gaussian: .normal(shape, using: &generator)
    case .laplace: .laplace(shape, using: &generator)
    case .logistic: .logistic(shape, using: &generator)
    }
  }
}

/// A density with independent columns that differ in location and scale alone:
/// p(x) = Π_d f((x_d − μ_d) / s_d) / s_d.
public protocol LocationScaleDistribution<Scalar>: ColumnwiseDistribution {
  /// Which density f is.
  static var family: LocationScaleFamily { get }

  /// Location and scale of the columns.
  var parameters: LocationScale<Scalar> { get set }

  /// A density of given location and scale.
  init(parameters: LocationScale<Scalar>)
}

extension LocationScaleDistribution {
  /// A density from its locations and scales, `[dimension]` each.
  ///
  /// - Parameters:
  ///   - location: the centre of each column.
  ///   - scale: the scale of each column, all positive.
  ///   - isLearnable: whether both are trained; the scale is trained by its logarithm.
  public init(location: Tensor<Scalar>, scale: Tensor<Scalar>, isLearnable: Bool = false) {
    self.init(
      parameters: LocationScale(location: location, scale: scale, isLearnable: isLearnable))
  }

  /// The standard density: location 0 and scale 1 in every column.
  public init(dimension: Int, isLearnable: Bool = false) {
    self.init(
      location: .zeros([dimension]), scale: .ones([dimension]), isLearnable: isLearnable)
  }

  /// The number of columns.
  public var dimension: Int { parameters.location.count }
  /// The centre of each column, `[dimension]`.
  public var location: Tensor<Scalar> { parameters.location }
  /// The scale of each column, `[dimension]`.
  public var scale: Tensor<Scalar> { exp(parameters.logScale) }
  /// All that defines the density but its tensors.
  public var configuration: LocationScaleConfiguration {
    LocationScaleConfiguration(dimension: dimension, isLearnable: parameters.isLearnable)
  }

  /// The log-density at the location.
  public var logDensityBound: Double? {
    parameters.logScale.scalars.reduce(0) { $0 + Self.family.logPeak - Double($1) }
  }

  /// The medians of a Laplace density; none of the others.
  public var kinks: [[Double]] {
    location.scalars.map { Self.family == .laplace ? [Double($0)] : [] }
  }

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    return locationScaleLogDensity(
      Self.family.kernel, x, location: parameters.location, logScale: parameters.logScale)
  }

  /// Draws: element i of the noise is the generator's draw at its i-th next place.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    parameters.moved(Self.family.noise([count, dimension], using: &generator))
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = sample(count, context: context, using: &generator)
    return (samples, logDensity(of: samples, context: nil))
  }

  /// F_d(x_d) of each scalar.
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.cumulativeProbability(of: x)
  }

  /// The place below which a share p of each column lies.
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.quantile(of: probability)
  }

  private var columns: ColumnDensity<Scalar> {
    ColumnDensity(Self.family.kernel, [parameters.location, parameters.logScale])
  }

  /// Shows location and log-scale, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    parameters.visitParameters(&visitor)
  }
}
