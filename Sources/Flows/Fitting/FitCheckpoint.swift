/// Where and how often a fit writes its state, so that a killed fit goes on where it was.
///
/// ```swift
/// options.checkpoint = FitCheckpoint(path: "fit.checkpoint", every: .minutes(5))
/// try flow.fit(data, options: options)   // run again after a crash: ends with the same weights
/// ```
///
/// The file holds weights, optimizer, best weights, curves and counts; the order of the rows and all
/// draws are functions of the seed and the step. A resumed fit therefore ends with the weights of
/// one that was never interrupted, to the last bit on the same instruction set, for any number of
/// threads. The file is replaced in one step: a kill, a full disk or a crash leaves the previous
/// checkpoint as it was.
///
/// The weights that a fit begins with are not compared: a fit that finds a checkpoint goes on from
/// it, and one that finds the checkpoint of a complete fit returns its result at once. Another fit
/// needs another file, also one that is to train the same density further.
public struct FitCheckpoint: Hashable, Sendable {
  /// How often.
  public enum Interval: Hashable, Sendable {
    /// After every so many steps.
    case steps(Int)
    /// Whenever so much time has passed.
    case minutes(Double)
  }

  /// The file.
  public var path: String
  /// How often it is written; it is always written at the start, at the end and on cancellation.
  public var interval: Interval
  /// Whether a fit goes on from the file where there is one.
  ///
  /// A file of another fit (other data, options or architecture) is then an error that says what
  /// differs. Where false, an old file is replaced.
  public var resumes: Bool

  /// Names what is fitted where the library cannot tell, as with the log-density of a reverse KL; a
  /// checkpoint of another label is of another fit.
  public var label: String

  /// A checkpoint in a file.
  public init(
    path: String, every interval: Interval = .minutes(5), resumes: Bool = true, label: String = ""
  ) {
    self.path = path
    self.interval = interval
    self.resumes = resumes
    self.label = label
  }
}

/// Decides when a checkpoint is due, and writes it.
final class CheckpointRecorder<Scalar: TensorScalar> {
  private let checkpoint: FitCheckpoint
  private let settings: FitSettings
  private let states: [(name: String, tensor: Tensor<Scalar>)]
  private let clock = ContinuousClock()
  private var lastWrite: ContinuousClock.Instant

  /// - Parameters:
  ///   - checkpoint: where and how often.
  ///   - settings: what the fit is, to be compared when it is resumed.
  ///   - states: the tensors of the model that are not trained.
  init(
    _ checkpoint: FitCheckpoint, settings: FitSettings,
    states: [(name: String, tensor: Tensor<Scalar>)]
  ) {
    self.checkpoint = checkpoint
    self.settings = settings
    self.states = states
    lastWrite = clock.now
  }

  func isDue(at step: Int) -> Bool {
    switch checkpoint.interval {
    case .steps(let steps): step % steps == 0
    case .minutes(let minutes): (clock.now - lastWrite) / .seconds(1) >= 60 * minutes
    }
  }

  func write(_ record: FitRecord<Scalar>) throws {
    try namingFile(checkpoint.path) {
      try AtomicFile.write(
        record.file(settings: settings, states: states).bytes(), to: checkpoint.path,
        temporaryName: .fixed)
    }
    lastWrite = clock.now
  }
}
