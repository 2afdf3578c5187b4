internal import CFlowKernels

/// Means and variances that the normalisations of a network saw in one forward pass of training.
///
/// ```swift
/// let statistics = BatchStatistics<Float>()
/// let result = trainer.step(rows: n, learningRate: 1e-3, mixesRows: true) { model, _ in
///   statistics.removeAll()
///   return loss(model.network(images, statistics: statistics))
/// }
/// if result.wasTaken { trainer.update(with: statistics) }   // the running averages follow
/// ```
///
/// It is used by one thread at a time.
public final class BatchStatistics<Scalar: TensorScalar>: @unchecked Sendable {
  struct Entry {
    /// The running averages of the layer, by which it is known again.
    let runningMean: Storage
    let runningVariance: Storage
    let mean: Storage
    /// Of the batch, with n − 1 in the denominator.
    let variance: Storage
    let momentum: Double
  }

  private(set) var entries: [Entry] = []

  /// Nothing collected yet.
  public init() {}

  /// Forgets what was collected.
  public func removeAll() { entries.removeAll(keepingCapacity: true) }

  func add(
    _ layer: BatchNormalization<Scalar>, mean: Tensor<Scalar>, variance: Tensor<Scalar>, rows: Int
  ) {
    let unbiased = rows > 1 ? variance * Scalar(Double(rows) / Double(rows - 1)) : variance
    entries.append(
      Entry(
        runningMean: layer.runningMean.storage, runningVariance: layer.runningVariance.storage,
        mean: mean.storage, variance: unbiased.storage, momentum: layer.momentum))
  }
}

extension Trainer {
  /// Lets the running averages of the model's normalisations follow what a step saw:
  /// average += momentum · (batch − average).
  ///
  /// The averages are tensors of the trainer's own; models taken from it before do not change. Where a
  /// moving average of the weights is kept, one of these averages is kept with it.
  public func update(with statistics: BatchStatistics<Model.Scalar>) {
    changesStates = changesStates || !statistics.entries.isEmpty
    for entry in statistics.entries {
      for (running, value) in [
        (entry.runningMean, entry.mean), (entry.runningVariance, entry.variance),
      ] {
        fk_moving_average(
          running.type, Int64(running.count), 1 - entry.momentum, value.pointer, running.pointer)
        running.didChange()
      }
    }
    averageStatesFollow()
  }

  /// Lets the moving average of the untrained tensors follow them.
  func averageStatesFollow() {
    guard let averageDecay, let averageStates else { return }
    let decay = Swift.min(averageDecay, Double(1 + step) / Double(10 + step))
    for (state, average) in zip(original.states, averageStates) {
      fk_moving_average(
        average.type, Int64(average.count), decay, state.storage.pointer, average.pointer)
    }
  }
}
