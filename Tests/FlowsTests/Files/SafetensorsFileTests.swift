import Testing

@testable import Flows

@Suite("Safetensors files")
struct SafetensorsFileTests {
  @Test("reads a file of the reference implementation")
  func readsGolden() throws {
    let file = try SafetensorsFile(bytes: bytes(base64: SafetensorsGolden.plain))
    #expect(file.metadata == ["format": "flow \"é\"\n"])
    #expect(file.names == ["b2", "bias", "none", "scale", "weight"])
    #expect(try file.shape(of: "weight") == [2, 3])
    #expect(try file.shape(of: "scale") == [])
    #expect(try file.shape(of: "none") == [0, 2])
    let weight = try file.tensor("weight", as: Float.self)
    #expect(weight.shape == [2, 3])
    #expect(weight.scalars == [1.5, -2, 3, 4, 5.25, -6])
    #expect(try file.tensor("weight", as: Double.self).scalars == [1.5, -2, 3, 4, 5.25, -6])
    #expect(try file.tensor("bias", as: Double.self).scalars == [0.5, -1])
    #expect(try file.tensor("b2", as: Float.self).scalars == [1, 2, 3])
    #expect(try file.tensor("scale", as: Float.self).scalars == [2])
    #expect(try file.tensor("none", as: Float.self).scalars == [])
  }

  @Test("reads every element type")
  func readsTypes() throws {
    let file = try SafetensorsFile(bytes: bytes(base64: SafetensorsGolden.types))
    let expected: [(String, [Double])] = [
      ("u64", [0x1p63]), ("i64", [-4]), ("f64", [0.1]), ("f32", [Double(Float(0.1))]),
      ("u32", [4_000_000_000]), ("i32", [-3]), ("f16", [1.5, -2]), ("u16", [65_000]),
      ("i16", [-2]), ("i8", [-1]), ("u8", [250]), ("flag", [1, 0]),
    ]
    #expect(file.names == expected.map(\.0))
    for (name, values) in expected {
      #expect(try file.tensor(name, as: Double.self).scalars == values)
    }
    #expect(
      ElementType.bfloat16.decode([0xC0, 0x3F, 0x80, 0xFF], as: Float.self) == [1.5, -.infinity])
  }

  @Test("writes the bytes of the reference implementation")
  func writesGolden() throws {
    var file = SafetensorsFile()
    file.metadata["format"] = "flow \"é\"\n"
    try file.add(
      "weight", Tensor(shape: [2, 3], scalars: [1.5, -2, 3, 4, 5.25, -6] as [Float]))
    try file.add("scale", Tensor(shape: [], scalars: [2] as [Float]))
    try file.add("bias", Tensor(shape: [2], scalars: [0.5, -1] as [Double]))
    try file.add("none", Tensor(shape: [0, 2], scalars: [] as [Double]))
    #expect(file.names == ["weight", "scale", "bias", "none"])
    try file.add("b2", Tensor(shape: [3], scalars: [1, 2, 3] as [Double]))
    #expect(try file.bytes() == bytes(base64: SafetensorsGolden.plain))
    #expect(try SafetensorsFile().bytes() == bytes(base64: SafetensorsGolden.empty))
    // Types this module does not write are kept as they are.
    for golden in [SafetensorsGolden.types, SafetensorsGolden.plain, SafetensorsGolden.empty] {
      let original = try bytes(base64: golden)
      #expect(try SafetensorsFile(bytes: original).bytes() == original)
    }
  }

  @Test("round trip through a file, with any text as name")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      let names = [
        "", "a", "é\"\\/\u{8}\u{C}\n\r\t\0\u{1F}\u{7F}", "層.0.weight", "🙂", "__metadata",
      ]
      var file = SafetensorsFile()
      for (index, name) in names.enumerated() {
        file.metadata[name] = names[names.count - 1 - index]
        try file.add(name, Tensor(shape: [index], scalars: (0..<index).map { Float($0) }))
        #expect(try file.tensor(name, as: Float.self).shape == [index])
      }
      try file.write(to: path)
      let read = try SafetensorsFile(contentsOf: path)
      #expect(read.metadata == file.metadata)
      #expect(Set(read.names) == Set(names))
      for (index, name) in names.enumerated() {
        #expect(try read.tensor(name, as: Float.self).scalars == (0..<index).map { Float($0) })
      }
      let bytes = try read.bytes()
      #expect(try bytes == file.bytes())
      #expect(bytes[0] % 8 == 0)
    }
  }

  @Test("refuses names that are taken, reserved or unknown")
  func names() throws {
    var file = SafetensorsFile()
    let tensor = Tensor(shape: [1], scalars: [1] as [Float])
    #expect(
      errorText { try file.tensor("w", as: Float.self) }
        == "\"w\": expected an array of this name, found nothing")
    try file.add("a", tensor)
    #expect(
      errorText { try file.add("a", tensor) } == "\"a\": an array of this name is there already")
    #expect(
      errorText { try file.add("__metadata__", tensor) }
        == "\"__metadata__\": the format reserves this name")
    #expect(
      errorText { try file.shape(of: "w") }
        == "\"w\": expected an array of this name, found \"a\"")
    for name in 1...9 { try file.add("\(name)", tensor) }
    #expect(
      errorText { try file.shape(of: "w") }
        == "\"w\": expected an array of this name, found \"a\", \"1\", \"2\", \"3\", \"4\", "
        + "\"5\", \"6\", \"7\" and 2 more")
    #expect(errorKind { try file.shape(of: "w") } == .invalidData)
  }
}
