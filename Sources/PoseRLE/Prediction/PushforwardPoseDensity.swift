import Flows
import Foundation

/// The predictive densities of the basic design: a Gaussian of the network, pushed through a flow.
///
/// z ~ N(μ, diag σ²), g = f(z): log p(g) = log N(f⁻¹(g); μ, σ) + log |det ∂f⁻¹/∂g| (Li et al., ICCV
/// 2021, §3.2, the design that the paper starts from). The flow acts on positions, not on
/// standardised errors, so every keypoint has a density of another shape: nothing can be tabulated
/// once for all, and ranks and quantiles cost draws for each keypoint.
public struct PushforwardPoseDensity<Scalar: TensorScalar>: Sendable {
  /// μ, in the flow's latent units, `[n, K, D]`.
  public let mean: Tensor<Scalar>
  /// log σ, `[n, K, D]`.
  public let logScale: Tensor<Scalar>
  /// The flow from latent to positions; its base is not used.
  public let flow: NormalizingFlow<Scalar>
  /// The maps of levels: none, one for all joints, or one per joint.
  public let levelMaps: [LevelMap]

  /// The densities of n poses.
  ///
  /// - Parameters:
  ///   - mean: μ, `[n, K, D]`.
  ///   - logScale: log σ, `[n, K, D]`.
  ///   - flow: the map f; its base is not used.
  ///   - levelMaps: make levels honest: none, one for all joints, or one per joint.
  public init(
    mean: Tensor<Scalar>, logScale: Tensor<Scalar>, flow: NormalizingFlow<Scalar>,
    levelMaps: [LevelMap] = []
  ) {
    precondition(
      mean.rank == 3 && mean.shape == logScale.shape && mean.shape[2] == flow.dimension,
      "means and scales have the shape [poses, joints, \(flow.dimension)]; got \(mean.shape) and "
        + "\(logScale.shape)")
    precondition(
      levelMaps.count <= 1 || levelMaps.count == mean.shape[1],
      "there is one map of levels, or one for each of \(mean.shape[1]) joints; got "
        + "\(levelMaps.count)")
    precondition(
      flow.contextDimension == 0, "a flow that is shared by poses takes no context")
    self.mean = mean
    self.logScale = logScale
    self.flow = flow
    self.levelMaps = levelMaps
  }

  /// f(μ), the prediction, `[n, K, D]`: the image of the mode, and neither mean nor mode of g.
  public var prediction: Tensor<Scalar> {
    flow.toData(mean.reshaped(to: [-1, dimension])).value.reshaped(to: mean.shape)
  }

  /// The number D of axes.
  public var dimension: Int { mean.shape[2] }

  /// log p of a position of each keypoint, in nats: `[n, K, D]` → `[n, K]`; −∞ where not finite.
  public func logDensity(of positions: Tensor<Scalar>) -> Tensor<Scalar> {
    precondition(
      positions.shape == mean.shape,
      "there is one position for each keypoint of \(mean.shape); got \(positions.shape)")
    let rows = positions.reshaped(to: [-1, dimension])
    let (centre, logScale) = (mean.reshaped(to: rows.shape), logScale.reshaped(to: rows.shape))
    return guardedLogDensity(rows) { rows in
      let latent = flow.toLatent(rows)
      return gaussianLogDensity((latent.value - centre) * exp(-logScale), logScale)
        + latent.logDet
    }.reshaped(to: Array(mean.shape.dropLast()))
  }

  /// Independent draws of every keypoint, `[count, n, K, D]`.
  public func sample(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    let noise = Tensor<Scalar>.normal([count] + mean.shape, using: &generator)
    let z = mean + noise * exp(logScale)
    return flow.toData(z.reshaped(to: [-1, dimension])).value.reshaped(to: z.shape)
  }

