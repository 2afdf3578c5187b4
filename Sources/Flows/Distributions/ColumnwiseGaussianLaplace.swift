internal import CFlowKernels

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Gaussian: ColumnwiseDistribution {
  /// The density at the means.
  public var logDensityBound: Double? {
    scale.scalars.reduce(0) { $0 - log(Double($1)) - 0.918_938_533_204_672_7 }
  }

  /// Φ((x − μ)/σ).
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    let z = Tensor<Double>((x - location) / scale)
    return Tensor(
      Tensor<Double>(shape: z.shape, scalars: z.scalars.map { 0.5 * erfc(-$0 * 0.5.squareRoot()) }))
  }

  /// μ + σ Φ⁻¹(p).
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    let p = Tensor<Double>(probability)
    let z = Tensor<Double>(shape: p.shape, scalars: p.scalars.map { fk_normal_quantile($0) })
    return Tensor(z) * scale + location
  }
}

extension Laplace: ColumnwiseDistribution {
  /// The density at the medians.
  public var logDensityBound: Double? {
    scale.scalars.reduce(0) { $0 - log(2 * Double($1)) }
  }

  /// The medians.
  public var kinks: [[Double]] { location.scalars.map { [Double($0)] } }

  /// ½ e^z below the median, 1 − ½ e^−z above it.
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    let z = Tensor<Double>((x - location) / scale)
    return Tensor(
      Tensor<Double>(
        shape: z.shape, scalars: z.scalars.map { $0 < 0 ? 0.5 * exp($0) : 1 - 0.5 * exp(-$0) }))
  }

  /// μ + b log 2p below the median, μ − b log 2(1 − p) above it.
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    let p = Tensor<Double>(probability)
    let z = Tensor<Double>(
      shape: p.shape, scalars: p.scalars.map { $0 < 0.5 ? log(2 * $0) : -log(2 * (1 - $0)) })
    return Tensor(z) * scale + location
  }
}
