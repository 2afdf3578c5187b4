import Flows

extension FlowCheck {
  /// A model that was saved and loaded gives the same bits and has the same tensors.
  public static let files = FlowCheck(
    "save and load", preparing: { try $0.reloaded($0.model, as: Double.self) },
    { subject, loaded in
      [
        difference("log-densities", subject, subject.model, loaded),
        loaded.namedTensors.map(\.name) == subject.model.namedTensors.map(\.name)
          ? nil : "the tensors have other names",
      ]
    })

  /// The same in `Float`, and from either scalar type to the other.
  public static let floatFiles = FlowCheck(
    "save and load in Float", preparing: FloatForms.init
  ) { subject, forms in
    [
      difference("Float", subject, forms.narrow, forms.float),
      difference("Double as Float", subject, forms.narrow, forms.doubleAsFloat),
      difference("Float as Double", subject, forms.wide, forms.floatAsDouble),
      deviation(
        "Float against Double", found: Tensor<Double>(subject.storedLogDensity(forms.float)),
        expected: subject.storedLogDensity(forms.floatAsDouble), tolerance: 1e-4),
    ]
  }

  private static func difference<S>(
    _ what: String, _ subject: CheckSubject, _ expected: NormalizingFlow<S>,
    _ found: NormalizingFlow<S>
  ) -> String? {
    FlowChecks.difference(
      what, found: subject.storedLogDensity(found), expected: subject.storedLogDensity(expected))
  }
}

/// Forms of a model that have to do with `Float`.
private struct FloatForms {
  /// Rounded in memory, and those numbers as `Double`.
  let narrow: NormalizingFlow<Float>
  let wide: NormalizingFlow<Double>
  /// From the bytes of a file.
  let float: NormalizingFlow<Float>
  let doubleAsFloat: NormalizingFlow<Float>
  let floatAsDouble: NormalizingFlow<Double>

  init(_ subject: CheckSubject) throws {
    narrow = try subject.floatModel()
    let (types, narrow) = (subject.types, narrow)
    wide = try subject.whereStorable {
      try NormalizingFlow(converting: narrow, types: types.flows, bases: types.bases)
    }
    float = try subject.reloaded(narrow, as: Float.self)
    doubleAsFloat = try subject.reloaded(subject.model, as: Float.self)
    floatAsDouble = try subject.reloaded(narrow, as: Double.self)
  }
}

extension CheckSubject {
  /// At points that both scalar types hold exactly.
  fileprivate func storedLogDensity<S>(_ model: NormalizingFlow<S>) -> Tensor<S> {
    model.logDensity(
      of: Tensor(Tensor<Float>(points(64))),
      context: context(64).map { Tensor(Tensor<Float>($0)) })
  }

  /// A model from the bytes of its file.
  fileprivate func reloaded<S>(
    _ model: NormalizingFlow<S>, as scalar: Double.Type
  ) throws -> NormalizingFlow<Double> {
    try whereStorable {
      try NormalizingFlow(bytes(of: model), types: types.flows, bases: types.bases)
    }
  }

  fileprivate func reloaded<S>(
    _ model: NormalizingFlow<S>, as scalar: Float.Type
  ) throws -> NormalizingFlow<Float> {
    try whereStorable {
      try NormalizingFlow(bytes(of: model), types: types.floatFlows, bases: types.floatBases)
    }
  }

  private func bytes<S>(of model: NormalizingFlow<S>) throws -> SafetensorsFile {
    try SafetensorsFile(bytes: model.safetensors().bytes())
  }
}
