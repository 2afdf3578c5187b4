internal import CFlowKernels

/// The tables of a fit, checked before training so that no step is spent on unusable data.
struct FitInput<Scalar: TensorScalar>: Sendable {
  let data: Tensor<Scalar>
  let context: Tensor<Scalar>?
  let weights: Tensor<Scalar>?
  let validation: Tensor<Scalar>?
  let validationContext: Tensor<Scalar>?

  init(
    data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil,
    validation: Tensor<Scalar>? = nil, validationContext: Tensor<Scalar>? = nil
  ) {
    self.data = data
    self.context = context
    self.weights = weights
    self.validation = validation
    self.validationContext = validationContext
  }

  func validate(
    for model: some Distribution<Scalar>, atLeast minimum: Int = 2, allowsZeroWeights: Bool = false
  ) throws {
    let (dimension, contextDimension) = (model.dimension, model.contextDimension)
    try validateTable(data, "data", columns: dimension, atLeast: minimum)
    try requireSupport(data, "data", model)
    try validateContext(context, "context", rows: data.shape[0], columns: contextDimension)
    if let validation {
      try validateTable(validation, "validation", columns: dimension, atLeast: 1)
      try requireSupport(validation, "validation", model)
    }
    try validateContext(
      validationContext, "validationContext", rows: validation?.shape[0] ?? 0,
      columns: validation == nil ? 0 : contextDimension)
    if let weights { try validateWeights(weights, allowsZero: allowsZeroWeights) }
  }

  func validateTable(
    _ table: Tensor<Scalar>, _ field: String, columns: Int, atLeast minimum: Int
  ) throws {
    guard table.rank == 2, table.shape[1] == columns else {
      throw FlowsError(
        .invalidData,
        "expected rows of \(columns) columns, as the density has; got the shape \(table.shape)",
        field: field)
    }
    guard table.shape[0] >= minimum else {
      throw FlowsError(
        .invalidData, "expected at least \(minimum) rows; got \(table.shape[0])", field: field)
    }
    try requireFinite(table, field)
  }

  func validateContext(
    _ table: Tensor<Scalar>?, _ field: String, rows: Int, columns: Int
  ) throws {
    guard columns > 0 else {
      guard let table else { return }
      throw FlowsError(
        .invalidData, "no context is taken here; got the shape \(table.shape)", field: field)
    }
    guard let table, table.shape == [rows, columns] else {
      let found = table.map { "\($0.shape)" } ?? "none"
      throw FlowsError(
        .invalidData, "expected context of shape [\(rows), \(columns)]; got \(found)",
        field: field)
    }
    try requireFinite(table, field)
  }

  private func validateWeights(_ weights: Tensor<Scalar>, allowsZero: Bool) throws {
    let rows = data.shape[0]
    guard weights.shape == [rows] else {
      throw FlowsError(
        .invalidData, "expected one weight for each of \(rows) rows; got \(weights.shape)",
        field: "weights")
    }
    try weights.withScalars { values in
      for (row, weight) in values.enumerated() where !(weight >= 0 && weight.isFinite) {
        throw FlowsError(
          .invalidData, "expected a weight that is finite and not negative, got \(weight)",
          row: row + 1, field: "weights")
      }
      if !allowsZero && !values.contains(where: { $0 > 0 }) {
        throw FlowsError(.invalidData, "every weight is zero", field: "weights")
      }
    }
  }

  /// A text that changes when any number of the tables does.
  var identity: String {
    func describe(_ name: String, _ table: Tensor<Scalar>?) -> String {
      guard let table else { return "" }
      return " \(name) \(table.shape) \(table.withScalars { checksum(of: $0) })"
    }
    return describe("data", data) + describe("context", context) + describe("weights", weights)
      + describe("validation", validation) + describe("validationContext", validationContext)
  }

  // Rows given for validation follow the others, so that one table serves both.

  var allData: Tensor<Scalar> {
    validation.map { .concatenated([data, $0]) } ?? data
  }

  var allContext: Tensor<Scalar>? {
    guard let context, let validationContext else { return context }
    return .concatenated([context, validationContext])
  }

  var allWeights: Tensor<Scalar>? {
    guard let weights, let validation else { return weights }
    return .concatenated([weights, .ones([validation.shape[0]])])
  }

  /// Training and validation rows: drawn by the seed, unless rows were given for validation.
  func split(_ options: FitOptions) -> (training: [Int], validation: [Int]) {
    let rows = data.shape[0]
    if let validation { return (Array(0..<rows), Array(rows..<rows + validation.shape[0])) }
    let held = Swift.min(rows - 1, Int((Double(rows) * options.validationFraction).rounded()))
    guard held > 0 else { return (Array(0..<rows), []) }
    var generator = PhiloxGenerator(seed: options.seed, stream: 0x59117)
    let shuffled = Array(0..<rows).shuffled(using: &generator)
    return (Array(shuffled[held...]), Array(shuffled[..<held]))
  }
}

/// The CRC-32 of some numbers as text.
func checksum<Numbers: Collection>(of numbers: Numbers) -> String {
  let value = numbers.withContiguousStorageIfAvailable { numbers in
    let bytes = UnsafeRawBufferPointer(numbers)
    return fk_crc32(0, bytes.baseAddress, bytes.count)
  }
  return String(value ?? 0, radix: 16)
}

extension Standardization {
  /// Means and standard deviations of some rows, weighted where weights are given.
  ///
  /// The columns `kept` keep the units that they have.
  init(
    _ data: Tensor<Scalar>, rows: [Int], weights: Tensor<Scalar>?, keeping kept: [Int] = []
  ) throws {
    var (mean, deviation) = Self.moments(data, rows, weights)
    for column in kept { (mean[column], deviation[column]) = (0, 1) }
    for (column, width) in deviation.enumerated() {
      let smallest = 1e-7 * Swift.max(1e-30, Swift.abs(mean[column]))
      if !(width > smallest) {
        throw FlowsError(
          .invalidData,
          constantColumn(mean[column], "training row"), column: column + 1, field: "data")
      }
    }
    self.init(scale: Tensor(deviation.map { Scalar($0) }), shift: Tensor(mean.map { Scalar($0) }))
  }

  /// The units of context columns; a constant column keeps its scale.
  init(contextRows: Tensor<Scalar>, rows: [Int]) {
    let (mean, deviation) = Self.moments(contextRows, rows, nil)
    self.init(
      scale: Tensor(deviation.map { $0 > 0 ? Scalar($0) : 1 }),
      shift: Tensor(mean.map { Scalar($0) }))
  }

  // In Double and in two passes: sums of squares of large Float columns would cancel.
  private static func moments(_ data: Tensor<Scalar>, _ rows: [Int], _ weights: Tensor<Scalar>?)
    -> (mean: [Double], deviation: [Double])
  {
    let columns = data.shape[1]
    var mean = [Double](repeating: 0, count: columns)
    var variance = mean
    var total = 0.0
    data.withScalars { values in
      func weight(_ row: Int) -> Double { weights.map { Double($0[row]) } ?? 1 }
      for row in rows {
        let w = weight(row)
        total += w
        for column in 0..<columns { mean[column] += w * Double(values[row * columns + column]) }
      }
      for column in 0..<columns { mean[column] /= total }
      for row in rows {
        let w = weight(row)
        for column in 0..<columns {
          let centred = Double(values[row * columns + column]) - mean[column]
          variance[column] += w * centred * centred
        }
      }
    }
    return (mean, variance.map { ($0 / total).squareRoot() })
  }
}
