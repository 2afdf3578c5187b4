import Flows

/// Floating-point operations per row of the RLE RealNVP; a multiply-add is two.
///
/// Only matrix products count, and what stands in their place. All fractions of the multiply-add peak come from here.
enum FlowOperations {
  private static let layers = 6
  private static let width = 64.0

  /// A forward pass, such as a log-density or a draw.
  static func forward(dimension: Int) -> OperationCount {
    OperationCount(
      executed: usesPieces(dimension)
        ? networks * 2
        : sumOverNetworks(dimension) { inputs, outputs in
          2 * (inputs * width + width * width + width * outputs)
        },
      dense: sumOverNetworks(dimension) { _, _ in
        2 * (Double(dimension) * width + width * width + width * Double(dimension))
      })
  }

  /// Forward and backward; with `tracksInput` also the gradient by the rows.
  ///
  /// The backward pass has two products for each of the forward pass, save that the networks which
  /// see the rows themselves need no gradient by them. The published count is three times the
  /// forward pass.
  static func training(dimension: Int, tracksInput: Bool = false) -> OperationCount {
    let forward = forward(dimension: dimension)
    if usesPieces(dimension) {
      return OperationCount(
        executed: networks * 7, dense: 3 * forward.dense, executedOnce: networks * piecesOnce)
    }
    // Toward latent the last coupling is the one that sees the rows.
    let unused = tracksInput ? 0 : 2 * 2 * passed(layers - 1, dimension) * width
    return OperationCount(executed: 3 * forward.executed - unused, dense: 3 * forward.dense)
  }

  /// True where networks see one column and run by their linear pieces: a row then takes a search and
  /// one multiply-add each way, and a training step finds the pieces and turns their sums into
  /// gradients, however many rows there are.
  private static func usesPieces(_ dimension: Int) -> Bool {
    dimension == 2 && PiecewiseNetworks.areUsed
  }

  private static let networks = 2.0 * Double(layers)

  /// Both, as the kernels count them.
  private static let piecesOnce =
    width * (10 * width + (width + 1) * 9) + width * (21 * width + 4 * (2 * width + 1))

  /// Columns that a coupling passes to its networks.
  private static func passed(_ layer: Int, _ dimension: Int) -> Double {
    Double(layer % 2 == 0 ? dimension / 2 : (dimension + 1) / 2)
  }

  private static func sumOverNetworks(
    _ dimension: Int, _ operations: (_ inputs: Double, _ outputs: Double) -> Double
  ) -> Double {
    (0..<layers).reduce(0) { sum, layer in
      let inputs = passed(layer, dimension)
      return sum + 2 * operations(inputs, Double(dimension) - inputs)
    }
  }
}

/// Floating-point operations in products.
struct OperationCount {
  /// Those that are carried out.
  let executed: Double
  /// Those of networks with all columns as inputs and outputs, as published.
  let dense: Double
  /// Those of a step, whatever its rows.
  var executedOnce = 0.0

  /// The cost of some rows.
  func cost(rows: Int) -> Cost {
    .products(executed: executed * Double(rows) + executedOnce, dense: dense * Double(rows))
  }
}
