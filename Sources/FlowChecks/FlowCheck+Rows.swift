import Flows

extension FlowCheck {
  /// A large batch gives the bits of its tiles, and to rounding those of single rows.
  public static let tiles = FlowCheck("tiles") { subject in
    try subject.requireIndependentRows()
    let rows = 1_000
    let (x, context) = (subject.points(rows), subject.context(rows))
    let model = subject.model
    var generator = PhiloxGenerator(seed: 10)
    var copy = generator
    let draws = model.sample(rows, context: context, using: &generator)
    let z = model.base.sample(
      rows, context: model.base.contextDimension > 0 ? context : nil, using: &copy)
    func logDensity(_ range: Range<Int>) -> Tensor<Double> {
      model.logDensity(of: x[rows: range], context: context?[rows: range])
    }
    func image(_ range: Range<Int>) -> Tensor<Double> {
      model.toData(z[rows: range], context: context?[rows: range]).value
    }
    let tiles = stride(from: 0, to: rows, by: Tiles.rows(batch: rows)).map {
      $0..<min(rows, $0 + Tiles.rows(batch: rows))
    }
    let chosen = [0, 1, 127, 255, 256, 511, 767, 768, 998, 999]
    let singles = chosen.map { $0..<$0 + 1 }
    let whole = model.logDensity(of: x, context: context)
    return [
      difference("log-densities", found: whole, expected: .concatenated(tiles.map(logDensity))),
      difference("draws", found: draws, expected: .concatenated(tiles.map(image))),
      deviation(
        "log-densities of rows \(chosen)", found: whole.rows(chosen),
        expected: .concatenated(singles.map(logDensity)), tolerance: 1e-12),
      deviation(
        "draws of rows \(chosen)", found: draws.rows(chosen),
        expected: .concatenated(singles.map(image)), tolerance: 1e-12),
    ]
  }

  /// A few steps of `fit` lower the loss, and come to the same bits on one thread and on three.
  public static let fit = FlowCheck("fit on tiles") { subject in
    guard subject.model.parameterCount > 0 else { return [] }
    let context = subject.context(512)
    let x = subject.trainingRows(512, context: context)
    let options = FitOptions {
      $0.steps = 10
      $0.learningRate = .constant(1e-3)
      $0.averageDecay = nil
      $0.validationFraction = 0
      $0.standardizes = false
    }
    func fitted(threads: Int) throws -> NormalizingFlow<Double> {
      var model = subject.model
      var options = options
      options.threads = threads
      try model.fit(x, context: context, options: options)
      return model
    }
    func loss(_ model: NormalizingFlow<Double>) -> Double {
      -model.logDensity(of: x, context: context).mean().scalar
    }
    let (one, three) = (try fitted(threads: 1), try fitted(threads: 3))
    let (before, after) = (loss(subject.model), loss(one))
    return zip(one.namedTensors, three.namedTensors).map { one, three in
      difference("\(one.name) on three threads", found: three.tensor, expected: one.tensor)
    } + [after < before ? nil : "the loss went from \(before) to \(after)"]
  }
}
