import Flows

extension CropPipeline {
  /// Images that one forward pass takes: few enough to bound memory, enough to keep all threads busy.
  private static var chunk: Int { 64 }

  /// What a model says of samples, in their order, with their labels.
  ///
  /// - Parameters:
  ///   - predictor: the model.
  ///   - indices: of the samples; all where nil.
  /// - Throws: what the source throws.
  public func predictions(of predictor: PosePredictor, indices: Range<Int>? = nil) throws -> (
    predictions: PosePredictions, labels: KeypointLabels<Float>, isVisible: [Bool]
  ) {
    let indices = indices ?? 0..<source.count
    guard !indices.isEmpty else {
      throw PoseError(.invalidData, "expected an image or more to predict, found none")
    }
    let starts = Array(stride(from: indices.lowerBound, to: indices.upperBound, by: Self.chunk))
    let batches = BatchPrefetcher(steps: 0..<starts.count) { step in
      try batch(
        Array(starts[step]..<Swift.min(starts[step] + Self.chunk, indices.upperBound)), draw: 0)
    }
    var parts: [PosePredictions] = []
    var (positions, weights) = ([Tensor<Float>](), [Tensor<Float>]())
    var isVisible: [Bool] = []
    while let batch = try batches.next() {
      parts.append(predictor(batch.images))
      positions.append(batch.labels.positions)
      weights.append(
        batch.labels.weights ?? .ones([batch.labels.count, batch.labels.joints]))
      isVisible += batch.isVisible
    }
    return (
      .concatenated(parts),
      KeypointLabels(positions: .concatenated(positions), weights: .concatenated(weights)),
      isVisible
    )
  }

  /// How well a model predicts samples.
  ///
  /// - Throws: what the source throws, and ``PoseError`` where nothing is labelled.
  public func evaluate(_ predictor: PosePredictor, indices: Range<Int>? = nil) throws
    -> PoseEvaluation
  {
    let (predictions, labels, isVisible) = try predictions(of: predictor, indices: indices)
    return try PoseEvaluation(
      predictions, of: predictor, labels: labels, isVisible: isVisible)
  }

  /// The model with its calibration fitted to samples that its training did not see: one factor of all
  /// scales, and one map of levels.
  ///
  /// It holds for predictions that are made with or without a flip test as here: averages over both crops
  /// err less, and regions fitted to them are too small for the prediction of one crop.
  ///
  /// - Throws: what the source throws, and ``PoseError`` where nothing is labelled.
  public func calibrated(_ model: PoseModel<Float>, flipTest: Bool = false) throws -> PoseModel<
    Float
  > {
    let predictor = PosePredictor(model, flipTest: flipTest)
    let (predictions, labels, _) = try predictions(of: predictor)
    let fit = try Calibration.fit(
      predictor.density(of: predictions), to: labels.positions, weights: labels.weights,
      options: CalibrationOptions(levelMap: .allJoints))
    var copy = model
    copy.calibration = fit.calibration
    copy.flipTest = flipTest
    return copy
  }
}
