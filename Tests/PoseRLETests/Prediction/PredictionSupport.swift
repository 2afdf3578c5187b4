import Flows
import Foundation
import PoseRLE

/// The share of true values.
func share(_ values: [Bool]) -> Double {
  Double(values.reduce(0) { $0 + ($1 ? 1 : 0) }) / Double(values.count)
}

/// The largest distance of the empirical distribution of numbers in [0, 1] from the uniform one.
func uniformDistance(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return sorted.indices.reduce(0) { largest, index in
    let (below, above) = (Double(index), Double(index + 1))
    let count = Double(sorted.count)
    return max(largest, abs(sorted[index] - below / count), abs(sorted[index] - above / count))
  }
}

/// P(‖X‖² ≤ r²) of a standard Gaussian of two or three columns.
func gaussianMass(radius r: Double, dimension: Int) -> Double {
  if dimension == 2 { return 1 - exp(-r * r / 2) }
  return Foundation.erf(r / 2.0.squareRoot()) - (2 / Double.pi).squareRoot() * r * exp(-r * r / 2)
}

/// P(‖X‖₁ ≤ r) of a standard Laplace density of two or three columns.
func laplaceMass(radius r: Double, dimension: Int) -> Double {
  1 - exp(-r) * (dimension == 2 ? 1 + r : 1 + r + r * r / 2)
}

/// Predictions of poses with scales that differ, and true positions with errors from a density.
struct SyntheticPoses {
  var mean: Tensor<Double>
  var logScale: Tensor<Double>
  var positions: Tensor<Double>

  init(
    _ density: any Distribution<Double>, poses: Int, joints: Int, seed: UInt64
  ) {
    var generator = PhiloxGenerator(seed: seed)
    let shape = [poses, joints, density.dimension]
    mean = .normal(shape, using: &generator)
    logScale = .uniform(shape, in: -3 ..< -1, using: &generator)
    let errors = density.sample(poses * joints, using: &generator).reshaped(to: shape)
    positions = mean + exp(logScale) * errors
  }

  func density(
    _ errors: [ErrorDistribution<Double>], scaledBy factor: Double = 1
  ) -> PoseDensity<Double> {
    PoseDensity(mean: mean, logScale: logScale + Foundation.log(factor), errors: errors)
  }
}
