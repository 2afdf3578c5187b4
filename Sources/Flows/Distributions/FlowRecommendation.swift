/// What kind and size of flow suits a table, and why.
struct FlowRecommendation {
  /// Kinds of flows.
  enum Kind: Hashable {
    /// One column: a map of that column.
    case elementwise
    /// Couplings: fast in both directions.
    case coupling
    /// Each column given those before it: the better density for its size, slow to draw from.
    case autoregressive
    /// Couplings of columns some of which are angles.
    case circular
  }

  let dimension: Int
  let contextDimension: Int
  private(set) var kind = Kind.coupling
  /// Transforms, each of all columns.
  private(set) var layers = 5
  /// Widths of the hidden layers of each network.
  private(set) var hidden = [64, 64]
  /// Bins of each spline.
  private(set) var bins = 8
  /// Of each column; nil where all are real.
  private(set) var support: [Support]?
  private(set) var fitOptions = FitOptions()
  private(set) var reasons: [String] = []

  init(_ table: TableReport, contextDimension: Int, declared: [Support]?) {
    dimension = table.columns.count
    self.contextDimension = contextDimension
    chooseSupport(table, declared)
    chooseKind()
    chooseSize(rows: table.rows)
    warn(table)
  }

  private mutating func chooseSupport(_ table: TableReport, _ declared: [Support]?) {
    let chosen = declared ?? table.columns.map(\.suggestedSupport)
    for (column, support) in zip(table.columns, chosen) where support != .real {
      reasons.append(
        declared != nil
          ? "\(column.label) is declared to lie in \(support): a support map stands at the data side"
          : "\(column.label) \(column.supportReason): a support map keeps draws in \(support), and rows "
            + "outside of it have density zero")
    }
    if chosen.contains(where: { $0 != .real }) { support = chosen }
  }

  private mutating func chooseKind() {
    if support?.contains(.circle) == true {
      kind = .circular
      reasons.append("columns that are angles take a flow of the circle")
    } else if dimension == 1 {
      kind = .elementwise
      reasons.append("one column: a map of that column, without couplings")
    } else if dimension == 2 || dimension > 64 {
      kind = .coupling
      reasons.append(
        dimension == 2
          ? "two columns: couplings, which are fast in both directions"
          : "\(dimension) columns: couplings, since draws of an autoregressive flow go column by "
            + "column")
    } else {
      kind = .autoregressive
      reasons.append(
        "\(dimension) columns: an autoregressive flow, which gives the better density for its size")
    }
  }

  private mutating func chooseSize(rows: Int) {
    let size: String
    switch rows {
    case ..<2_000:
      layers = 3
      size = "few rows: small networks with weight decay, and early stopping on a fifth of the rows"
      fitOptions.optimizer = .adamW(weightDecay: 0.05)
      fitOptions.learningRate = .cosine(1e-3).warmingUp(over: 100)
      fitOptions.validationFraction = 0.2
      fitOptions.batchSize = 128
      fitOptions.validationInterval = 50
      fitOptions.steps = 3_000
    case ..<20_000:
      size = "networks of 64 × 64 with weight decay, and early stopping on a tenth of the rows"
      fitOptions.optimizer = .adamW(weightDecay: 0.1)
      fitOptions.learningRate = .cosine(1e-3).warmingUp(over: 100)
      fitOptions.batchSize = 256
      fitOptions.patience = 40
      fitOptions.steps = 6_000
    case ..<200_000:
      hidden = [128, 128]
      size = "networks of 128 × 128, and early stopping on a tenth of the rows"
      fitOptions.optimizer = .adamW(weightDecay: 1e-4)
      fitOptions.learningRate = .cosine(1e-3).warmingUp(over: 100)
      fitOptions.averageDecay = 0.9995
      fitOptions.validationInterval = 350
      fitOptions.steps = 12_000
    default:
      (layers, hidden) = (6, [192, 192])
      size = "many rows: networks of 192 × 192; early stopping on 20,000 rows"
      fitOptions.batchSize = 1_024
      fitOptions.validationFraction = 20_000 / Double(rows)
      fitOptions.validationInterval = 250
      fitOptions.steps = 20_000
    }
    reasons.append("\(rows) rows: \(size)")
    if rows < 50 * dimension {
      reasons.append(
        "\(rows) rows are few for \(dimension) columns: compare the result with a MultivariateGaussian"
      )
    }
  }

  private mutating func warn(_ table: TableReport) {
    reasons += table.sentences([.pointMass, .discrete]).map {
      "\($0); until then log-densities mean little"
    }
  }
}