  /// The level of the smallest highest-density region around a position of each keypoint, `[n, K]`.
  ///
  /// #{draws of a higher density} / (draws + 1); 1 for positions that are not finite. All keypoints
  /// share the same standard normals. The standard error of a rank r is √(r(1 − r)/draws).
  ///
  /// - Complexity: draws flow evaluations for each keypoint.
  public func ranks(of positions: Tensor<Scalar>, draws: Int = 1_024, seed: UInt64 = 2_021)
    -> Tensor<Double>
  {
    let values = Tensor<Double>(logDensity(of: positions)).scalars
    var ranks: [Double] = []
    forEachKeypoint(draws: draws, seed: seed) { _, logDensities in
      let value = values[ranks.count]
      let higher = logDensities.reduce(0) { $0 + ($1 > value ? 1 : 0) }
      ranks.append(value > -.infinity ? Double(higher) / Double(draws + 1) : 1)
    }
    let joints = mean.shape[1]
    if !levelMaps.isEmpty {
      for place in ranks.indices {
        let map = levelMaps[levelMaps.count == 1 ? 0 : place % joints]
        ranks[place] = map.calibrated(rank: ranks[place])
      }
    }
    return Tensor(shape: [mean.shape[0], joints], scalars: ranks)
  }

  /// For each axis of each keypoint the quantile of draws, `[n, K, D]`.
  ///
  /// - Complexity: draws flow evaluations for each keypoint.
  public func quantile(_ probability: Double, draws: Int = 1_024, seed: UInt64 = 2_021)
    -> Tensor<Scalar>
  {
    precondition(
      probability >= 0 && probability <= 1, "a probability lies in [0, 1]; got \(probability)")
    var quantiles: [Double] = []
    forEachKeypoint(draws: draws, seed: seed) { samples, _ in
      for axis in 0..<dimension {
        let column = stride(from: samples.startIndex + axis, to: samples.endIndex, by: dimension)
        quantiles.append(sampleQuantile(probability, of: column.map { samples[$0] }.sorted()))
      }
    }
    return Tensor(Tensor<Double>(shape: mean.shape, scalars: quantiles))
  }

  /// Draws of one keypoint after the other, D numbers each, and their log-densities.
  private func forEachKeypoint(
    draws: Int, seed: UInt64, _ body: (ArraySlice<Double>, ArraySlice<Double>) -> Void
  ) {
    precondition(draws >= 1, "there is at least one draw; got \(draws)")
    var generator = PhiloxGenerator(seed: seed)
    let noise = Tensor<Scalar>.normal([1, draws, dimension], using: &generator)
    let keypoints = mean.shape[0] * mean.shape[1]
    let centres = mean.reshaped(to: [keypoints, 1, dimension])
    let logScales = logScale.reshaped(to: [keypoints, 1, dimension])
    let step = max(1, 8_192 / draws)
    for first in stride(from: 0, to: keypoints, by: step) {
      let part = first..<min(keypoints, first + step)
      let scales = logScales[rows: part].broadcast(to: [part.count, draws, dimension])
      let z = centres[rows: part] + noise * exp(scales)
      let image = flow.toData(z.reshaped(to: [-1, dimension]))
      let values = gaussianLogDensity(noise.broadcast(to: z.shape), scales).flattened()
      let logDensities = Tensor<Double>(values - image.logDet).scalars
      let samples = Tensor<Double>(image.value).scalars
      for index in 0..<part.count {
        body(
          samples[(index * draws * dimension)..<((index + 1) * draws * dimension)],
          logDensities[(index * draws)..<((index + 1) * draws)])
      }
    }
  }
}

/// Σ_d [−x_d²/2 − log σ_d − log √(2π)] over the last axis.
private func gaussianLogDensity<Scalar>(_ x: Tensor<Scalar>, _ logScale: Tensor<Scalar>)
  -> Tensor<Scalar>
{
  let constant = Scalar(0.5 * Foundation.log(2 * Double.pi))
  return -((x.squared() * 0.5 + logScale + constant).sum(axis: -1))
}
