import Flows
import Foundation
import Testing

@testable import PoseRLE

/// The largest difference of two tensors as a share of the largest number of the second.
func relativeError<S: TensorScalar>(_ found: Tensor<S>, _ expected: Tensor<Double>) -> Double {
  guard found.shape == expected.shape else { return .infinity }
  let largest = expected.scalars.reduce(0) { max($0, abs($1)) }
  let errors = zip(Tensor<Double>(found).scalars, expected.scalars).map { abs($0 - $1) }
  return errors.contains(where: \.isNaN) ? .infinity : (errors.max() ?? 0) / largest
}

@Suite("Backbones against PyTorch")
struct BackboneGoldenTests {
  /// What PyTorch makes of some images, stage by stage.
  struct Golden {
    let images: Tensor<Double>
    /// In the order of the network.
    let stages: [(name: String, value: Tensor<Double>)]

    init(_ file: WeightsFile) throws {
      func value(_ name: String) throws -> Tensor<Double> {
        try file.tensor("golden." + name, as: Double.self)
      }
      images = try value("images")
      stages = try ["pooled", "layer1", "layer2", "layer3", "layer4", "features"].map {
        ($0, try value($0))
      }
    }

    /// The largest relative error of maps and features.
    func errors<S: TensorScalar>(_ network: ResNet<S>) -> (maps: Double, features: Double) {
      let images = Tensor<S>(images)
      var x = network.stem(images)
      x = x.maxPooled(ConvolutionGeometry(kernel: 3, stride: 2, padding: 1))
      var maps = [x]
      for stage in network.stages {
        for block in stage { x = block(x) }
        maps.append(x)
      }
      let worst = zip(maps, stages).map { relativeError($0, $1.value) }.max() ?? .infinity
      let last = relativeError(network.map(images), stages[4].value)
      return (max(worst, last), relativeError(network(images), stages[5].value))
    }
  }

  private static func name(_ file: String) -> String {
    file.hasPrefix("resnet18") ? "resnet18" : "resnet50"
  }

  static let files = ["resnet18", "resnet50"].flatMap { name in
    [".pth", "-legacy.pth", ".safetensors"].map { name + $0 }
  }

  // Maps are stored in single precision.
  private func check<S: TensorScalar>(
    _ network: ResNet<S>, _ golden: Golden, maps: Double, features: Double, _ what: String
  ) {
    for (network, isFolded) in [(network, "as read"), (network.folded, "folded")] {
      let errors = golden.errors(network)
      #expect(
        errors.maps < maps && errors.features < features,
        "\(what), \(isFolded): \(errors.maps), \(errors.features)")
    }
  }

  @Test("every stage, from three formats", arguments: files)
  func stages(file: String) throws {
    let golden = try Golden(Checkpoint.file(Self.name(file) + ".safetensors"))
    let weights = try Checkpoint.file(file)
    let double = try ResNet<Double>(weights: weights)
    check(double, golden, maps: 1e-6, features: 1e-11, "double")
    check(try ResNet<Float>(weights: weights), golden, maps: 1e-4, features: 1e-4, "single")
    let isBasic = Self.name(file) == "resnet18"
    #expect(
      double.configuration
        == ResNetConfiguration(
          width: 4, block: isBasic ? .basic : .bottleneck,
          stages: isBasic ? [2, 2, 2, 2] : [3, 4, 6, 3]))
  }

  @Test("every instruction set", arguments: InstructionSet.available)
  func instructionSets(set: InstructionSet) throws {
    for name in ["resnet18", "resnet50"] {
      let weights = try Checkpoint.file(name + ".safetensors")
      let golden = try Golden(weights)
      try InstructionSet.with(set) {
        check(try ResNet<Double>(weights: weights), golden, maps: 1e-6, features: 1e-11, name)
        check(try ResNet<Float>(weights: weights), golden, maps: 1e-4, features: 1e-4, name)
      }
    }
  }

  @Test("full-size networks, where POSERLE_FULL_CHECKPOINTS names their folder")
  func fullSize() throws {
    guard let folder = ProcessInfo.processInfo.environment["POSERLE_FULL_CHECKPOINTS"] else {
      return
    }
    for file in Self.files {
      let golden = try Golden(
        WeightsFile.open("\(folder)/\(Self.name(file)).safetensors"))
      let network = try ResNet<Float>(weights: WeightsFile.open("\(folder)/\(file)"))
      let (errors, folded) = (golden.errors(network), golden.errors(network.folded))
      print("\(file): \(errors), folded \(folded)")
      for error in [errors.maps, errors.features, folded.maps, folded.features] {
        #expect(error < 1e-4)
      }
      #expect(network.parameterCount == (Self.name(file) == "resnet18" ? 11_176_512 : 23_508_032))
    }
  }
}

