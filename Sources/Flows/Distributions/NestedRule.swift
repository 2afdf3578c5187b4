/// A Kronrod rule on [−1, 1] with the Gauss rule inside it (Kronrod, 1965; numbers of QUADPACK's kind,
/// Piessens et al., 1983).
///
/// Low orders are meant: densities of flows with piecewise linear networks have kinks everywhere, on
/// which a high order gains nothing.
struct NestedRule: Sendable {
  /// Places in (−1, 1).
  let nodes: [Double]
  /// Weights of the Kronrod rule; they add up to 2.
  let weights: [Double]
  /// Weights of the Kronrod rule less those of the Gauss rule, whose sum measures the error.
  let differences: [Double]

  /// 5 nodes, exact to degree 7, around the 2 of Gauss.
  static let kronrod5 = NestedRule(
    outer: [
      (0.925_820_099_772_551_5, 98.0 / 495), (0.577_350_269_189_625_8, 27.0 / 55),
      (0, 28.0 / 45),
    ], inner: [0, 1, 0])

  /// 7 nodes, exact to degree 11, around the 3 of Gauss.
  static let kronrod7 = NestedRule(
    outer: [
      (0.960_491_268_708_020_3, 0.104_656_226_026_467_3),
      (0.774_596_669_241_483_4, 0.268_488_089_868_333_4),
      (0.434_243_749_346_802_6, 0.401_397_414_775_962_2),
      (0, 0.450_916_538_658_474_1),
    ], inner: [0, 5.0 / 9, 0, 8.0 / 9])

  /// From the outermost pair of nodes to the middle.
  private init(outer: [(node: Double, weight: Double)], inner: [Double]) {
    let half = outer.dropLast()
    let differences = zip(outer, inner).map { $0.weight - $1 }
    nodes = outer.map { -$0.node } + half.reversed().map(\.node)
    weights = outer.map(\.weight) + half.reversed().map(\.weight)
    self.differences = differences + differences.dropLast().reversed()
  }
}
