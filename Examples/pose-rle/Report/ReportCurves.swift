/// The density of the error that one likelihood learned, in units of its predicted spread.
struct ReportErrorDensity: Sendable {
  var likelihood: String
  /// Along single axes.
  var marginals: [ReportMarginal] = []
  /// In the plane of both axes.
  var plane: ReportDensityPlane?
}

/// A learned density along one axis beside the errors that were observed.
struct ReportMarginal: Sendable {
  /// The axis, such as "horizontal".
  var name: String
  /// Observed errors over predicted spreads.
  var errors: [Double]
  /// Where the learned density is known, in ascending order.
  var places: [Double]
  /// The learned density there.
  var learned: [Double]
}

/// A learned density on a regular grid of cells.
struct ReportDensityPlane: Sendable {
  /// What the cells cover from left to right.
  var x: ClosedRange<Double>
  /// What the cells cover from the lowest to the highest row; a positive error points down the
  /// picture, as rows of pixels do.
  var y: ClosedRange<Double>
  var columns: Int
  var rows: Int
  /// The density in the middle of every cell, row by row, the row of the smallest y first.
  var density: [Double]
  /// Observed errors over predicted spreads.
  var errors: [SIMD2<Double>] = []
}

/// How often regions hold the truth, at several levels.
struct ReportReliability: Sendable {
  var likelihood: String
  /// The probabilities that regions were made for, ascending, from 0 to 1.
  var nominal: [Double]
  /// The shares of truths inside, before calibration; may be empty.
  var before: [Double] = []
  /// The shares of truths inside, after calibration; may be empty.
  var after: [Double] = []
  /// The ends of the intervals of ``after``; may be empty.
  var lower: [Double] = []
  var upper: [Double] = []
}

/// Predicted spreads and the errors that came.
struct ReportSpread: Sendable {
  var likelihood: String
  /// The predicted spread of each joint in pixels.
  var spread: [Double]
  /// The distance from the truth of each joint in pixels.
  var error: [Double]
}

/// One run of training.
struct ReportCourse: Sendable {
  var likelihood: String
  var seed: Int?
  var steps: [Double] = []
  /// The loss on the batches of training.
  var trainingLoss: [Double] = []
  var validationSteps: [Double] = []
  var validationLoss: [Double] = []
  /// The share of joints within the limit; as many as ``validationSteps``, or none.
  var pck: [Double] = []
}
