import Flows

/// The Gaussian with a full covariance, or given context the linear regression with Gaussian errors: what
/// a flow has to beat.
///
/// With context, log p(x | c) = log p(x, c) − log p(c) under the joint Gaussian.
struct GaussianBaseline {
  private let mean: Tensor<Double>
  private let deviation: Tensor<Double>
  private let joint: MultivariateGaussian<Double>
  private let context: MultivariateGaussian<Double>?
  /// The context columns that vary.
  private let kept: [Int]
  /// Σ log of the standard deviations of the density's columns.
  private let logScale: Double

  /// The maximum-likelihood Gaussian of some rows; nil where the columns depend on each other linearly.
  init?(_ data: Tensor<Double>, context: Tensor<Double>?) {
    let columns = data.shape[1]
    var varying: [Int] = []
    if let context {
      let variance = context.variance(axis: 0).scalars
      varying = variance.indices.filter { variance[$0] > 0 }
    }
    kept = varying
    let all = GaussianBaseline.joined(data, context, kept)
    mean = all.mean(axis: 0)
    deviation = sqrt((all - mean).squared().mean(axis: 0))
    logScale = log(deviation[rows: 0..<columns]).sum().scalar
    guard deviation.scalars.allSatisfy({ $0 > 0 }) else { return nil }
    let units = (all - mean) / deviation
    let covariance = units.transposed().matmul(units) / Double(all.shape[0])
    let width = all.shape[1]
    guard
      let joint = try? MultivariateGaussian<Double>(mean: .zeros([width]), covariance: covariance)
    else { return nil }
    self.joint = joint
    guard width > columns else {
      self.context = nil
      return
    }
    let block = covariance[rows: columns..<width][columns: columns..<width]
    self.context = try? MultivariateGaussian<Double>(
      mean: .zeros([width - columns]), covariance: block)
  }

  /// log p of each row.
  func logLikelihood(of data: Tensor<Double>, context rows: Tensor<Double>?) -> LogLikelihood {
    let columns = data.shape[1]
    let units = (GaussianBaseline.joined(data, rows, kept) - mean) / deviation
    var result = joint.logDensity(of: units) - logScale
    if let context {
      result = result - context.logDensity(of: units[columns: columns..<units.shape[1]])
    }
    return LogLikelihood(rows: result.scalars)
  }

  private static func joined(
    _ data: Tensor<Double>, _ context: Tensor<Double>?, _ kept: [Int]
  ) -> Tensor<Double> {
    guard let context, !kept.isEmpty else { return data }
    return .concatenated([data, context.columns(kept)], axis: 1)
  }
}
