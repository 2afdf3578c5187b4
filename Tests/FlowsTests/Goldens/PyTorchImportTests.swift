import Testing

@testable import Flows

/// What the importer accepts and refuses, with files made here.
@Suite struct PyTorchImportTests {
  /// Random weights in PyTorch's layout; masks are rows of 0 and 1, hidden widths one list a layer.
  private func file(
    masks: [[Double]], hidden: [[Int]], prefix: String = ""
  ) throws -> SafetensorsFile {
    var generator = PhiloxGenerator(seed: 5)
    var file = SafetensorsFile()
    try file.add(prefix + "mask", Tensor(masks))
    let columns = masks[0].count
    for layer in masks.indices {
      let widths = [columns] + hidden[layer] + [columns]
      for network in ["s", "t"] {
        for index in 1..<widths.count {
          let name = "\(prefix)\(network).\(layer).\(2 * (index - 1))"
          try file.add(
            name + ".weight",
            Tensor<Double>.normal([widths[index], widths[index - 1]], using: &generator) * 0.3)
          try file.add(
            name + ".bias", Tensor<Double>.normal([widths[index]], using: &generator) * 0.3)
        }
      }
    }
    return file
  }

  private func small() throws -> SafetensorsFile {
    try file(masks: [[0, 1], [1, 0]], hidden: [[4, 3], [4, 3]])
  }

  private func text(_ file: SafetensorsFile, prefix: String = "") -> String {
    errorText { try NormalizingFlow<Float>(rleWeights: file, prefix: prefix) }
  }

  /// The flow by its formula over full columns, as PyTorch computes it.
  private func latent(
    _ x: Tensor<Double>, _ file: SafetensorsFile, _ slope: Double, bounded: Bool
  ) throws -> Transformed<Double> {
    func network(_ name: String, _ layer: Int, _ x: Tensor<Double>) throws -> Tensor<Double> {
      var (y, index) = (x, 0)
      while file.names.contains("\(name).\(layer).\(index).weight") {
        if index > 0 { y = leakyReLU(y, slope: slope) }
        let weight = try file.tensor("\(name).\(layer).\(index).weight", as: Double.self)
        let bias = try file.tensor("\(name).\(layer).\(index).bias", as: Double.self)
        y = y.matmul(weight.transposed()) + bias
        index += 2
      }
      return y
    }
    let mask = try file.tensor("mask", as: Double.self)
    var value = x
    var logDet = Tensor<Double>.zeros([x.shape[0]])
    for layer in (0..<mask.shape[0]).reversed() {
      let m = mask[rows: layer..<(layer + 1)]
      let raw = try network("s", layer, value * m)
      let s = (bounded ? tanh(raw) : raw) * (1 - m)
      let t = try network("t", layer, value * m) * (1 - m)
      value = value * m + (1 - m) * (value - t) * exp(-s)
      logDet = logDet - s.sum(axis: 1)
    }
    return Transformed(value: value, logDet: logDet)
  }

  // MARK: - Accepted

  @Test func readsAnyColumnsLayersAndWidths() throws {
    var generator = PhiloxGenerator(seed: 6)
    let cases: [(masks: [[Double]], hidden: [[Int]])] = [
      ([[0, 1]], [[8]]),
      ([[1, 0, 1, 1, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 0]], [[7, 5], [], [3, 4, 6]]),
      ((0..<12).map { $0 % 2 == 0 ? [0, 1] : [1, 0] }, [[Int]](repeating: [5, 5], count: 12)),
    ]
    for (masks, hidden) in cases {
      let file = try file(masks: masks, hidden: hidden)
      let x = Tensor<Double>.normal([50, masks[0].count], using: &generator)
      let flow = try NormalizingFlow<Double>(rleWeights: file)
      let expected = try latent(x, file, 0.01, bounded: true)
      let found = flow.toLatent(x)
      #expect(GoldenResults.deviation(found.value, expected.value) < 1e-13)
      #expect(GoldenResults.deviation(found.logDet, expected.logDet) < 1e-13)
      #expect(GoldenResults.deviation(flow.toData(found.value).value, x) < 1e-12)
      let free = try Composition<Double>(
        maskedCouplings: file, activation: .leakyReLU(slope: 0.2), scale: .free)
      let other = try latent(x, file, 0.2, bounded: false)
      #expect(GoldenResults.deviation(free.inverse(x).value, other.value) < 1e-12)
    }
  }

