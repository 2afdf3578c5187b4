import Testing

@testable import Flows

/// Flows with the weights of zuko and nflows against what these compute.
@Suite struct PeerGoldenTests {
  /// Gradients have a tolerance of their own.
  private func check<S: TensorScalar>(
    _ golden: PeerGolden, _ type: S.Type, _ tolerance: Double, gradients: Double
  ) throws {
    let file = try golden.file()
    let results = try PeerResults(file)
    let flow: NormalizingFlow<S> = try golden.flow(file)
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        for (result, deviation) in results.deviations(flow) {
          let tolerance = result == "gradient" ? gradients : tolerance
          #expect(deviation <= tolerance, "\(result), \(set)")
        }
      }
    }
  }

  @Test(arguments: PeerGolden.allCases) func float(_ golden: PeerGolden) throws {
    // Second derivatives of steep splines: the libraries themselves in Float deviate by up to 5e-5.
    try check(golden, Float.self, 1e-5, gradients: 1e-4)
  }

  @Test(arguments: PeerGolden.allCases) func double(_ golden: PeerGolden) throws {
    try check(golden, Double.self, 1e-10, gradients: 1e-10)
  }

  @Test(arguments: PeerGolden.allCases) func eachTransform(_ golden: PeerGolden) throws {
    let file = try golden.file()
    let results = try PeerResults(file)
    let flow = try golden.flow(file, as: Double.self)
    #expect(flow.flow.flows.count == results.trace.shape[0])
    for (index, deviation) in results.stepDeviations(flow).enumerated() {
      #expect(deviation <= 1e-12, "transform \(index) from the data")
    }
  }

  @Test(arguments: PeerGolden.allCases) func survivesSavingAndLoading(_ golden: PeerGolden) throws {
    let file = try golden.file()
    let results = try PeerResults(file)
    let flow = try golden.flow(file, as: Double.self)
    let again = try NormalizingFlow<Double>(flow.safetensors())
    #expect(
      again.logDensity(of: results.input, context: results.context)
        == flow.logDensity(of: results.input, context: results.context))
  }

  @Test(arguments: PeerGolden.allCases) func everyWeightCountsAndNoMaskedOne(_ golden: PeerGolden)
    throws
  {
    let file = try golden.file()
    let results = try PeerResults(file)
    for name in file.names where name.hasSuffix(".weight") || name.hasSuffix(".bias") {
      let moved = try file.changing { other, tensor in
        if other == name { tensor = tensor + 1e-3 }
      }
      let deviation = results.deviations(try golden.flow(moved, as: Double.self))[0].deviation
      #expect(deviation > 1e-7, "\(name)")
    }
    for name in file.names where name.hasSuffix(".mask") {
      let weight = String(name.dropLast("mask".count)) + "weight"
      guard file.names.contains(weight) else { continue }
      let mask = try file.tensor(name, as: Double.self)
      let moved = try file.changing { other, tensor in
        if other == weight { tensor = tensor + (1 - mask) * 100 }
      }
      let deviation = results.deviations(try golden.flow(moved, as: Double.self))[0].deviation
      #expect(deviation <= 1e-10, "\(name)")
    }
  }

  // MARK: - Refusals

  private func changed(_ golden: PeerGolden, _ name: String, _ change: (inout [Double]) -> Void)
    throws -> SafetensorsFile
  {
    try golden.file().changing { other, tensor in
      guard other == name else { return }
      var scalars = tensor.scalars
      change(&scalars)
      tensor = Tensor(shape: tensor.shape, scalars: scalars)
    }
  }

  private func zuko(_ file: SafetensorsFile, prefix: String = "") -> String {
    errorText { try NormalizingFlow<Float>(zukoWeights: file, prefix: prefix) }
  }

  private func nflows(_ file: SafetensorsFile, bound: Double = 3) -> String {
    errorText { try NormalizingFlow<Float>(nflowsWeights: file, bound: bound) }
  }

  @Test func refusesWhatIsMissing() throws {
    let file = try PeerGolden.zukoMAF.file()
    #expect(zuko(file, prefix: "flow.").hasPrefix("\"flow.transform.transforms.\": no array has"))
    let name = "transform.transforms.1.hyper.2.bias"
    let without = try file.renaming { $0 == name ? nil : $0 }
    #expect(zuko(without) == "\"\(name)\": the file has no array of this name")
    let gap = try file.renaming { $0.hasPrefix("transform.transforms.1.") ? nil : $0 }
    #expect(errorKind { try NormalizingFlow<Float>(zukoWeights: gap) } == .unsupported)
    let prefixed = try NormalizingFlow<Double>(
      zukoWeights: file.renaming { "flow." + $0 }, prefix: "flow.")
    let plain = try NormalizingFlow<Double>(zukoWeights: file)
    let x = try PeerResults(file).input
    #expect(prefixed.logDensity(of: x) == plain.logDensity(of: x))
  }

  @Test func refusesMasksThatAreNotAutoregressive() throws {
    let full = try changed(.zukoMAF, "transform.transforms.0.hyper.4.mask") { mask in
      for index in mask.indices { mask[index] = 1 }
    }
    #expect(zuko(full).hasSuffix("the masks let a column depend on itself or on one after it"))
    let half = try changed(.zukoMAF, "transform.transforms.0.hyper.2.mask") { $0[5] = 0.5 }
    #expect(zuko(half).hasSuffix("expected only 0 and 1, found others"))
  }

  @Test func refusesBadNumbers() throws {
    let nan = try changed(.zukoNSF, "transform.transforms.1.hyper.0.weight") { $0[3] = .nan }
    #expect(zuko(nan).hasSuffix("expected finite Float values, found others"))
    let order = try changed(.zukoNSF, "transform.transforms.0.order") { $0[0] = -1 }
    #expect(zuko(order).hasSuffix("expected whole numbers from 0 to 3, found -1.0"))
    let groups = try changed(.zukoNSF, "transform.transforms.0.order") { $0[0] = 2 }
    #expect(errorKind { try NormalizingFlow<Float>(zukoWeights: groups) } == .unsupported)
    let scale = try changed(.zukoNSF, "base.scale") { $0[0] = 0 }
    #expect(zuko(scale) == "\"base.scale\": expected positive scales, found others")
    let permutation = try changed(.nflowsMAF, "_transform._transforms.0._permutation") { $0[0] = 0 }
    #expect(nflows(permutation).contains("expected each column once, found"))
    let (maf, nsf) = (try PeerGolden.nflowsMAF.file(), try PeerGolden.zukoNSF.file())
    for bound in [0, -1, Double.infinity, .nan] {
      #expect(nflows(maf, bound: bound).contains("expected a positive number"))
    }
    for slope in [0, 1, -1, Double.nan] {
      let kind = errorKind { try NormalizingFlow<Float>(zukoWeights: nsf, slope: slope) }
      #expect(kind == .invalidConfiguration)
    }
  }

  @Test func refusesOtherPartsOfNFlows() throws {
    let file = try PeerGolden.nflowsMAFContext.file()
    for (name, part) in [
      ("_embedding_net.0.weight", "embeds the context"),
      ("_distribution.mean_", "expected the base StandardNormal"),
      (
        "_transform._transforms.0.autoregressive_net.blocks.0.batch_norm.weight", "one linear layer"
      ),
      (
        "_transform._transforms.3.lower_entries", "expected an autoregressive transform, a coupling"
      ),
    ] {
      var other = file
      try other.add(name, Tensor<Float>.ones([3]))
      #expect(nflows(other).contains(part), "\(name)")
    }
    let text = errorText {
      try NormalizingFlow<Float>(nflowsWeights: file, activation: .tanh)
    }
    #expect(text.hasSuffix("with context is read with the activation relu only"))
  }
}
