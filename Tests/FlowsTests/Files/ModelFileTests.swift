import FlowChecks
import Foundation
import Testing

@testable import Flows

/// A flow that files cannot describe.
private struct Unstorable: Flow {
  typealias Scalar = Float
  var dimension: Int { 2 }
  func forward(_ z: Tensor<Float>, context: Tensor<Float>?) -> Transformed<Float> {
    Transformed(value: z, logDet: .zeros([z.shape[0]]))
  }
  func inverse(_ x: Tensor<Float>, context: Tensor<Float>?) -> Transformed<Float> {
    Transformed(value: x, logDet: .zeros([x.shape[0]]))
  }
  mutating func visitParameters<V: ParameterVisitor<Float>>(_ visitor: inout V) {}
}

/// A small model with a part of every kind.
func smallModel() -> NormalizingFlow<Float> {
  var generator = PhiloxGenerator(seed: 71)
  var model = NormalizingFlow(base: Laplace<Float>(dimension: 2, isLearnable: true)) {
    AffineCoupling(
      dimension: 2, mask: .alternating(0), contextDimension: 1, hidden: [4], using: &generator)
    Permutation.reversed(dimension: 2)
    AdditiveCoupling(dimension: 2, mask: .given([true, false]), hidden: [], using: &generator)
      .inverted
    ActNorm(dimension: 2)
  }
  model.standardization = Standardization(scale: Tensor([2, 0.5]), shift: Tensor([1, -1]))
  model.contextStandardization = Standardization(scale: Tensor([3]), shift: Tensor([0]))
  return model
}

@Suite("Model files")
struct ModelFileTests {
  private let x: Tensor<Float> = bentRows(30)
  private let context = Tensor<Float>.linearSpace(-2...2, count: 30).reshaped(to: [30, 1])

  /// The text of the error that a changed file of the small model gives.
  private func text(_ change: (inout SafetensorsFile) throws -> Void) -> String {
    errorText {
      var file = try smallModel().safetensors()
      try change(&file)
      return try NormalizingFlow<Float>(file)
    }
  }

  /// The same with tensors left out, replaced or added.
  private func text(
    without name: String, adding tensor: (name: String, value: Tensor<Float>)? = nil
  ) -> String {
    text { file in
      let original = file
      file = SafetensorsFile()
      file.metadata = original.metadata
      for other in original.names where other != name {
        try file.add(other, try original.tensor(other, as: Float.self))
      }
      if let tensor { try file.add(tensor.name, tensor.value) }
    }
  }

