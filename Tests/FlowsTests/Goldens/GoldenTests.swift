import Testing

@testable import Flows

/// Flows with weights from PyTorch against what PyTorch computed with them in double precision.
@Suite struct GoldenTests {
  private func check<S: TensorScalar>(_ golden: Golden, _ type: S.Type, tolerance: Double) throws {
    let file = try golden.file()
    let results = try GoldenResults(file)
    let flow: NormalizingFlow<S> = try golden.flow(from: file)
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        #expect(results.logDensityDeviation(flow) < tolerance, "log-density, \(set)")
        #expect(results.latentDeviation(flow) < tolerance, "latent, \(set)")
        #expect(results.gradientDeviation(flow) < tolerance, "gradient, \(set)")
        #expect(results.inputDeviation(flow) < tolerance, "latent to data, \(set)")
      }
    }
  }

  @Test(arguments: Golden.allCases) func float(_ golden: Golden) throws {
    try check(golden, Float.self, tolerance: 1e-5)
  }

  @Test(arguments: Golden.allCases) func double(_ golden: Golden) throws {
    try check(golden, Double.self, tolerance: 1e-12)
  }

  @Test(arguments: Golden.allCases) func rowsAreFarAndDensitiesVary(_ golden: Golden) throws {
    let results = try GoldenResults(golden.file())
    let (input, density) = (results.input.scalars, results.logDensity.scalars)
    #expect(results.input.shape == [300, golden.columns])
    #expect(input.contains { $0 > 19 } && input.contains { $0 < -19 })
    #expect(density.contains { $0 > -10 } && density.contains { $0 < -900 })
  }

  // MARK: - Power

  /// The file with one scalar of one array moved.
  private func moving(_ name: String, _ index: Int, in file: SafetensorsFile) throws
    -> SafetensorsFile
  {
    try file.changing { other, tensor in
      if other == name { tensor.withMutableScalars { $0[index] += 1e-3 } }
    }
  }

  @Test(arguments: Golden.masked)
  func oneWeightMakesTheDifference(_ golden: Golden) throws {
    let file = try golden.file()
    let results = try GoldenResults(file)
    let mask = try file.tensor("mask", as: Double.self)
    let columns = mask.shape[1]
    for layer in 0..<mask.shape[0] {
      let flags = (0..<columns).map { mask[layer, $0] == 1 }
      let passed = try #require(flags.firstIndex(of: true))
      let changed = try #require(flags.firstIndex(of: false))
      for network in ["s", "t"] {
        let name = "\(network).\(layer)."
        let widths = try file.shape(of: name + "2.weight")
        // One used scalar of each array of the network.
        let used = [
          ("0.weight", 5 * columns + passed), ("0.bias", 7), ("2.weight", 3 * widths[1] + 11),
          ("2.bias", 13), ("4.weight", changed * widths[0] + 9), ("4.bias", changed),
        ]
        for (array, index) in used {
          let moved: NormalizingFlow<Double> = try golden.flow(
            from: moving(name + array, index, in: file))
          #expect(results.logDensityDeviation(moved) > 1e-9, "\(name + array)")
        }
        let moved: NormalizingFlow<Float> = try golden.flow(
          from: moving(name + "4.bias", changed, in: file))
        #expect(results.logDensityDeviation(moved) > 1e-4, "\(name)4.bias in Float")
      }
    }
  }

  @Test func oneWeightOfTheJointNetworksMakesTheDifference() throws {
    let file = try Golden.joint4d.file()
    let results = try GoldenResults(file)
    for name in file.names where !Golden.results.contains(name) {
      let moved: NormalizingFlow<Double> = try Golden.joint4d.flow(
        from: moving(name, 1, in: file))
      #expect(results.logDensityDeviation(moved) > 1e-9, "\(name)")
    }
  }

  @Test(arguments: Golden.masked) func weightsBehindTheMaskDoNothing(_ golden: Golden) throws {
    let file = try golden.file()
    let flow = try NormalizingFlow<Double>(rleWeights: file)
    let mask = try file.tensor("mask", as: Double.self)
    let changed = try file.changing { name, tensor in
      let parts = name.split(separator: ".")
      guard parts.count == 4, let layer = Int(parts[1]) else { return }
      let columns = mask.shape[1]
      let inner = tensor.count / tensor.shape[0]
      tensor.withMutableScalars { scalars in
        for index in scalars.indices {
          let isUnused =
            switch parts[2] {
            case "0" where parts[3] == "weight": mask[layer, index % columns] == 0
            case "4": mask[layer, index / inner] == 1
            default: false
            }
          if isUnused { scalars[index] = 1_000 }
        }
      }
    }
    let other = try NormalizingFlow<Double>(rleWeights: changed)
    #expect(changed.names.count == file.names.count)
    #expect(flow.namedTensors.map(\.tensor) == other.namedTensors.map(\.tensor))
  }
}
