import Foundation
import Testing

@testable import Flows

@Suite("Hostile model files")
struct HostileModelFileTests {
  private let largest = "9223372036854775807"

  private func description() throws -> String {
    try #require(try smallModel().safetensors().metadata["flows.model"])
  }

  /// Builds the model of a description, and evaluates it where it is accepted.
  private func use(_ file: SafetensorsFile) throws {
    let model = try NormalizingFlow<Float>(file)
    let context =
      model.contextDimension > 0 ? Tensor<Float>.zeros([3, model.contextDimension]) : nil
    _ = model.logDensity(of: .zeros([3, model.dimension]), context: context)
  }

  private func use(description: String) throws {
    var file = try smallModel().safetensors()
    file.metadata["flows.model"] = description
    try use(file)
  }

  /// The kind of error where a part of the description is replaced.
  private func kind(_ part: String, _ other: String) throws -> FlowsError.Kind? {
    let text = try description()
    try #require(text.contains(part), "\(text)")
    return errorKind { try use(description: text.replacingOccurrences(of: part, with: other)) }
  }

  @Test("describe sizes that the file does not have")
  func sizes() throws {
    let wide = "\"hidden\":[1048576,1048576]"
    #expect(try kind("\"hidden\":[4]", wide) == .malformedFile)
    #expect(try kind("\"hidden\":[]", wide) == .malformedFile)
    #expect(try kind("\"hidden\":[4]", "\"hidden\":[0]") == .invalidConfiguration)
    #expect(try kind("\"hidden\":[4]", "\"hidden\":[-1]") == .invalidConfiguration)
    #expect(try kind("\"hidden\":[4]", "\"hidden\":[\(largest)]") == .invalidConfiguration)
    #expect(try kind("\"hidden\":[4]", "\"hidden\":[1e999]") == .malformedFile)
    for dimension in ["0", "-1", "1", "3", "1000000", "2147483648", largest, "-\(largest)"] {
      #expect(try kind("\"dimension\":2", "\"dimension\":\(dimension)") != nil)
    }
    for context in ["-1", "2", "1000000", largest] {
      #expect(try kind("\"contextDimension\":1", "\"contextDimension\":\(context)") != nil)
      #expect(try kind("\"contextDimension\":0", "\"contextDimension\":\(context)") != nil)
    }
    #expect(try kind("\"standardizedColumns\":2", "\"standardizedColumns\":1") == .malformedFile)
    #expect(
      try kind("\"standardizedColumns\":2", "\"standardizedColumns\":\(largest)")
        == .malformedFile)
    #expect(try kind("\"standardizedContext\":1", "\"standardizedContext\":2") == .malformedFile)
  }

  @Test("describe many large parts")
  func manyParts() throws {
    let text = try description()
    let norm = "{\"configuration\":{\"dimension\":2},\"type\":\"ActNorm\"}"
    try #require(text.contains(norm))
    let wide = "{\"configuration\":{\"dimension\":1000000},\"type\":\"ActNorm\"}"
    let many = Array(repeating: wide, count: 2_000).joined(separator: ",")
    #expect(
      errorText { try use(description: text.replacingOccurrences(of: norm, with: many)) }
        == "\"ActNorm\": the description asks for far more numbers than the file holds")
  }

  @Test("describe masks, orders and bounds that make no sense")
  func details() throws {
    #expect(
      try kind("{\"alternating\":{\"_0\":0}}", "{\"alternating\":{\"_0\":\(largest)}}") == nil)
    #expect(
      try kind("{\"alternating\":{\"_0\":0}}", "{\"alternating\":{\"_0\":-\(largest)}}") == nil)
    #expect(try kind("{\"alternating\":{\"_0\":0}}", "{\"half\":{\"_0\":\(largest)}}") == nil)
    for flags in ["[]", "[true]", "[true,true]", "[false,false]", "[true,false,true]"] {
      #expect(try kind("{\"_0\":[true,false]}", "{\"_0\":\(flags)}") == .invalidConfiguration)
    }
    for order in ["[]", "[0]", "[0,0]", "[1,2]", "[-1,0]", "[0,1,2]", "[0,\(largest)]"] {
      #expect(try kind("\"order\":[1,0]", "\"order\":\(order)") != nil)
    }
    for bound in ["0", "-1"] {
      #expect(try kind("{\"bound\":1}", "{\"bound\":\(bound)}") == .invalidConfiguration)
    }
    #expect(try kind("\"Inverted\"", "\"ActNorm\"") == .malformedFile)
    #expect(try kind("\"Permutation\"", "\"Inverted\"") == .malformedFile)
    #expect(try kind("\"Permutation\"", "\"Composition\"") == .malformedFile)
  }

  @Test("nest deeper than anyone would", arguments: [40, 63, 64, 200, 600, 20_000])
  func depth(levels: Int) throws {
    let text = try description()
    let norm = "{\"configuration\":{\"dimension\":2},\"type\":\"ActNorm\"}"
    let nested =
      String(repeating: "{\"type\":\"Inverted\",\"parts\":[", count: levels) + norm
      + String(repeating: "]}", count: levels)
    let error = errorText {
      try use(description: text.replacingOccurrences(of: norm, with: nested))
    }
    #expect(error != "no error", "the names of the tensors no longer fit at the least")
    let array = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    #expect(try kind("\"order\":[1,0]", "\"order\":\(array)") != nil)
  }

  @Test("hold tensors of more axes than a tensor has")
  func axes() throws {
    let bytes = try smallModel().safetensors().bytes()
    let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
    let changed = Array(
      header.replacingOccurrences(of: "\"shape\":[1]", with: "\"shape\":[1,1,1,1,1,1,1]").utf8)
    let file = try SafetensorsFile(
      bytes: (0..<8).map { UInt8(truncatingIfNeeded: changed.count >> ($0 * 8)) } + changed
        + bytes[(8 + length)...])
    #expect(errorKind { try use(file) } == .unsupported)
  }

  @Test("come to an error or to a model that works")
  func mutations() throws {
    let fragments = [
      largest, "-1", "0", "1e999", "1048576", "true", "null", "[]", "{}", "\"", ",", ":", "-", "3",
      "\"parts\":[]", "\"Inverted\"", "\"Composition\"", "[true,false]", "\"hidden\":[1048576]",
      "\"dimension\":1048576", "{\"free\":{}}",
    ]
    var mutator = Mutator(seed: 72, fragments: fragments)
    let text = Array(try description().utf8)
    let described = try mutator.feed([text], rounds: 1_000) { bytes in
      try use(description: String(decoding: bytes, as: UTF8.self))
    }
    #expect(described.refused > 250)
    let bytes = try smallModel().safetensors().bytes()
    let whole = try mutator.feed([bytes], rounds: 1_000) { try use(SafetensorsFile(bytes: $0)) }
    #expect(whole.refused > 250)
  }
}
