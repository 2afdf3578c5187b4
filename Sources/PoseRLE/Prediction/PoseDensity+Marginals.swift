import Flows

extension PoseDensity {
  /// For each axis of each keypoint the place below which a share of the density lies, `[n, K, D]`.
  ///
  /// With a shear the second and third axis are read off 8,192 draws sorted for every keypoint.
  ///
  /// - Complexity: O(n·K·D), without a shear.
  public func quantile(_ probability: Double) -> Tensor<Scalar> { quantiles([probability])[0] }

  /// For each axis the central interval: a share (1 − level)/2 of the density lies on either side.
  ///
  /// - Returns: both ends, `[n, K, D]` each.
  public func interval(level: Double) -> (lower: Tensor<Scalar>, upper: Tensor<Scalar>) {
    precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
    let ends = quantiles([(1 - level) / 2, (1 + level) / 2])
    return (ends[0], ends[1])
  }

  /// The median of each axis, `[n, K, D]`.
  public var median: Tensor<Scalar> { quantile(0.5) }

  /// The mean of each keypoint, μ + diag(T·σ)·U·E[x], `[n, K, D]`.
  public var mean: Tensor<Scalar> {
    let expected = Tensor<Double>(errors.map(\.mean))
    return frame.positions(of: Tensor(expected).broadcast(to: frame.mean.shape))
  }

  /// The covariance of each keypoint, `[n, K, D, D]`, in unit².
  public var covariance: Tensor<Scalar> {
    let flat = movedCovariances(
      frame.linearMaps, errors.map(\.covariance), dimension: dimension)
    return Tensor(
      Tensor<Double>(shape: frame.mean.shape + [dimension], scalars: flat))
  }

  /// The standard deviation of each axis, `[n, K, D]`.
  public var standardDeviation: Tensor<Scalar> {
    let covariance = covariance
    let diagonal = (0..<dimension).map { axis in
      covariance.slice(axis..<(axis + 1), axis: 2).slice(axis..<(axis + 1), axis: 3)
        .reshaped(to: [poseCount, jointCount])
    }
    return sqrt(Tensor.stacked(diagonal, axis: 2))
  }

  /// The outlines of the regions at a level of all joints of a pose, in the units of positions.
  ///
  /// - Complexity: resolution² log-densities for each distribution of errors and map of levels.
  /// - Precondition: there are two axes.
  public func outlines(pose: Int, level: Double, resolution: Int = 128) -> [RegionOutline] {
    let isShared = errors.count == 1 && calibration.levelMaps.count <= 1
    var shared: RegionOutline?
    return (0..<jointCount).map { joint in
      let density = self[pose, joint]
      let outline =
        (isShared ? shared : nil)
        ?? density.errors.outline(level: density.nominal(level), resolution: resolution)
      shared = outline
      return density.moved(outline)
    }
  }

  /// The areas or volumes of the regions at a level, `[n, K]`, in unitᴰ.
  public func volumes(level: Double) -> Tensor<Double> {
    let volumes = errorVolumes(level: level)
    return exp(Tensor<Double>(frame.logDeterminant)) * Tensor(volumes)
  }

  /// The volume of the region of standardised errors, for each joint.
  func errorVolumes(level: Double) -> [Double] {
    var known: [Double: Double] = [:]
    return (0..<jointCount).map { joint in
      let nominal = calibration.levelMap(joint: joint)?.nominal(level: level) ?? level
      if errors.count == 1, let volume = known[nominal] { return volume }
      let volume = errors(joint: joint).volume(level: nominal).value
      known[nominal] = volume
      return volume
    }
  }

  private func quantiles(_ probabilities: [Double]) -> [Tensor<Scalar>] {
    guard frame.shear != nil else {
      return probabilities.map { probability in
        let table = errors.map { errors in
          (0..<dimension).map { errors.quantile(probability, axis: $0) }
        }
        return frame.positions(of: Tensor(Tensor<Double>(table)))
      }
    }
    let (maps, centres) = (frame.linearMaps, Tensor<Double>(frame.mean).scalars)
    var results = probabilities.map { _ in centres }
    for place in centres.indices {
      let errors = errors(joint: place / dimension % jointCount)
      let direction = Array(maps[(place * dimension)..<((place + 1) * dimension)])
      let values = errors.quantiles(probabilities, along: direction)
      for (index, value) in values.enumerated() { results[index][place] += value }
    }
    return results.map { Tensor(Tensor<Double>(shape: frame.mean.shape, scalars: $0)) }
  }
}
