/// A look at a fit that is running.
public struct FitProgress: Sendable {
  /// Steps tried so far.
  public let step: Int
  /// Steps in all.
  public let totalSteps: Int
  /// The loss of the last step: mean NLL in nats per row (in the user's units), or reverse KL.
  public let trainingLoss: Double
  /// The validation loss measured last, in the same unit.
  public let validationLoss: Double?
  /// The standard error of that loss over the rows held out.
  public let validationStandardError: Double?
  /// The best validation loss so far.
  public let bestValidationLoss: Double?
}

/// Why a fit ended.
public enum StopReason: String, Sendable, Codable {
  /// All steps were taken.
  case finished
  /// Validation did not improve for as long as `patience` allows.
  case earlyStopping
  /// The progress callback returned false, or the task was cancelled.
  case cancelled
  /// Too many steps in a row were not finite; the best weights before, or without validation the last
  /// that were measured, were kept.
  case nonFinite
}

/// What a fit came to.
public struct FitReport: Sendable, Codable {
  /// A loss with the step at which it was measured.
  public struct Point: Sendable, Codable, Hashable {
    /// The step, counted from 1.
    public let step: Int
    /// The loss.
    public let loss: Double
    /// Its standard error: over the rows held out, or over the steps since the last validation; nil
    /// where there was but one.
    public let standardError: Double?
  }

  /// Steps tried.
  public internal(set) var steps = 0
  /// Steps that were skipped because loss or gradient was not finite.
  public internal(set) var skippedSteps = 0
  /// Why the fit ended.
  public internal(set) var stopReason = StopReason.finished
  /// The mean training loss between validations.
  public internal(set) var trainingCurve: [Point] = []
  /// The validation loss, where rows were held out.
  public internal(set) var validationCurve: [Point] = []
  /// The best validation loss: that of the weights that were kept.
  public internal(set) var bestValidationLoss: Double?
  /// The log-likelihood of each row held out under the weights that were kept, for comparisons with
  /// other fits on the same rows; nil for reverse KL and where nothing was held out.
  public internal(set) var validationLogLikelihood: LogLikelihood?
  /// The rows of the data that were held out, in the order of ``validationLogLikelihood``; empty
  /// where rows were given for validation.
  public internal(set) var heldOutRows: [Int] = []
  /// The step of the weights that were kept.
  public internal(set) var bestStep = 0
  /// Wall-clock time in seconds, with that of the runs that were resumed.
  public internal(set) var seconds = 0.0
  /// The step at which this run took over from a checkpoint; 0 where it began anew.
  public internal(set) var resumedAtStep = 0
  /// Rows trained on; 0 for a stream, which does not say.
  public internal(set) var trainingRows = 0
  /// Rows held out.
  public internal(set) var validationRows = 0
  /// What of the data may make the result worthless, in sentences of ``TableReport``.
  ///
  /// Such as columns that take single values often; empty where a checkpoint of an older version was
  /// read.
  public var warnings: [String] { foundWarnings ?? [] }
  var foundWarnings: [String]?
}