@Suite("Backbones")
struct BackboneTests {
  @Test("have the published numbers of weights")
  func counts() {
    let published = [
      ("resnet18", 11_176_512), ("resnet34", 21_284_672), ("resnet50", 23_508_032),
      ("resnet101", 42_500_160), ("resnet152", 58_143_808),
    ]
    for (name, count) in published {
      let configuration = ResNetConfiguration.presets.first { $0.name == name }?.configuration
      // Each convolution has a normalisation with two numbers for each channel.
      let sum = configuration?.convolutions.reduce(0) { sum, convolution in
        sum + convolution.shape.reduce(1, *) + 2 * convolution.shape[0]
      }
      #expect(sum == count, "\(name)")
    }
  }

  @Test(
    "hold the convolutions that are looked for in files",
    arguments: [
      ResNetConfiguration(block: .basic, stages: [2, 1]),
      ResNetConfiguration(width: 6, block: .bottleneck, stages: [1, 2, 1]),
      ResNetConfiguration(channels: 1, width: 5, block: .bottleneck, stages: [2], stem: .compact),
      ResNetConfiguration(channels: 1, width: 5, block: .basic, stages: [1, 1], stem: .compact),
    ])
  func convolutions(configuration: ResNetConfiguration) {
    var generator = PhiloxGenerator(seed: 1)
    let network = ResNet<Float>(configuration, using: &generator)
    let found = network.namedTensors.filter { $0.tensor.rank == 4 }.map { name, tensor in
      "\(name) \([tensor.shape[3], tensor.shape[2], tensor.shape[0], tensor.shape[1]])"
    }
    #expect(Set(found) == Set(configuration.convolutions.map { "\($0.name) \($0.shape)" }))
    #expect(
      network.map(.zeros([1, 37, 64, configuration.channels])).shape[3] == configuration.features)
    let side = 2 * configuration.reduction
    let map = network.map(.zeros([2, side, side, configuration.channels]))
    #expect(map.shape == [2, 2, 2, configuration.features])
  }

  /// The small ResNet-18 with some arrays replaced, or left out where the closure gives nil.
  private func changed(
    _ change: (String, Tensor<Float>) -> Tensor<Float>?
  ) throws -> SafetensorsFile {
    let file = try Checkpoint.file("resnet18.safetensors")
    var copy = SafetensorsFile()
    for name in file.names where !name.hasPrefix("golden.") {
      if let tensor = change(name, try file.tensor(name, as: Float.self)) {
        try copy.add(name, tensor)
      }
    }
    return copy
  }

  @Test(
    "that lack an array say so",
    arguments: [
      "conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
      "layer2.0.downsample.1.bias", "layer3.1.bn2.running_var", "layer4.1.conv2.weight",
    ])
  func missing(array: String) throws {
    let file = try changed { name, tensor in name == array ? nil : tensor }
    let error = try #require(throws: PoseError.self) { try ResNet<Float>(weights: file) }
    #expect(error.kind == .modelMismatch)
    #expect(error.path == array, "\(error)")
  }

  @Test("whose arrays have other shapes or no finite numbers name them")
  func shapes() throws {
    func refused(
      _ array: String, _ part: String, _ change: (Tensor<Float>) -> Tensor<Float>,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let file = try changed { name, tensor in name == array ? change(tensor) : tensor }
      let error = try #require(throws: PoseError.self, sourceLocation: sourceLocation) {
        try ResNet<Float>(weights: file)
      }
      #expect(error.kind == .modelMismatch, sourceLocation: sourceLocation)
      #expect(error.path == array, "\(error)", sourceLocation: sourceLocation)
      #expect(error.message.contains(part), "\(error)", sourceLocation: sourceLocation)
    }
    try refused("conv1.weight", "[4, 3, 5, 5]") { _ in .zeros([4, 3, 5, 5]) }
    try refused("conv1.weight", "[4]") { _ in .zeros([4]) }
    try refused("layer3.0.conv2.weight", "[16, 16, 3, 3], found [16, 16, 1, 1]") { _ in
      .zeros([16, 16, 1, 1])
    }
    try refused("layer4.0.downsample.0.weight", "[32, 16, 1, 1]") { _ in .zeros([32, 16]) }
    try refused("bn1.weight", "[4], found [5]") { _ in .zeros([5]) }
    try refused("layer1.1.bn2.bias", "finite") { $0 * .infinity }
    try refused("layer1.1.conv2.weight", "finite") { Tensor(repeating: .nan, shape: $0.shape) }
    try refused("layer2.1.bn1.running_var", "negative") { $0 * -1 }
  }

  @Test("that claim to be large take no memory before their arrays are there")
  func claims() throws {
    var file = SafetensorsFile()
    try file.add("conv1.weight", Tensor<Float>.zeros([4_096, 3, 7, 7]))
    for stage in 1...8 {
      for block in 0..<40 {
        try file.add("layer\(stage).\(block).conv1.weight", Tensor<Float>.zeros([1]))
      }
    }
    let error = try #require(throws: PoseError.self) { try ResNet<Float>(weights: file) }
    #expect(error.path == "layer1.0.conv1.weight")
  }

  @Test("take over weights from files of each kind, or stay as they are")
  func loading() throws {
    var generator = PhiloxGenerator(seed: 2)
    let file = try Checkpoint.file("resnet18.pth")
    let expected = try ResNet<Float>(weights: file)
    let architecture = PoseArchitecture(
      skeleton: .coco17, input: .imageNet(CropSize(width: 32, height: 32)),
      backbone: expected.configuration, likelihood: .l1)
    var model = PoseModel<Float>(architecture, using: &generator)
    let before = model.backbone.namedTensors.map(\.tensor)
    #expect(throws: PoseError.self) {
      try model.loadBackbone(from: Checkpoint.path("resnet50.pth"))
    }
    #expect(model.backbone.namedTensors.map(\.tensor) == before)
    try model.loadBackbone(from: Checkpoint.path("resnet18-legacy.pth"))
    #expect(model.backbone.namedTensors.map(\.tensor) == expected.namedTensors.map(\.tensor))

    let folder = ScratchFolder()
    try model.save(to: folder.path("own.safetensors"))
    var other = PoseModel<Float>(architecture, using: &generator)
    try other.loadBackbone(from: folder.path("own.safetensors"))
    #expect(other.backbone.namedTensors.map(\.tensor) == expected.namedTensors.map(\.tensor))
    #expect(other.head.coordinates.weight != model.head.coordinates.weight)

    let published = try PoseModel<Float>(released: Checkpoint.path("rle-mmpose.pth"))
    var deep = PoseModel<Float>(
      PoseArchitecture(
        skeleton: .coco17, input: .imageNet(CropSize(width: 32, height: 32)),
        backbone: published.architecture.backbone, likelihood: .l1), using: &generator)
    for name in ["rle-mmpose.pth", "rle-official.pth"] {
      try deep.loadBackbone(from: Checkpoint.path(name))
      let read = try PoseModel<Float>(released: Checkpoint.path(name)).backbone
      #expect(deep.backbone.namedTensors.map(\.tensor) == read.namedTensors.map(\.tensor))
    }
  }
}
