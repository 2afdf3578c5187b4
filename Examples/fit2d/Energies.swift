import Flows

/// The two energies as tensor operations, so that reverse KL can differentiate through them.
///
/// Formulas and constants as in Docs/ToyData.md; a test holds them against the scalar form.
enum EnergyTensors {
  static func logDensity(_ name: String) -> (@Sendable (Tensor<Float>) -> Tensor<Float>)? {
    switch name {
    case "u1": { twoSidedRing($0) }
    case "u2": { sineValley($0) }
    default: nil
    }
  }

  static func twoSidedRing<S: TensorScalar>(_ z: Tensor<S>) -> Tensor<S> {
    let z1 = z[columns: 0..<1]
    // The small constant keeps the derivative of the root finite at the origin.
    let radius = sqrt(z.squared().sum(axis: 1, keepingAxis: true) + S(1e-12))
    let ring = ((radius - 2) / S(0.4)).squared() * S(-0.5)
    let right = ((z1 - 2) / S(0.6)).squared() * S(-0.5)
    let left = ((z1 + 2) / S(0.6)).squared() * S(-0.5)
    let sides = Tensor.concatenated([right, left], axis: 1).logSumExp(axis: 1)
    return ring.squeezed(axis: 1) + sides
  }

  static func sineValley<S: TensorScalar>(_ z: Tensor<S>) -> Tensor<S> {
    let z1 = z[columns: 0..<1]
    let z2 = z[columns: 1..<2]
    let valley = ((z2 - sin(z1 * (S.pi / 2))) / S(0.4)).squared() * S(-0.5)
    let wall = (relu(abs(z1) - 4) / S(0.2)).squared() * S(-0.5)
    return (valley + wall).squeezed(axis: 1)
  }
}
