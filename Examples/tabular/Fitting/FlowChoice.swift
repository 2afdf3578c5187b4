import Flows

/// A kind of flow with its size.
struct FlowChoice: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case automatic
    case realnvp
    case nice
    case maf
    case spline
    case splineAutoregressive = "spline-autoregressive"
    case glow
    case gaussianization
  }

  /// Any kind but `automatic`.
  var kind: Kind
  var layers: Int
  var hidden: [Int]
  /// Of each spline.
  var bins: Int
  /// Why it was chosen; nil where the command line says it.
  var reason: String?

  /// The flow that is asked for, with defaults where the command line says nothing.
  init(
    _ wanted: Kind, layers: Int?, hidden: [Int]?, bins: Int?, columns: Int, rows: Int
  ) {
    self = wanted == .automatic ? .automatic(columns: columns, rows: rows) : FlowChoice(wanted)
    if let layers { self.layers = layers }
    if let hidden { self.hidden = hidden }
    if let bins { self.bins = bins }
  }

  private init(_ kind: Kind) {
    self.kind = kind
    layers = kind == .maf || kind == .splineAutoregressive ? 5 : 8
    hidden = [64, 64]
    bins = 8
    if kind == .gaussianization { layers = 6 }
  }

  /// The kind and size that `NormalizingFlow.automatic(for:)` takes for columns on ℝ.
  private static func automatic(columns: Int, rows: Int) -> FlowChoice {
    let usesCouplings = columns == 2 || columns > 64
    var choice = FlowChoice(usesCouplings ? .spline : .splineAutoregressive)
    let width = counted(columns, "column")
    choice.reason =
      switch columns {
      case 1: "a spline bends one column"
      case 2: "couplings of 2 columns are fast in both directions"
      case 65...: "draws of \(width) one by one would be slow"
      default: "the better density for \(width)"
      }
    switch rows {
    case ..<2_000:
      choice.layers = 3
      choice.reason? += "; small, since \(counted(rows, "row")) would be learned by heart"
    case ..<20_000: choice.layers = 5
    case ..<200_000:
      (choice.layers, choice.hidden) = (5, [128, 128])
      choice.reason? += "; wide, since there are \(rows) rows"
    default:
      (choice.layers, choice.hidden) = (6, [192, 192])
      choice.reason? += "; wide, since there are \(rows) rows"
    }
    if usesCouplings { choice.layers *= 2 }
    return choice
  }

  /// A flow with fresh weights.
  func flow(columns: Int, context: Int, using generator: inout PhiloxGenerator)
    -> NormalizingFlow<Float>
  {
    let spline = RationalQuadraticSpline(bins: bins, tails: .learned)
    switch kind {
    case .realnvp:
      return .realNVP(
        dimension: columns, contextDimension: context, layers: layers, hidden: hidden,
        using: &generator)
    case .nice:
      return .nice(
        dimension: columns, contextDimension: context, layers: layers, hidden: hidden,
        using: &generator)
    case .maf:
      return .maf(
        dimension: columns, contextDimension: context, layers: layers, hidden: hidden,
        using: &generator)
    case .glow:
      return .glow(
        dimension: columns, contextDimension: context, layers: layers, hidden: hidden,
        using: &generator)
    case .gaussianization:
      return .gaussianization(
        dimension: columns, contextDimension: context, layers: layers, components: bins,
        hidden: hidden, using: &generator)
    case .spline:
      return .neuralSpline(
        .coupling, dimension: columns, contextDimension: context, layers: layers, hidden: hidden,
        spline: spline, using: &generator)
    case .splineAutoregressive, .automatic:
      return .neuralSpline(
        .autoregressive, dimension: columns, contextDimension: context, layers: layers,
        hidden: hidden, spline: spline, using: &generator)
    }
  }

  /// "5 layers of autoregressive splines, networks 64,64, 8 bins".
  var text: String {
    let (words, isSpline) =
      switch kind {
      case .realnvp: ("affine couplings", false)
      case .nice: ("additive couplings", false)
      case .maf: ("autoregressive affine maps", false)
      case .spline: ("spline couplings", true)
      case .splineAutoregressive, .automatic: ("autoregressive splines", true)
      case .glow: ("Glow", false)
      case .gaussianization: ("mixtures and rotations", false)
      }
    let widths = hidden.map(String.init).joined(separator: ",")
    return "\(counted(layers, "layer")) of \(words), networks \(widths)"
      + (isSpline ? ", \(bins) bins" : "")
  }
}