  @Test func hasTheArchitectureOfThePreset() throws {
    for (golden, columns) in [(Golden.rle2d, 2), (.rle3d, 3)] {
      var generator = PhiloxGenerator(seed: 0)
      let preset = NormalizingFlow<Float>.rle(dimension: columns, using: &generator)
      let imported = try NormalizingFlow<Float>(rleWeights: golden.file())
      let expected = try preset.safetensors()
      let found = try imported.safetensors()
      #expect(found.metadata == expected.metadata)
      #expect(found.names.sorted() == expected.names.sorted())
    }
  }

  @Test func survivesSavingAndLoading() throws {
    let flow = try NormalizingFlow<Float>(rleWeights: Golden.rle3d.file())
    let again = try NormalizingFlow<Float>(flow.safetensors())
    let results = try GoldenResults(Golden.rle3d.file())
    let x = Tensor<Float>(results.input)
    #expect(again.logDensity(of: x) == flow.logDensity(of: x))
  }

  @Test func readsBehindAnyPrefixBesideOtherArrays() throws {
    let plain = try Golden.rle2d.file()
    let prefix = "head.loss_module.flow_model."
    var file = try plain.renaming { prefix + $0 }
    try file.add("backbone.conv1.weight", Tensor<Float>.zeros([4, 3, 2, 2]))
    try file.add(prefix + "loc", Tensor<Float>.zeros([2]))
    try file.add(prefix + "cov", Tensor<Float>.identity(2))
    let flow = try NormalizingFlow<Double>(rleWeights: file, prefix: prefix)
    #expect(try GoldenResults(plain).logDensityDeviation(flow) < 1e-12)
  }

  @Test func readsTheBase() throws {
    var file = try small()
    let standard = try NormalizingFlow<Double>(rleWeights: file)
    try file.add("loc", Tensor<Double>([0.5, -1]))
    try file.add("cov", Tensor<Double>([[4, 0], [0, 0.25]]))
    let flow = try NormalizingFlow<Double>(rleWeights: file)
    let x = Tensor<Double>([[0.3, 0.4], [-2, 1]])
    let z = standard.toLatent(x)
    let units = (z.value - Tensor([0.5, -1])) / Tensor([2, 0.5])
    // log det of the standard deviations is 0 here.
    let expected = z.logDet - units.squared().sum(axis: 1) * 0.5 - 1.837_877_066_409_345_3
    #expect(GoldenResults.deviation(flow.logDensity(of: x), expected) < 1e-13)
  }

  // MARK: - Refused

