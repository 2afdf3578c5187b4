#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The constants of the rules for ∫ Q·G.
struct ResidualRule: Sendable {
  /// The relative error at which cubature stops.
  var tolerance: Double
  /// The most boxes of the cubature.
  var mostBoxes: Int
  /// Draws of each of the two densities that show where the product is.
  var draws: Int
  /// The most nodes that are kept.
  var mostNodes: Int
  /// The share of the integral that may be left out with the nodes that are not.
  var negligible: Double

  static func exact(dimension: Int, mostNodes: Int) -> ResidualRule {
    ResidualRule(
      tolerance: 1e-5, mostBoxes: Swift.max(8, mostNodes / (dimension == 1 ? 7 : 25)),
      draws: 1_024, mostNodes: mostNodes, negligible: 0)
  }

  static func training(dimension: Int) -> ResidualRule {
    dimension == 1
      ? ResidualRule(
        tolerance: 3e-5, mostBoxes: 18, draws: 128, mostNodes: 128, negligible: 1e-6)
      : ResidualRule(
        tolerance: 1e-4, mostBoxes: 40, draws: 128, mostNodes: 1_024, negligible: 1e-6)
  }

  /// Independent shifts that give the standard error of quasi-Monte Carlo.
  static let shifts = 16

  /// Numbers of lattice points of Q and of G to choose from, powers of two with about this sum.
  static func latticeCounts(perShift: Int) -> [(Int, Int)] {
    var half = 8
    while 4 * half <= perShift && half < 1 << 19 { half *= 2 }
    return [(half, half), (2 * half, half / 4), (half / 4, 2 * half)]
  }

  /// The source of draws and shifts: always the same, so that equal models have equal normalisers.
  static let generator = PhiloxGenerator(seed: 0x0072_6573_6964_7561)
}

/// The logarithm of a number, where a tensor's is in reach as well.
func logReal(_ x: Double) -> Double { log(x) }

/// The standard error of the mean of estimates, relative to it, from their logarithms.
func relativeStandardError(_ logEstimates: [Double]) -> Double {
  let count = Double(logEstimates.count)
  guard count > 1 else { return .infinity }
  let mean = logSum(logEstimates) - log(count)
  let squares = logEstimates.reduce(0) { $0 + (exp($1 - mean) - 1) * (exp($1 - mean) - 1) }
  return (squares / (count * (count - 1))).squareRoot()
}

extension Distribution {
  /// Rows that follow the density, made from uniform rows by quantiles and flows, so that points that
  /// fill the cube evenly fill the density evenly; plain draws where the density has no such map.
  func transported(
    _ uniforms: Tensor<Scalar>, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    if let columnwise { return columnwise.quantile(of: uniforms) }
    if let model = self as? NormalizingFlow<Scalar>, model.base.contextDimension == 0 {
      let latent = model.base.transported(uniforms, context: nil, using: &generator)
      return Tiles.map(latent, context, isTiled: !model.mixesRows, columns: dimension) {
        model.toData($0, context: $1).value
      }
    }
    return sample(uniforms.storage.shape[0], context: context, using: &generator)
  }
}
