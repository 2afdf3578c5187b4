import Foundation

/// How often confidences come true: the data of a reliability diagram and its calibration error.
public struct ReliabilityDiagram: Hashable, Sendable {
  /// One point of the diagram.
  public struct Bin: Hashable, Sendable {
    /// The mean confidence of the bin, or the nominal level.
    public let confidence: Double

    /// The mean outcome, or the share of values within the level.
    public let outcome: Double

    /// The number of values.
    public let count: Int
  }

  /// How confidences are put into bins.
  public enum Binning: Hashable, Sendable {
    /// Bins of equal width over [0, 1]; a border belongs to the bin above it, 1 to the last bin.
    case equalWidth(Int)

    /// Bins of as nearly equal counts as there can be, by rank; ties in order.
    case equalCount(Int)
  }

  /// The bins that hold anything, by ascending confidence.
  public let bins: [Bin]

  /// The diagram of confidences in [0, 1] and outcomes: 0 and 1, or similarities between.
  ///
  /// - Throws: ``PoseError`` of kind `.invalidData` with the place where a confidence is outside of
  ///   [0, 1] or an outcome not finite.
  public init(
    confidences: [Double], outcomes: [Double], binning: Binning = .equalWidth(10)
  ) throws(PoseError) {
    precondition(
      confidences.count == outcomes.count,
      "every confidence has an outcome; got \(confidences.count) and \(outcomes.count)")
    for (index, confidence) in confidences.enumerated() {
      guard 0 <= confidence, confidence <= 1 else {
        throw PoseError(
          .invalidData, "\(confidence) is not within 0...1", path: "confidences[\(index)]")
      }
      guard outcomes[index].isFinite else {
        throw PoseError(.invalidData, "is not finite", path: "outcomes[\(index)]")
      }
    }
    let groups: [[Int]]
    switch binning {
    case .equalWidth(let count):
      precondition(count > 0, "a diagram has at least one bin; got \(count)")
      var members = [[Int]](repeating: [], count: count)
      for (index, confidence) in confidences.enumerated() {
        members[min(Int(confidence * Double(count)), count - 1)].append(index)
      }
      groups = members
    case .equalCount(let count):
      precondition(count > 0, "a diagram has at least one bin; got \(count)")
      let order = Array(rankedByScore(confidences.map(-)))
      groups = (0..<count).map {
        Array(order[$0 * order.count / count..<($0 + 1) * order.count / count])
      }
    }
    bins = groups.filter { !$0.isEmpty }.map { group in
      let n = Double(group.count)
      return Bin(
        confidence: group.reduce(0) { $0 + confidences[$1] } / n,
        outcome: group.reduce(0) { $0 + outcomes[$1] } / n, count: group.count)
    }
  }

  /// The coverage of credible regions at nominal levels.
  ///
  /// - Parameters:
  ///   - contents: for each joint the probability content of the smallest credible region that holds
  ///     its label; uniform on [0, 1] for a calibrated density. Weights say only which joints count.
  ///   - levels: the nominal levels.
  public init(coverageOf contents: JointTable, at levels: [Double]) {
    let counted = contents.values.indices.filter { contents.weights[$0] > 0 }
    bins = levels.sorted().compactMap { level in
      guard !counted.isEmpty else { return nil }
      let hits = counted.count { contents.values[$0] < level }
      return Bin(
        confidence: level, outcome: Double(hits) / Double(counted.count), count: counted.count)
    }
  }

  /// The expected calibration error, Σ n_b |outcome_b − confidence_b| / Σ n_b; NaN without bins.
  ///
  /// For coverage it is the mean deviation from the nominal levels. Source: Guo et al., ICML 2017.
  public var expectedCalibrationError: Double {
    let total = bins.reduce(0) { $0 + $1.count }
    let sum = bins.reduce(0) { $0 + Double($1.count) * ($1.outcome - $1.confidence).magnitude }
    return sum / Double(total)
  }

  /// The largest |outcome_b − confidence_b|; NaN without bins.
  public var maximumCalibrationError: Double {
    bins.map { ($0.outcome - $0.confidence).magnitude }.max() ?? .nan
  }
}
