import FlowChecks

@testable import Flows

/// Forms that other libraries give affine maps.
extension FlowTable {
  static let peerForms: [FlowCase] =
    [AffineCoupling<Double>.Networks.separate, .joint].map { networks in
      FlowCase("affine \(networks) softplus, D 3", noise: 0.25) {
        AffineCoupling(
          dimension: 3, mask: .alternating(1), hidden: [8], networks: networks, scale: .softplus(),
          using: &$0)
      }
    }
    + [("soft", CouplingScale.soft()), ("softplus", .softplus())].flatMap { name, scale in
      latentAffine(name, .latentAffine(scale: scale))
    }

  private static func latentAffine(_ name: String, _ transform: ColumnTransform) -> [FlowCase] {
    [
      FlowCase("elementwise latent affine \(name), D 1", noise: 0.25) {
        Elementwise<Double>(dimension: 1, transform: transform, using: &$0)
      },
      FlowCase("coupling latent affine \(name), D 2", noise: 0.25) {
        Coupling<Double>(
          dimension: 2, mask: .alternating(0), transform: transform, hidden: [8],
          activation: .tanh, outputInitializer: .pyTorch, using: &$0)
      },
      FlowCase("autoregressive latent affine \(name), D 3, context 1", noise: 0.25) {
        Autoregressive<Double>(
          dimension: 3, transform: transform, contextDimension: 1, hidden: [8], activation: .tanh,
          outputInitializer: .pyTorch, using: &$0)
      },
    ]
  }
}