  @Test func namesMissingArrays() throws {
    let file = try small()
    for name in file.names where name != "mask" {
      let rest = try file.renaming { $0 == name ? nil : $0 }
      #expect(text(rest) == "\"\(name)\": the file has no array of this name")
      #expect(errorKind { try NormalizingFlow<Float>(rleWeights: rest) } == .modelMismatch)
    }
    #expect(
      text(try file.renaming { $0 == "mask" ? nil : $0 })
        == "\"mask\": the file has no array of this name; no array of the file is called mask")
  }

  @Test func suggestsPrefixes() throws {
    let file = try small().renaming { "flow2d." + $0 }
    #expect(
      text(file, prefix: "flow.")
        == "\"flow.mask\": the file has no array of this name; prefixes with a mask are \"flow2d.\""
    )
    #expect(text(file, prefix: "flow2d").hasSuffix("prefixes with a mask are \"flow2d.\""))
  }

  @Test func refusesOtherShapes() throws {
    let file = try small()
    for (name, shape, expected) in [
      ("s.0.0.weight", [4, 3], "expected the shape [width, 2] (outputs, inputs), found [4, 3]"),
      ("t.1.2.weight", [3, 5], "expected the shape [width, 4] (outputs, inputs), found [3, 5]"),
      ("t.1.4.weight", [1, 3], "expected the shape [2, 3] (outputs, inputs), found [1, 3]"),
      ("s.1.0.weight", [8], "expected the shape [width, 2] (outputs, inputs), found [8]"),
      ("s.0.2.bias", [4], "expected the shape [3], found [4]"),
      ("t.0.4.bias", [2, 1], "expected the shape [2], found [2, 1]"),
    ] {
      let changed = try file.changing { other, tensor in
        if other == name { tensor = .zeros(shape) }
      }
      #expect(text(changed) == "\"\(name)\": \(expected)")
    }
    for shape in [[2], [2, 1], [0, 2], [1, 2, 2]] {
      let changed = try file.changing { other, tensor in
        if other == "mask" { tensor = .zeros(shape) }
      }
      #expect(
        text(changed)
          == "\"mask\": expected the shape [layers, columns] with at least 1 layer and 2 columns, "
          + "found \(shape)")
    }
  }

  @Test func refusesOtherMasks() throws {
    let file = try small()
    for (mask, expected) in [
      ([[0.5, 1], [1, 0]], "expected only 0 and 1, found [0.5, 1.0] for layer 0"),
      ([[0, 1], [.nan, 0]], "expected only 0 and 1, found [nan, 0.0] for layer 1"),
      (
        [[0, 1], [0, 0]],
        "expected that layer 1 passes at least one column and transforms at least one, found only 0"
      ),
      (
        [[1, 1], [1, 0]],
        "expected that layer 0 passes at least one column and transforms at least one, found only 1"
      ),
    ] as [([[Double]], String)] {
      let changed = try file.changing { name, tensor in
        if name == "mask" { tensor = Tensor(mask) }
      }
      #expect(text(changed) == "\"mask\": \(expected)")
      #expect(errorKind { try NormalizingFlow<Float>(rleWeights: changed) } == .invalidData)
    }
  }

  @Test func refusesAnotherNumberOfLayers() throws {
    let file = try small()
    let fewer = try file.changing { name, tensor in
      if name == "mask" { tensor = Tensor([[0, 1]]) }
    }
    #expect(
      text(fewer)
        == "\"s.1\": expected 1 layer as the mask has 1 row, found weights of 2")
    let more = try file.changing { name, tensor in
      if name == "mask" { tensor = Tensor([[0, 1], [1, 0], [0, 1]]) }
    }
    #expect(text(more) == "\"s.2.0.weight\": the file has no array of this name")
  }

  @Test func refusesNetworksOfDifferentWidths() throws {
    let file = try file(masks: [[0, 1]], hidden: [[4, 3]]).changing { name, tensor in
      switch name {
      case "t.0.0.weight": tensor = .zeros([5, 2])
      case "t.0.0.bias": tensor = .zeros([5])
      case "t.0.2.weight": tensor = .zeros([3, 5])
      default: break
      }
    }
    #expect(
      text(file)
        == "\"s.0\": the networks s and t of a layer have the same hidden widths; found [4, 3] and "
        + "[5, 3]")
    #expect(errorKind { try NormalizingFlow<Float>(rleWeights: file) } == .unsupported)
  }

  @Test func refusesWeightsThatAreNotFinite() throws {
    for value in [Double.nan, .infinity, 1e300] {
      let file = try small().changing { name, tensor in
        if name == "t.1.2.weight" { tensor.withMutableScalars { $0[3] = value } }
      }
      #expect(text(file) == "\"t.1.2.weight\": expected finite Float values, found others")
    }
  }

  @Test func refusesOtherBases() throws {
    for (location, covariance, expected) in [
      ([0, 0, 0], [[1, 0], [0, 1]], "\"loc\": expected the shape [2], found [3]"),
      ([0, 0], [[1, 0]], "\"cov\": expected the shape [2, 2], found [1, 2]"),
      ([0, 0], [[1, 0.1], [0.1, 1]], "\"cov\": a base with a covariance between columns"),
      ([0, 0], [[1, 0], [0, 0]], "\"cov\": expected positive variances, found 0.0"),
    ] as [([Double], [[Double]], String)] {
      var file = try small()
      try file.add("loc", Tensor(location))
      try file.add("cov", Tensor(covariance))
      #expect(text(file) == expected)
    }
    var file = try small()
    try file.add("loc", Tensor<Double>([0, 0]))
    #expect(text(file) == "\"cov\": the file has no array of this name")
  }

  @Test func refusesArraysOfTooManyAxes() throws {
    let header = #"{"mask":{"dtype":"F32","shape":[1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    bytes += Array(header.utf8) + [0, 0, 0, 0]
    let file = try SafetensorsFile(bytes: bytes)
    #expect(text(file) == "\"mask\": a tensor has at most 6 axes; this array has 7")
  }
}
