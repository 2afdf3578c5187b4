/// What the page at the end of a run shows, as plain numbers.
///
/// Whatever is empty or nil leaves its figure out. Likelihoods go by name: one name, one colour on
/// the whole page, in the order of ``rows``.
struct PoseReport: Sendable {
  /// The headline.
  var title: String
  /// One sentence below it.
  var subtitle = ""
  /// What was found, most important first.
  var findings: [String] = []
  /// The circumstances: data, network, steps, seed, machine.
  var facts: [ReportFact] = []
  /// The command line that makes the page again.
  var command = ""
  /// The table of results.
  var rows: [ReportRow] = []
  /// How keypoints are joined in all pictures.
  var skeleton = ReportSkeleton(names: [], edges: [])
  /// Pictures that were not chosen by their errors.
  var samples: [ReportSample] = []
  /// The pictures with the largest errors, worst first.
  var worst: [ReportSample] = []
  /// The density of the error that was learned.
  var density: ReportErrorDensity?
  /// How often regions hold the truth.
  var reliability: [ReportReliability] = []
  /// The predicted spread against the error.
  var spreads: [ReportSpread] = []
  /// The course of training.
  var courses: [ReportCourse] = []
  /// What PCK counts, for the explanations.
  var pckRule = "a fifth of the crop's side"

  /// The page in UTF-8: one file that needs no network.
  var bytes: [UInt8] { PoseReportPage(self).page.bytes }
}

/// One circumstance of a run.
struct ReportFact: Sendable {
  var name: String
  var value: String

  init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// A number of the table, perhaps the mean of several runs; not finite where it is missing.
struct ReportValue: Sendable, ExpressibleByFloatLiteral {
  var mean: Double
  /// The standard deviation over runs.
  var deviation: Double?

  init(_ mean: Double?, deviation: Double? = nil) {
    self.mean = mean ?? .nan
    self.deviation = deviation
  }

  init(floatLiteral value: Double) { self.init(value) }

  /// The mean and the standard deviation of several runs.
  init(of values: [Double]) {
    let known = values.filter(\.isFinite)
    let mean = known.reduce(0, +) / Double(known.count)
    let squares = known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.init(
      known.isEmpty ? nil : mean,
      deviation: known.count < 2 ? nil : (squares / Double(known.count - 1)).squareRoot())
  }
}

/// A line of the table of results.
struct ReportRow: Sendable {
  /// The levels of ``coverage``.
  static let levels = [0.5, 0.8, 0.95]

  var likelihood: String
  /// The seed of a single run; none for a mean of several.
  var seed: Int?
  /// The share of joints within the limit, from 0 to 1.
  var pck = ReportValue(nil)
  /// In pixels.
  var meanError = ReportValue(nil)
  /// In pixels.
  var medianError = ReportValue(nil)
  /// The rank correlation of predicted spread and error.
  var spearman = ReportValue(nil)
  /// In nats a joint.
  var nll = ReportValue(nil)
  /// The shares of truths inside the regions of ``levels``.
  var coverage: [ReportValue] = []
  var seconds = ReportValue(nil)
  var imagesPerSecond = ReportValue(nil)
}

/// Which half of a body a keypoint belongs to.
enum ReportSide: String, Sendable, CaseIterable {
  case left, right, middle
}

/// Keypoints and the lines between them.
struct ReportSkeleton: Sendable {
  var names: [String]
  /// Pairs of keypoints.
  var edges: [(Int, Int)]
  var sides: [ReportSide]

  /// A skeleton whose sides follow from the names.
  init(names: [String], edges: [(Int, Int)]) {
    self.names = names
    self.edges = edges.filter { names.indices.contains($0.0) && names.indices.contains($0.1) }
    sides = names.map { name in
      let name = name.lowercased()
      if name.contains("left") || name.hasPrefix("l_") { return .left }
      return name.contains("right") || name.hasPrefix("r_") ? .right : .middle
    }
  }

  /// A skeleton whose lines lead from keypoints to their parents.
  init(names: [String], parents: [Int?]) {
    self.init(
      names: names,
      edges: parents.enumerated().compactMap { child, parent in
        parent.map { (child, $0) }
      })
  }

  /// The side of a keypoint; the middle where it is not known.
  func side(_ joint: Int) -> ReportSide { sides.indices.contains(joint) ? sides[joint] : .middle }

  /// The side of a line: that of its ends, or the middle where they differ.
  func side(_ edge: (Int, Int)) -> ReportSide {
    let ends = Set([side(edge.0), side(edge.1)].filter { $0 != .middle })
    return ends.count == 1 ? ends.first ?? .middle : .middle
  }
}
