import Testing

@testable import Flows

@Suite("Errors of a fit")
struct FitErrorTests {
  private let rows: Tensor<Float> = bentRows(40)

  private func text(
    _ data: Tensor<Float>? = nil, context: Tensor<Float>? = nil, weights: Tensor<Float>? = nil,
    contextDimension: Int = 0, _ change: (inout FitOptions) -> Void = { _ in }
  ) -> String {
    errorText {
      var flow = smallFlow(contextDimension: contextDimension)
      let options = FitOptions {
        $0.steps = 2
        change(&$0)
      }
      try flow.fit(data ?? rows, context: context, weights: weights, options: options)
    }
  }

  private func changed(_ place: Int, to value: Float) -> Tensor<Float> {
    var copy = rows
    copy.withMutableScalars { $0[place] = value }
    return copy
  }

  @Test("name what is wrong with the rows")
  func data() {
    #expect(
      text(.zeros([40, 3]))
        == "\"data\": expected rows of 2 columns, as the density has; got the shape [40, 3]")
    #expect(
      text(.zeros([40]))
        == "\"data\": expected rows of 2 columns, as the density has; got the shape [40]")
    #expect(
      text(rows[rows: 0..<1]) == "\"data\": expected at least 2 rows; got 1")
    #expect(
      text(rows[rows: 0..<0]) == "\"data\": expected at least 2 rows; got 0")
    #expect(
      text(changed(33, to: .nan))
        == "row 17, column 2 (\"data\"): expected a finite number, got nan")
    #expect(
      text(changed(0, to: -.infinity))
        == "row 1, column 1 (\"data\"): expected a finite number, got -inf")
    let constant = Tensor<Float>.concatenated(
      [rows.columns([0]), Tensor(repeating: 2.5, shape: [40, 1])], axis: 1)
    #expect(
      text(constant)
        == "column 2 (\"data\"): the column is constant (2.5 in every row): a density does not "
        + "exist along it; leave the column out")
  }

  @Test("name what is wrong with the weights")
  func weights() {
    #expect(
      text(weights: .ones([39])) == "\"weights\": expected one weight for each of 40 rows; got [39]"
    )
    #expect(text(weights: .zeros([40])) == "\"weights\": every weight is zero")
    for (value, found) in [(-0.5, "-0.5"), (.nan, "nan"), (.infinity, "inf")] as [(Float, String)] {
      var weights = Tensor<Float>.ones([40])
      weights.withMutableScalars { $0[4] = value }
      #expect(
        text(weights: weights)
          == "row 5, \"weights\": expected a weight that is finite and not negative, got \(found)")
    }
  }

  @Test("name what is wrong with the context")
  func context() {
    #expect(
      text(contextDimension: 3) == "\"context\": expected context of shape [40, 3]; got none")
    #expect(
      text(context: .zeros([40, 2]), contextDimension: 3)
        == "\"context\": expected context of shape [40, 3]; got [40, 2]")
    #expect(
      text(context: .zeros([39, 3]), contextDimension: 3)
        == "\"context\": expected context of shape [40, 3]; got [39, 3]")
    #expect(
      text(context: .zeros([40, 1]))
        == "\"context\": no context is taken here; got the shape [40, 1]")
    var context = Tensor<Float>.zeros([40, 3])
    context.withMutableScalars { $0[7] = .nan }
    #expect(
      text(context: context, contextDimension: 3)
        == "row 3, column 2 (\"context\"): expected a finite number, got nan")
  }

  @Test("of context come from rows to evaluate as well")
  func validation() {
    #expect(
      errorText { try smallFlow(contextDimension: 3).validate(rows, context: .zeros([40, 2])) }
        == "\"context\": expected context of shape [40, 3]; got [40, 2]")
    #expect(
      errorText { try smallFlow().validate(rows, context: .zeros([40, 2])) }
        == "\"context\": no context is taken here; got the shape [40, 2]")
    #expect(
      errorText { try smallFlow().validate(changed(5, to: .nan)) }
        == "row 3, column 2 (\"data\"): expected a finite number, got nan")
    #expect(errorText { try smallFlow().validate(rows) } == "no error")
  }

  @Test("name the option that makes no sense")
  func options() {
    #expect(text { $0.steps = 0 } == "\"steps\": expected at least one step, got 0")
    #expect(text { $0.batchSize = 0 } == "\"batchSize\": expected at least one row, got 0")
    #expect(
      text { $0.validationFraction = 1 }
        == "\"validationFraction\": expected a share in [0, 1), got 1.0")
    #expect(
      text { $0.validationFraction = .nan }
        == "\"validationFraction\": expected a share in [0, 1), got nan")
    #expect(
      text { $0.validationInterval = 0 }
        == "\"validationInterval\": expected at least one step, got 0")
    #expect(
      text { $0.learningRate = .constant(0) }
        == "\"learningRate\": expected a positive rate, got 0.0"
    )
    #expect(
      text { $0.averageDecay = 1 } == "\"averageDecay\": expected a decay in [0, 1), got 1.0")
    #expect(
      text { $0.nonFiniteLimit = 0 } == "\"nonFiniteLimit\": expected a positive number, got 0")
    #expect(
      errorText {
        var flow = smallFlow(contextDimension: 1)
        try flow.fit(toLogDensity: { -$0.squared().sum(axis: 1) })
      } == "reverse KL fits unconditional densities; this one takes context rows")
  }

  @Test("come before the flow changes")
  func untouched() {
    var flow = smallFlow()
    #expect(errorKind { try flow.fit(changed(3, to: .nan)) } == .invalidData)
    #expect(allTensors(flow) == allTensors(smallFlow()))
    #expect(flow.standardization == nil)
  }

  @Test("take odd sizes that do make sense")
  func oddSizes() {
    #expect(text { $0.batchSize = 1_000_000 } == "no error")
    #expect(text { $0.validationFraction = 0 } == "no error")
    #expect(text { $0.threads = 0 } == "no error")
    #expect(text(rows[rows: 0..<3]) == "no error")
  }
}
