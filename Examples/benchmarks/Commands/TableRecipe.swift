import ExampleSupport
import Flows

/// Which flow is fitted to a table, and how.
struct TableRecipe {
  private enum Kind: String, CaseIterable {
    case realnvp
    case spline
    case splineAutoregressive = "spline-autoregressive"
    case gaussianization
    case automatic
  }

  private let kind: Kind
  private let layers: Int
  private let hidden: [Int]
  private let bins: Int
  private let batch: Int
  private let rate: Double
  private let decay: Double
  private let patience: Int?
  /// At most so many steps.
  let steps: Int?

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let name = try arguments.choice("flow", from: Kind.allCases.map(\.rawValue), kind: "flow")
    kind = Kind(rawValue: name) ?? .realnvp
    layers = try arguments.int("layers", in: 1...1_000)
    let width = try arguments.int("width", in: 1...65_536)
    hidden = [width, width]
    bins = try arguments.int("bins", in: 2...1_024)
    batch = try arguments.int("batch", in: 1...1_000_000)
    rate = try arguments.double("rate", in: 1e-9...10)
    decay = try arguments.double("decay", in: 0...10)
    patience =
      arguments.isGiven("patience") ? try arguments.int("patience", in: 1...1_000_000) : nil
    steps = arguments.isGiven("steps") ? try arguments.int("steps", in: 1...100_000_000) : nil
  }

  /// What reports call it.
  var name: String {
    kind == .automatic ? kind.rawValue : "\(kind.rawValue) \(layers) x \(hidden[0])"
  }

  func flow(_ training: Tensor<Float>, using generator: inout PhiloxGenerator) throws
    -> NormalizingFlow<Float>
  {
    let dimension = training.shape[1]
    let spline = RationalQuadraticSpline(bins: bins, tails: .learned)
    switch kind {
    case .realnvp:
      return .realNVP(
        dimension: dimension, layers: layers, hidden: hidden, networks: .joint, using: &generator)
    case .spline:
      return .neuralSpline(
        .coupling, dimension: dimension, layers: layers, hidden: hidden, spline: spline,
        using: &generator)
    case .splineAutoregressive:
      return .neuralSpline(
        .autoregressive, dimension: dimension, layers: layers, hidden: hidden, spline: spline,
        using: &generator)
    case .gaussianization:
      return .gaussianization(
        dimension: dimension, layers: layers, components: bins, using: &generator)
    case .automatic:
      // Every column of these tables may lie beyond what was seen.
      return try .automatic(
        for: training, support: [Support](repeating: .real, count: dimension), using: &generator
      ).flow
    }
  }

  func options(rows: Int, seed: UInt64) -> FitOptions {
    FitOptions {
      $0.batchSize = batch
      $0.validationInterval = max(20, min(500, rows / batch))
      $0.patience = patience
      $0.averageDecay = rows < 20_000 ? 0.998 : 0.9995
      $0.learningRate = .cosine(rate).warmingUp(over: 100)
      $0.optimizer = decay > 0 ? .adamW(weightDecay: decay) : .adam()
      $0.seed = seed
    }
  }
}
