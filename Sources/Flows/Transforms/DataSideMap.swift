/// A flow without trained tensors or context whose place is at the data side, outside of the units
/// that `fit` finds: data are taken through it once, before training.
protocol DataSideMap<Scalar>: Flow {}

/// A flow, or a density, that can tell which row lies outside of its support where the columns' own
/// supports do not.
protocol RowConstrained<Scalar> {
  associatedtype Scalar: TensorScalar

  /// The first row of `x` that is not within.
  func violation(in x: Tensor<Scalar>) -> RowViolation?
}

/// Where and why a row lies outside of a support; row and column count from 0.
struct RowViolation {
  let row: Int
  let column: Int
  let message: String
}

extension NormalizingFlow: RowConstrained {
  /// The map at the data side that stays outside of the units, if there is one alone: of two in a row
  /// neither does, lest the inner one be taken for the outer where that is set aside.
  var dataSideMap: (any DataSideMap<Scalar>)? {
    get {
      let inner = flow.flows.dropLast().last
      return inner is any DataSideMap<Scalar> ? nil : flow.flows.last as? any DataSideMap<Scalar>
    }
    set {
      if dataSideMap != nil { flow.flows.removeLast() }
      if let newValue { flow.flows.append(newValue) }
    }
  }

  /// True where maps onto a support stand elsewhere: units in front of them would break their support.
  var hasOtherDataSideMaps: Bool {
    let others = flow.flows.dropLast(dataSideMap == nil ? 0 : 1)
    return others.contains { $0 is any DataSideMap<Scalar> }
  }

  func violation(in x: Tensor<Scalar>) -> RowViolation? {
    (flow.flows.last as? any RowConstrained<Scalar>)?.violation(in: x)
  }
}

/// −∞ with a gradient of zero in rows where any entry of the mask is not 0.
func outside<Scalar>(_ mask: Tensor<Scalar>, _ logDet: Tensor<Scalar>) -> Tensor<Scalar> {
  Tensor.select(where: mask.sum(axis: 1) .> Tensor(0), Tensor(-.infinity), else: logDet)
}

/// The ends of columns of which some are bounded.
struct SupportBox<Scalar: TensorScalar> {
  /// A place within, `[dimension]`.
  let middle: Tensor<Scalar>
  private let low: Tensor<Scalar>
  private let high: Tensor<Scalar>

  /// Nil where no column has an end.
  init?(_ columns: [Support]) {
    if columns.allSatisfy({ $0 == .real || $0 == .circle }) { return nil }
    var (low, high, middle): ([Scalar], [Scalar], [Scalar]) = ([], [], [])
    for column in columns {
      switch column {
      case .real, .circle:
        (low, high, middle) = (low + [-.infinity], high + [.infinity], middle + [0])
      case .positive:
        (low, high, middle) = (low + [.leastNonzeroMagnitude], high + [.infinity], middle + [1])
      case .interval(let a, let b):
        (low, high) = (low + [Scalar(a)], high + [Scalar(b)])
        middle.append(Scalar(a / 2 + b / 2))
      }
    }
    (self.low, self.high, self.middle) = (Tensor(low), Tensor(high), Tensor(middle))
  }

  /// 1 where a number lies outside, `[rows, dimension]`.
  func outside(_ x: Tensor<Scalar>) -> Tensor<Scalar> { (x .< low) + (x .> high) }
}
