/// How often a column takes each of its values.
struct ValueCounts {
  /// Values with their counts, the most frequent first; of equal ones the smallest.
  private(set) var frequent: [(value: Double, count: Int)] = []
  private(set) var distinct = 0
  /// The distance of the values' grid; nil where they lie on none.
  private(set) var step: Double?
  /// Values as often as half of all values are, or less.
  private(set) var typicalCount = 1
  private let total: Int

  /// - Parameters:
  ///   - values: finite numbers.
  ///   - precision: the relative distance of neighbours of the type that held them.
  init(_ values: [Double], precision: Double) {
    total = values.count
    let sorted = values.sorted()
    var runs: [(value: Double, count: Int)] = []
    for value in sorted {
      if let last = runs.last, last.value == value {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((value, 1))
      }
    }
    distinct = runs.count
    guard !runs.isEmpty else { return }
    typicalCount = runs.map(\.count).sorted()[runs.count / 2]
    frequent = Array(runs.filter { $0.count > 1 }.sorted { $0.count > $1.count }.prefix(64))
    step = Self.grid(runs.map(\.value), precision)
  }

  /// True where a column takes few values, or values of a grid several times each.
  var isDiscrete: Bool {
    if distinct < 2 { return false }
    return step != nil && total >= 2 * distinct || total >= 20 * distinct && distinct <= 50
  }

  /// Single values that a continuous column would not take so often: one row in a hundred, and ten
  /// times as often as is typical of the column's values.
  var pointMasses: [(value: Double, share: Double)] {
    if isDiscrete || distinct < 2 { return [] }
    let least = Swift.max(5, 10 * typicalCount, (total + 99) / 100)
    return frequent.filter { $0.count >= least }
      .map { ($0.value, Double($0.count) / Double(total)) }
  }

  /// The distance of a grid on which all of some ascending values lie.
  private static func grid(_ values: [Double], _ precision: Double) -> Double? {
    let gaps = zip(values.dropFirst(), values).map { $0 - $1 }
    guard let smallest = gaps.min(), let low = values.first, let high = values.last else {
      return nil
    }
    if values.allSatisfy({ $0 == $0.rounded() && Swift.abs($0) < 1e15 }) {
      return gaps.reduce(0) { greatestCommonDivisor($0, $1) }
    }
    let size = Swift.max(Swift.abs(low), Swift.abs(high))
    // What rounding alone may move a gap by, in steps.
    let noise = 4 * precision * size / smallest
    guard (high - low) / smallest < 1e6, noise < 0.05 else { return nil }
    var cells = 0.0
    for gap in gaps.sorted() {
      let step = cells > 0 ? smallest : gap
      let count = (gap / step).rounded()
      cells += count
      // The smallest gap is rounded too, which counts once for each step.
      if Swift.abs(gap / step - count) > 0.05 + noise * count { return nil }
      if noise * count > 0.4 { return nil }
    }
    let step = (high - low) / cells
    var place = low
    for (index, gap) in gaps.enumerated() {
      place += (gap / step).rounded() * step
      if Swift.abs(values[index + 1] - place) > 0.1 * step { return nil }
    }
    return step
  }

  private static func greatestCommonDivisor(_ a: Double, _ b: Double) -> Double {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a.truncatingRemainder(dividingBy: b)) }
    return a
  }
}
