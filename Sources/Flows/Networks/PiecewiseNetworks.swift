internal import CFlowKernels

/// Networks of one input, two hidden layers and (leaky) ReLU, which run by their linear pieces.
package enum PiecewiseNetworks {
  /// False where the environment variable `FLOWS_PIECEWISE` is `off`, so that they run by products
  /// like all others.
  package static var areUsed: Bool { fk_uses_pieces() }
}
