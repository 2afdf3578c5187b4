import Flows

/// One direction of a flow, with the way back.
private struct Direction<S: TensorScalar> {
  typealias Map = (Tensor<S>, Tensor<S>?) -> Transformed<S>

  let name: String
  /// What a round trip that starts in this direction comes to.
  let roundTrip: String
  let map: Map
  let back: Map

  /// Both directions, the inverse first.
  static func both(_ flow: Composition<S>) -> [Direction] {
    let (forward, inverse): (Map, Map) = (
      { flow.forward($0, context: $1) }, { flow.inverse($0, context: $1) }
    )
    return [
      Direction(name: "inverse", roundTrip: "forward(inverse(x))", map: inverse, back: forward),
      Direction(name: "forward", roundTrip: "inverse(forward(z))", map: forward, back: inverse),
    ]
  }
}

extension FlowCheck {
  /// Both ways at |x| ≤ 5, to the case's tolerance.
  public static let roundTrip = FlowCheck("round trip") { subject in
    let tolerance = try subject.requireFlow().roundTrip
    return roundTrips(
      subject.model.flow, [subject.points(128), subject.latentPoints(128)], subject.context(128),
      tolerance)
  }

  /// Both ways in `Float`, as the flow was made.
  public static let floatRoundTrip = FlowCheck(
    "round trip in Float",
    preparing: { (try $0.requireFlow().floatRoundTrip, try $0.floatFresh().flow) },
    { subject, prepared in
      let (tolerance, flow) = prepared
      return roundTrips(
        flow, [Tensor(subject.points(128)), Tensor(subject.latentPoints(128))],
        subject.context(128).map { Tensor($0) }, tolerance)
    })

  private static func roundTrips<S>(
    _ flow: Composition<S>, _ starts: [Tensor<S>], _ context: Tensor<S>?, _ tolerance: Double
  ) -> [String?] {
    zip(Direction.both(flow), starts).map { direction, start in
      deviation(
        direction.roundTrip,
        found: direction.back(direction.map(start, context).value, context).value,
        expected: start, tolerance: tolerance)
    }
  }

  /// log |det J| of either direction against the Jacobian, by derivatives and by differences.
  public static let logDeterminant = FlowCheck("log-determinant") { subject in
    _ = try subject.requireFlow()
    try subject.requireIndependentRows()
    let rows = 16
    let context = subject.context(rows)
    let flow = subject.model.flow
    var x = subject.points(rows)
    var problems: [String?] = []
    var sum = Tensor<Double>.zeros([rows])
    for (index, direction) in Direction.both(flow).enumerated() {
      let map: (Tensor<Double>) -> Tensor<Double> = { direction.map($0, context).value }
      let result = direction.map(x, context)
      let steps = index == 0 ? subject.steps(at: x) : subject.latentSteps(at: x)
      let numeric = numericJacobians(of: map, at: x, steps: steps)
      problems += [
        deviation(
          "\(direction.name) against derivatives", found: result.logDet.scalars,
          expected: logDeterminants(of: rowJacobians(at: x, map).jacobians), tolerance: 1e-10),
        deviation(
          "\(direction.name) against central differences", found: result.logDet.scalars,
          expected: logDeterminants(of: numeric), tolerance: 1e-5),
        flow.hasConstantLogDet
          ? deviation(
            "constant log-determinant, \(direction.name)", found: result.logDet.scalars,
            expected: [Double](repeating: result.logDet[0], count: rows), tolerance: 1e-12) : nil,
      ]
      sum += result.logDet
      x = result.value
    }
    problems.append(
      deviation("sum of both directions", found: sum, expected: .zeros([rows]), tolerance: 1e-10))
    return problems
  }
}

extension CheckSubject {
  /// Steps for central differences on the latent side, which is smooth.
  fileprivate func latentSteps(at z: Tensor<Double>) -> Tensor<Double> {
    1e-6 * Tensor<Double>.maximum(abs(z) / 10, Tensor(1))
  }
}
