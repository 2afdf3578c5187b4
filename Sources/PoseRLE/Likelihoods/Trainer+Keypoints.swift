import Flows

extension Trainer {
  /// Takes one step on the keypoints of a batch, tile by tile on all workers.
  ///
  /// Network and loss are one model. Where the loss has a normaliser, its nodes follow the poses as if
  /// they were poses themselves, so that it costs one evaluation a step.
  ///
  /// ```swift
  /// let result = trainer.step(
  ///   labels, loss: \.loss, learningRate: 1e-3, generator: generator.forked(UInt64(step))
  /// ) { model, poses in
  ///   model.network(inputs[rows: poses])
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - labels: of the whole batch, with weights as given.
  ///   - loss: the model's part that is the loss.
  ///   - learningRate: of this step.
  ///   - tilePoses: poses of a tile; a constant of the run, since results depend on it in the last
  ///     bits. Where nil, as many as make 128 joints, or 256 in large batches.
  ///   - mixesPoses: true where a prediction depends on the other poses of the batch, as batch
  ///     normalisation makes it; the batch is then one tile.
  ///   - shapeWeight: for a likelihood with a flow, how far means follow its gradient, 0 … 1: they follow
  ///     w·∂L/∂μ + (1 − w)·∂L_base/∂μ, where L_base is the loss of the base alone; scales and flow follow
  ///     ∂L. The loss that is reported is L.
  ///   - generator: another one for each step; it places the nodes of normalisers.
  ///   - prediction: what the model says of a range of poses. It is called on several threads at the
  ///     same time and must not keep tensors.
  /// - Returns: what the step came to; its loss is the reduced loss in nats.
  public func step(
    _ labels: KeypointLabels<Model.Scalar>,
    loss: KeyPath<Model, KeypointLoss<Model.Scalar>> & Sendable, learningRate: Double,
    tilePoses: Int? = nil, mixesPoses: Bool = false, shapeWeight: Double = 1,
    generator: PhiloxGenerator,
    prediction: @Sendable (Model, Range<Int>) -> KeypointPrediction<Model.Scalar>
  ) -> StepResult {
    let (labels, nodes) = withModel { model in
      let loss = model[keyPath: loss]
      let labels = labels.reduced(by: loss.likelihood.reduction)
      return (labels, loss.normalizerNodes(of: labels, using: generator))
    }
    precondition(
      (0...1).contains(shapeWeight), "a weight is within 0 … 1; got \(shapeWeight)")
    let base = shapeWeight < 1 ? withModel { $0[keyPath: loss].base } : nil
    let weight = Model.Scalar(base == nil ? 1 : shapeWeight)
    let (poses, unit) = (labels.count, labels.joints)
    return step(
      rows: poses + (nodes.count + unit - 1) / unit, totalWeight: 1, learningRate: learningRate,
      mixesRows: mixesPoses, tileRows: tilePoses ?? KeypointTiles.poses(batch: poses, joints: unit)
    ) { model, range in
      let loss = model[keyPath: loss]
      var sum = Tensor<Model.Scalar>(0)
      let tile = range.clamped(to: 0..<poses)
      if !tile.isEmpty {
        sum += loss.unnormalizedSum(
          prediction(model, tile), labels[rows: tile], guidedBy: base, weight)
      }
      let first = unit * Swift.max(0, range.lowerBound - poses)
      let last = Swift.min(nodes.count, unit * Swift.max(0, range.upperBound - poses))
      return first < last ? sum + loss.sum(of: nodes, in: first..<last) : sum
    }
  }
}

extension KeypointLoss {
  /// The same sum, with means that follow w of its gradient and 1 − w of that of the base.
  fileprivate func unnormalizedSum(
    _ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>,
    guidedBy base: KeypointLoss?, _ weight: Scalar
  ) -> Tensor<Scalar> {
    guard let base else { return unnormalizedSum(prediction, labels) }
    var (own, guided) = (prediction, prediction)
    own.mean = prediction.mean * weight + prediction.mean.detached * (1 - weight)
    guided.logScale = prediction.logScale.detached
    guided.shear = prediction.shear?.detached
    let guide = base.unnormalizedSum(guided, labels) * (1 - weight)
    return unnormalizedSum(own, labels) + (guide - guide.detached)
  }
}
