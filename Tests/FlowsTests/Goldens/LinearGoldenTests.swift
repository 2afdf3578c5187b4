import Testing

@testable import Flows

/// LU layers and reflections of nflows, and planar flows of normflows (Rezende and Mohamed's formulas),
/// against what these compute in double precision.
@Suite struct LinearGoldenTests {
  enum Linear: String, CaseIterable, Sendable {
    case lu = "nflows_lu"
    case reflections3 = "nflows_householder3"
    case reflections4 = "nflows_householder4"
  }

  /// A flow with the weights of nflows.
  private func flow<S: TensorScalar>(_ linear: Linear, _ file: SafetensorsFile) throws
    -> NormalizingFlow<S>
  {
    func array(_ index: Int, _ name: String) throws -> Tensor<S> {
      try file.tensor("_transform._transforms.\(index).\(name)")
    }
    guard linear == .lu else {
      let reflections = Householder<S>(vectors: try array(0, "q_vectors"))
      return NormalizingFlow(
        base: Gaussian(dimension: 5), flow: Composition(dimension: 5, [reflections]))
    }
    func triangles(_ index: Int, epsilon: Double) throws -> LULinear<S> {
      var layer = LULinear<S>(dimension: 5, diagonal: .softplus(epsilon: epsilon))
      layer.lower = try array(index, "lower_entries")
      layer.upper = try array(index, "upper_entries")
      layer.diagonal = try array(index, "unconstrained_upper_diag")
      layer.bias = try array(index, "bias")
      return layer
    }
    // Latent column i is data column permutation[i].
    let permutation = try array(1, "_permutation").scalars.map { Int($0) }
    var order = permutation
    for (place, source) in permutation.enumerated() { order[source] = place }
    return NormalizingFlow(
      base: Gaussian(dimension: 5),
      flow: Composition(
        dimension: 5,
        [
          try triangles(2, epsilon: 1e-2), Permutation(order), try triangles(0, epsilon: 1e-3),
        ]))
  }

  private func check<S: TensorScalar>(_ linear: Linear, _ type: S.Type, _ tolerance: Double) throws
  {
    let file = try peerFixture(linear.rawValue)
    let results = try PeerResults(file)
    let flow: NormalizingFlow<S> = try flow(linear, file)
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        for (result, deviation) in results.deviations(flow) {
          #expect(deviation <= tolerance, "\(result), \(set)")
        }
        for (index, deviation) in results.stepDeviations(flow).enumerated() {
          #expect(deviation <= tolerance, "transform \(index) from the data, \(set)")
        }
      }
    }
  }

  @Test(arguments: Linear.allCases) func float(_ linear: Linear) throws {
    try check(linear, Float.self, 1e-5)
  }

  @Test(arguments: Linear.allCases) func double(_ linear: Linear) throws {
    try check(linear, Double.self, 1e-10)
  }

  // MARK: - Planar flows

  /// The maps with the vectors of the file, latent → data.
  private func planar<S: TensorScalar>(_ file: SafetensorsFile) throws -> [Planar<S>] {
    try (0..<4).map { index in
      let w = try file.tensor("flows.\(index).w", as: Double.self).flattened()
      let u = try file.tensor("flows.\(index).u", as: Double.self).flattened()
      let product = (w * u).sum()
      let change = softplus(product) - 1 - product
      let displacement = u + w * (change / (w * w).sum())
      return Planar(
        normal: Tensor(w), displacement: Tensor(displacement),
        bias: S(try file.tensor("flows.\(index).b", as: Double.self).scalars[0]))
    }
  }

  private func checkPlanar<S: TensorScalar>(_ type: S.Type, _ tolerance: Double) throws {
    let file = try peerFixture("normflows_planar")
    func array(_ name: String) throws -> Tensor<Double> { try file.tensor(name) }
    let (latent, sample) = (try array("latent"), try array("sample"))
    let (trace, traceLogDet) = (try array("trace"), try array("trace_log_det"))
    let density = try array("sample_log_density")
    let (reversedDensity, reversedGradient) = (
      try array("reversed_log_density"), try array("reversed_gradient")
    )
    let maps: [Planar<S>] = try planar(file)
    let base = Gaussian<S>(dimension: 3)
    let flow = NormalizingFlow(base: base, flow: Composition(dimension: 3, maps))
    let reversed = NormalizingFlow(
      base: base, flow: Composition(dimension: 3, maps.reversed().map(\.inverted)))
    func compare(_ what: String, _ found: Tensor<S>, _ expected: Tensor<Double>) {
      let deviation = GoldenResults.deviation(found, expected)
      #expect(deviation <= tolerance, "\(what), \(InstructionSet.current)")
    }
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        var rows = latent
        for (index, map) in maps.enumerated() {
          let found = map.forward(Tensor(rows))
          rows = trace[rows: index..<index + 1].reshaped(to: latent.shape)
          compare("data of map \(index)", found.value, rows)
          compare(
            "log-determinant of map \(index)", found.logDet,
            traceLogDet[rows: index..<index + 1].flattened())
        }
        let data = flow.toData(Tensor(latent))
        compare("data", data.value, sample)
        compare(
          "log-density of samples", base.logDensity(of: Tensor(latent), context: nil) - data.logDet,
          density)
        compare("log-density", flow.logDensity(of: Tensor(sample)), density)
        let x = Tensor<S>(latent)
        compare("reversed log-density", reversed.logDensity(of: x), reversedDensity)
        compare(
          "reversed gradient", gradient(at: x) { reversed.logDensity(of: $0).sum() },
          reversedGradient)
      }
    }
  }

  @Test func planarFloat() throws { try checkPlanar(Float.self, 1e-5) }

  @Test func planarDouble() throws { try checkPlanar(Double.self, 1e-10) }
}
