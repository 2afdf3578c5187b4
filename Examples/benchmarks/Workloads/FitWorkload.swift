import Flows

extension Workload {
  /// `fit` from data to weights: units, split, steps, moving average, validation.
  static func fit(threads: Int) -> Workload {
    let (steps, batch, held) = (200, 512, 4_096)
    let training = FlowOperations.training(dimension: 2)
    let forward = FlowOperations.forward(dimension: 2)
    // Two validations on the way, and the rows once more under the weights that are kept.
    let (trained, validated) = (Double(steps * batch), Double(3 * held))
    return Workload(
      name: "fit D=2 B=\(batch), \(steps) steps with validation", dimension: 2, batch: batch,
      threads: threads, stepsPerRun: steps,
      cost: .products(
        executed: training.executed * trained + forward.executed * validated,
        dense: training.dense * trained + forward.dense * validated)
    ) {
      let flow = FlowFixture.flow(dimension: 2)
      let data = FlowFixture(dimension: 2, batch: 20_000).data
      let validation = FlowFixture(dimension: 2, batch: held).data
      let options = FitOptions {
        $0.steps = steps
        $0.batchSize = batch
        $0.validationInterval = 100
        $0.patience = nil
      }
      return { repeats in
        for _ in 0..<repeats {
          var fitted = flow
          do {
            try fitted.fit(data, validation: validation, options: options)
          } catch {
            preconditionFailure("the data of the benchmark can be fitted: \(error)")
          }
        }
      }
    }
  }
}