  @Test("hold all that a model is")
  func roundTrip() throws {
    let model = smallModel()
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try model.save(to: path)
      let loaded = try NormalizingFlow<Float>.load(from: path)
      #expect(loaded.namedTensors.map(\.name) == model.namedTensors.map(\.name))
      #expect(loaded.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))
      #expect(loaded.parameterCount == model.parameterCount)
      #expect(
        loaded.logDensity(of: x, context: context) == model.logDensity(of: x, context: context))
      let again = folder + "/again.safetensors"
      try loaded.save(to: again)
      #expect(
        FileManager.default.contents(atPath: path) == FileManager.default.contents(atPath: again),
        "a model that was loaded is saved with the same bytes")
    }
  }

  @Test("convert between scalar types")
  func conversion() throws {
    let model = smallModel()
    let double = try NormalizingFlow<Double>(converting: model)
    let back = try NormalizingFlow<Float>(converting: double)
    #expect(back.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))
    let wide = double.logDensity(of: Tensor(x), context: Tensor(context))
    #expect(
      deviation(
        "log-density", found: Tensor<Double>(model.logDensity(of: x, context: context)),
        expected: wide, tolerance: 1e-5) == nil)
  }

  @Test("of other kinds are refused")
  func otherKinds() throws {
    #expect(
      text { $0.metadata = [:] }
        == "expected a model saved by Flows; this safetensors file does not describe one (its "
        + "metadata have no \"flows.model\")")
    #expect(
      text { $0.metadata["flows.kind"] = "PoseModel" }
        == "expected a NormalizingFlow; the file holds a model of kind \"PoseModel\"")
    #expect(
      text { $0.metadata["flows.version"] = "2" }
        == "the file has format version 2; this library reads up to 1")
    for version in ["0", "-1", "one", ""] {
      #expect(
        text { $0.metadata["flows.version"] = version }
          == "the file's format version is missing or no number")
    }
    #expect(
      text { $0.metadata["flows.model"] = "{" }
        .hasPrefix("the description of the model cannot be read: "))
    #expect(
      text { $0.metadata["flows.model"] = "[1]" }
        .hasPrefix("the description of the model cannot be read: "))
  }

  @Test("name the file that cannot be read")
  func path() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/other.safetensors"
      try SafetensorsFile().write(to: path)
      #expect(errorText { try NormalizingFlow<Float>.load(from: path) }.hasPrefix("\(path): "))
      let missing = folder + "/missing.safetensors"
      #expect(errorKind { try NormalizingFlow<Float>.load(from: missing) } == .unreadableFile)
      let nowhere = folder + "/no folder/model.safetensors"
      #expect(errorKind { try smallModel().save(to: nowhere) } == .unwritableFile)
    }
  }

  @Test("whose tensors do not fit their description are refused")
  func tensors() {
    let name = "flow.3.shift"
    #expect(text(without: name) == "\"flow.3.shift\": the file has no tensor of this name")
    #expect(
      text(without: name, adding: (name, .zeros([3])))
        == "\"flow.3.shift\": expected the shape [2], found [3]")
    #expect(
      text(without: name, adding: (name, .zeros([2, 1])))
        == "\"flow.3.shift\": expected the shape [2], found [2, 1]")
    #expect(
      text(without: "", adding: ("flow.4.shift", .zeros([2])))
        == "\"flow.4.shift\": the file holds a tensor that the model it describes does not have")
  }

  @Test("of unknown types say which are known")
  func unknownTypes() {
    func replacing(_ type: String, _ other: String) -> String {
      text { file in
        let model = file.metadata["flows.model"] ?? ""
        #expect(model.contains("\"\(type)\""))
        file.metadata["flows.model"] = model.replacingOccurrences(
          of: "\"\(type)\"", with: "\"\(other)\"")
      }
    }
    #expect(
      replacing("ActNorm", "org.example.Twist")
        == "the file holds a flow of the type \"org.example.Twist\", which is not among ActNorm, "
        + "AdditiveCoupling, AffineCoupling, Autoregressive, BatchNormalizationFlow, CircularShift, "
        + "Coupling, Elementwise, Householder, LULinear, LogitMap, OrderedMap, Orthogonal, "
        + "Permutation, Planar, Radial, SimplexMap, Standardization, SupportMap, Sylvester; pass a "
        + "user's own type to load(from:types:)")
    #expect(
      replacing("Laplace", "Cauchy").hasPrefix(
        "the file holds a density of the type \"Cauchy\", which is not among Beta, Gamma, "))
  }

  @Test("hold users' own flows")
  func usersTypes() throws {
    let model = NormalizingFlow(base: Gaussian<Float>(dimension: 2)) {
      Shear(slope: Tensor<Float>(0.75))
      Shear(slope: Tensor<Float>(-2)).inverted
    }
    try withTemporaryFolder { folder in
      let path = folder + "/shear.safetensors"
      try model.save(to: path)
      let loaded = try NormalizingFlow<Float>.load(from: path, types: [Shear<Float>.self])
      #expect(loaded.logDensity(of: x) == model.logDensity(of: x))
      #expect((loaded.flow.flows.first as? Shear<Float>)?.slope == Tensor(0.75))
      #expect(
        errorText { try NormalizingFlow<Float>.load(from: path) }.contains(
          "a flow of the type \"org.example.Shear\", which is not among"))
    }
  }

  @Test("cannot hold what cannot be described")
  func unstorable() {
    let model = NormalizingFlow(base: Gaussian<Float>(dimension: 2)) { Unstorable() }
    #expect(
      errorText { try model.save(to: "model.safetensors") }
        == "model.safetensors: a flow of type Unstorable cannot be saved: it is no StorableFlow")
  }

  @Test("hold a flow whose base is a flow")
  func nested() throws {
    var inner = NormalizingFlow(base: Gaussian<Float>(dimension: 2)) { ActNorm(dimension: 2) }
    inner.standardization = Standardization(scale: Tensor([2, 3]), shift: Tensor([1, -1]))
    let outer = NormalizingFlow(base: inner) { ActNorm(dimension: 2) }
    let loaded = try NormalizingFlow<Float>(outer.safetensors())
    #expect(loaded.logDensity(of: x) == outer.logDensity(of: x))
    let double: any Distribution<Double> = try NormalizingFlow<Double>(converting: outer)
    #expect(double.dimension == 2)
    #expect(errorKind { try Gaussian<Float>(outer.safetensors()) } == .modelMismatch)
  }

  @Test("hold any density")
  func bases() throws {
    let base = Laplace<Float>(location: Tensor([1, 2]), scale: Tensor([3, 4]))
    try withTemporaryFolder { folder in
      let path = folder + "/laplace.safetensors"
      try base.save(to: path)
      let loaded = try Laplace<Float>.load(from: path)
      #expect(loaded.logDensity(of: x) == base.logDensity(of: x))
      let unknown = try loadDistribution(from: path, as: Float.self)
      #expect(unknown.logDensity(of: x) == base.logDensity(of: x))
      #expect(
        errorText { try NormalizingFlow<Float>.load(from: path) }
          == "\(path): expected a NormalizingFlow<Float>; the file holds a Laplace<Float>")
    }
  }
}
