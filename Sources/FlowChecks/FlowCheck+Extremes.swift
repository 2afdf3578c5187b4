import Flows

extension FlowCheck {
  /// Values, log-densities and gradients are finite at |x| up to 1e4, and outside a bounded support
  /// the log-density is −∞ with zero gradient.
  public static let extremes = FlowCheck("extreme inputs") { subject in
    try ExtremeInputs(subject).problems(subject.model)
  }

  /// The same in `Float`.
  public static let floatExtremes = FlowCheck(
    "extreme inputs in Float", preparing: { (try ExtremeInputs($0), try $0.floatModel()) },
    { _, prepared in
      prepared.0.problems(prepared.1)
    })
}

/// Rows far out, and rows outside the support.
private struct ExtremeInputs {
  private let flow: Bool
  /// True where data-side rows are images of latent ones.
  private let images: Bool
  private let inside: Tensor<Double>
  private let outside: Tensor<Double>?
  private let latent: Tensor<Double>
  private let context: Tensor<Double>?

  init(_ subject: CheckSubject) throws {
    guard subject.staysFinite else {
      throw NotChecked("the case says that it does not stay finite far out")
    }
    flow = subject.flowCase != nil
    images = subject.flowCase?.points == .images
    let isDeclared = subject.model.flow.support.contains { $0 != .real }
    let dimension = subject.dimension
    let typical = subject.splits(levels: [0.5]).enumerated().map { column, median in
      subject.support[column].value(at: median[0])
    }
    let origin = [Double](repeating: 0, count: dimension)
    inside = Tensor(Self.rows(around: flow ? origin : typical, subject.support))
    latent = Tensor(Self.rows(around: origin, Array(repeating: .real, count: dimension)))
    // Flows onto bounded data that do not say so have no inverse outside.
    let beyond = flow && !isDeclared ? [] : Self.rowsOutside(typical, subject.support)
    outside = beyond.isEmpty ? nil : Tensor(beyond)
    context = subject.fixedContext(1)
  }

  /// Corners of cubes and points on the axes, out to 1e4, and the middle; intervals stay there.
  private static func rows(around middle: [Double], _ support: [Support]) -> [[Double]] {
    var rows = [zip(middle, support).map { $1.contains($0) ? $0 : $1.value(at: 0) }]
    let dimension = middle.count
    func moved(_ columns: [Int: Double]) {
      var row = rows[0]
      for (column, value) in columns {
        switch support[column] {
        case .real: row[column] = value
        case .positive: row[column] = abs(value)
        case .interval, .circle: break
        }
      }
      rows.append(row)
    }
    for size in [30.0, 1e3, 1e4] {
      for signs in 0..<(1 << min(dimension, 6)) {
        moved(
          Dictionary(
            uniqueKeysWithValues: (0..<dimension).map {
              ($0, signs >> ($0 % 6) & 1 == 0 ? size : -size)
            }))
      }
      for column in 0..<dimension {
        for value in [size, -size] { moved([column: value]) }
      }
    }
    return rows
  }

  /// Rows with one column beyond an end of its support.
  private static func rowsOutside(_ typical: [Double], _ support: [Support]) -> [[Double]] {
    support.enumerated().flatMap { column, support -> [[Double]] in
      let ends = support == .circle ? [] : support.ends
      guard let low = ends.first else { return [] }
      var values = [low - 1, low - 1e4]
      if ends.count == 2 { values += [ends[1] + 1, ends[1] + 1e4] }
      return values.map { value in
        var row = typical
        row[column] = value
        return row
      }
    }
  }

  private func context<S: TensorScalar>(for rows: Tensor<S>) -> Tensor<S>? {
    context.map { Tensor<S>($0).broadcast(to: [rows.shape[0], $0.shape[1]]) }
  }

  func problems<S>(_ model: NormalizingFlow<S>) -> [String?] {
    var problems: [String?] = []
    var inside = Tensor<S>(inside)
    if flow {
      let forward = model.flow.forward(Tensor(latent), context: context(for: Tensor<S>(latent)))
      problems += [
        unlessFinite("forward", forward.value),
        unlessFinite("log-determinant", forward.logDet),
      ]
      if images { inside = forward.value }
    }
    problems += findInfinities(model, inside)
    if let outside { problems += findMass(model, Tensor(outside)) }
    return problems
  }

  private func findInfinities<S>(_ model: NormalizingFlow<S>, _ x: Tensor<S>) -> [String?] {
    let context = context(for: x)
    return [
      unlessFinite("log-density", model.logDensity(of: x, context: context)),
      unlessFinite(
        "gradient by x", gradient(at: x) { model.logDensity(of: $0, context: context).sum() }),
    ] + weightProblems(model, x) { unlessFinite("gradient by \($0)", $1) }
  }

  private func findMass<S>(_ model: NormalizingFlow<S>, _ x: Tensor<S>) -> [String?] {
    let context = context(for: x)
    let found = model.logDensity(of: x, context: context).scalars
    let byX = gradient(at: x) { model.logDensity(of: $0, context: context).sum() }
    let nothing = Tensor<S>.zeros(x.shape)
    return [
      found.allSatisfy { $0 == -.infinity } ? nil : "outside the support: log-densities \(found)",
      difference("gradient by x outside the support", found: byX, expected: nothing),
    ]
      + weightProblems(model, x) {
        difference(
          "gradient by \($0) outside the support", found: $1, expected: .zeros($1.shape))
      }
  }

  private func weightProblems<S>(
    _ model: NormalizingFlow<S>, _ x: Tensor<S>, _ problem: (String, Tensor<S>) -> String?
  ) -> [String?] {
    let context = context(for: x)
    let byWeights = TrainedTensors(
      gradient(at: model) { $0.logDensity(of: x, context: context).sum() })
    return zip(byWeights.names, byWeights.tensors).map(problem)
  }
}
