@testable import Flows

extension FlowCheck {
  /// A flow that was saved and loaded gives the same bits, in either scalar type.
  static let files = FlowCheck("save and load", preparing: StoredForms.init) { subject, forms in
    let x = subject.points(64)
    let context = subject.context(64)
    let single = context.map { Tensor<Float>($0) }
    func logDensity(_ model: NormalizingFlow<Double>) -> Tensor<Double> {
      model.logDensity(of: x, context: context)
    }
    func logDensity(_ model: NormalizingFlow<Float>) -> Tensor<Float> {
      model.logDensity(of: Tensor(x), context: single)
    }
    let names = subject.model.namedTensors.map(\.name)
    return [
      difference("Double", found: logDensity(forms.double), expected: logDensity(subject.model)),
      difference("Float", found: logDensity(forms.float), expected: logDensity(forms.narrow)),
      difference(
        "Double as Float", found: logDensity(forms.doubleAsFloat),
        expected: logDensity(forms.narrow)),
      difference(
        "Float as Double", found: logDensity(forms.floatAsDouble),
        expected: logDensity(forms.wide)),
      deviation(
        "Float against Double", found: Tensor<Double>(logDensity(forms.float)),
        expected: logDensity(forms.floatAsDouble), tolerance: 1e-4),
      forms.double.namedTensors.map(\.name) == names ? nil : "the tensors have other names",
    ]
  }

  /// A large batch gives the bits of its tiles, and to rounding those of single rows.
  static let tiles = FlowCheck("tiles") { subject in
    let rows = 1_000
    let (x, context) = (subject.points(rows), subject.context(rows))
    let model = subject.model
    var generator = PhiloxGenerator(seed: 10)
    var copy = generator
    let draws = model.sample(rows, context: context, using: &generator)
    let z = model.base.sample(rows, using: &copy)
    func logDensity(_ range: Range<Int>) -> Tensor<Double> {
      model.logDensity(of: x[rows: range], context: context?[rows: range])
    }
    func image(_ range: Range<Int>) -> Tensor<Double> {
      model.toData(z[rows: range], context: context?[rows: range]).value
    }
    let tiles = stride(from: 0, to: rows, by: Tiles.evaluationRows).map {
      $0..<min(rows, $0 + Tiles.evaluationRows)
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
}

/// A model converted, and read back from files.
private struct StoredForms {
  /// Rounded to `Float` in memory, and those numbers as `Double`.
  let narrow: NormalizingFlow<Float>
  let wide: NormalizingFlow<Double>
  /// From the file of the `Double` model.
  let double: NormalizingFlow<Double>
  let doubleAsFloat: NormalizingFlow<Float>
  /// From the file of the `Float` model.
  let float: NormalizingFlow<Float>
  let floatAsDouble: NormalizingFlow<Double>

  init(_ subject: FlowSubject) throws {
    let doubleTypes = FlowTable.types(Double.self)
    let floatTypes = FlowTable.types(Float.self)
    let narrow = try FlowSubject.floatModel(subject)
    self.narrow = narrow
    wide = try NormalizingFlow(converting: narrow, types: doubleTypes)
    (double, doubleAsFloat, float, floatAsDouble) = try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try subject.model.save(to: path)
      let double = try NormalizingFlow<Double>.load(from: path, types: doubleTypes)
      let doubleAsFloat = try NormalizingFlow<Float>.load(from: path, types: floatTypes)
      try narrow.save(to: path)
      return (
        double, doubleAsFloat, try NormalizingFlow<Float>.load(from: path, types: floatTypes),
        try NormalizingFlow<Double>.load(from: path, types: doubleTypes)
      )
    }
  }
}
