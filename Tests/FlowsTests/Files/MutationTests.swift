import Testing

@testable import Flows

/// Ten thousand broken files of each kind: each is read, or refused with an error of this module, and
/// no reader takes more memory than it may.
@Suite("Mutated files")
struct MutationTests {
  private let rounds = 10_000

  /// What any reader may take besides what its input makes it take.
  private static let fixed = 96 << 10

  @Test("safetensors")
  func safetensors() throws {
    let originals = try [
      SafetensorsGolden.plain, SafetensorsGolden.types, SafetensorsGolden.empty,
    ].map { try bytes(base64: $0) }
    var mutator = Mutator(
      seed: 2,
      fragments: [
        "{", "}", "[", "]", "\"", ",", ":", "0", "9223372036854775807", "4294967296", "\\u",
        "\\ud83d", "\\", "\"F64\"", "\"BOOL\"", "__metadata__", "[8,0]", " ", "\0", "-1",
      ])
    var outcomes = Outcomes()
    for round in 0..<rounds {
      let original = originals[round % originals.count]
      // Some have other data only.
      var bytes =
        round % 8 == 0
        ? mutator.overwrite(original, from: 8 + Int(original[0]) + Int(original[1]) << 8)
        : mutator.mutate(original)
      // Changes of the length alone would be refused at the first step; most keep it right.
      if round % 8 != 0, round % 4 != 1, bytes.count > 8,
        let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 8
      {
        bytes.replaceSubrange(
          0..<8, with: (0..<8).map { UInt8(truncatingIfNeeded: (end - 7) >> ($0 * 8)) })
      }
      try outcomes.feed(bytes, limit: Self.fixed + 96 * bytes.count) { bytes in
        let file = try SafetensorsFile(bytes: bytes)
        for name in file.names {
          let tensor = try file.tensor(name, as: Float.self)
          #expect(tensor.shape.reduce(1, *) == tensor.count)
        }
        #expect(try SafetensorsFile(bytes: file.bytes()).metadata == file.metadata)
      }
    }
    print(outcomes.summary("safetensors files"))
    #expect(outcomes.accepted > 500)
    #expect(outcomes.refused > 5_000)
  }

  @Test("npy")
  func npy() throws {
    var mutator = Mutator(seed: 1, fragments: Self.npyFragments)
    let originals = try Self.npyOriginals()
    var outcomes = Outcomes()
    for round in 0..<rounds / 2 {
      let original = originals[round % originals.count]
      var bytes =
        round % 8 == 0 ? mutator.overwrite(original, from: 128) : mutator.mutate(original)
      if round % 8 != 0, round % 4 != 1 { Self.fixHeaderLength(&bytes) }
      try outcomes.feed(bytes, limit: Self.fixed + 32 * bytes.count) { bytes in
        let tensor = try NumPyFile.decode(bytes, as: Float.self)
        #expect(tensor.shape.reduce(1, *) == tensor.count)
      }
    }
    print(outcomes.summary("npy files"))
    #expect(outcomes.accepted > 250)
    #expect(outcomes.refused > 2_500)
  }

  @Test("npz", hasZlib)
  func npz() throws {
    let compressed = try [NPZGolden.compressed, NPZGolden.streamed].map { try bytes(base64: $0) }
    var mutator = Mutator(
      seed: 4, fragments: Self.npyFragments + ["PK\u{1}\u{2}", ".npy", "\u{8}"])
    let originals = try Self.npyOriginals()
    // A small limit, so that the memory for what is inflated is seen against it.
    let maximum = 1 << 14
    var outcomes = Outcomes()
    for round in 0..<rounds / 2 {
      let input: [UInt8]
      if round % 8 == 0 {
        input = mutator.mutate(compressed[round / 8 % compressed.count])
      } else {
        input = Self.archive(originals, &mutator)
      }
      try outcomes.feed(input, limit: Self.fixed + 64 * (input.count + 2 * maximum)) { bytes in
        let file = try NPZFile(bytes: bytes, maximumBytes: maximum)
        for name in file.names {
          let shape = try file.shape(of: name)
          let tensor = try file.tensor(name, as: Float.self)
          #expect(tensor.shape == shape)
          #expect(shape.reduce(1, *) == tensor.count)
        }
        #expect(try NPZFile(bytes: file.bytes()).names == file.names)
      }
    }
    print(outcomes.summary("npz files"))
    #expect(outcomes.accepted > 250)
    #expect(outcomes.refused > 1_000)
    #expect(outcomes.kinds[.unsupported, default: 0] > 50)
  }

  @Test("CSV")
  func csv() throws {
    let texts = [
      "x,y\n1,2\n3,4\n5.5,-6e3\n", "# note\r\na;\"b \"\"c\"\"\"\r\n1;2\r\n;4\r\nNA;inf\r\n",
      "1 2 3\n4 5 6\n", "\u{FEFF}\"x\ny\"\tz\n1\t2\n",
    ].map { Array($0.utf8) }
    var mutator = Mutator(
      seed: 3,
      fragments: [
        "\"", "\"\"", ",", ";", "\t", " ", "\r", "\n", "#", "NA", "nan", "-inf", "1e999999999999",
        "0.00000000000000000000000001", "99999999999999999999999", "\0", "é", ".", "e", "-",
      ])
    let options = [
      CSVOptions(), CSVOptions(missingValues: .dropRow, allowsNonFinite: true),
      CSVOptions(delimiter: .whitespace), CSVOptions(header: .absent, delimiter: .comma),
      CSVOptions(header: .present, delimiter: .tab),
    ]
    var outcomes = Outcomes()
    for round in 0..<rounds {
      let input = mutator.mutate(texts[round % texts.count])
      try outcomes.feed(input, limit: Self.fixed + 64 * input.count) { bytes in
        let table = try CSVFile.decode(
          bytes, as: Float.self, options: options[round / texts.count % options.count])
        #expect(table.tensor.shape.count == 2)
        #expect(table.tensor.shape.reduce(1, *) == table.tensor.count)
      }
    }
    print(outcomes.summary("CSV files"))
    #expect(outcomes.accepted > 500)
    #expect(outcomes.refused > 5_000)
  }

  // MARK: - Inputs

  private static let npyFragments = [
    "(", ")", "{", "}", "'", "0", "9223372036854775807", "4294967296, ", "True", "<f4", "|O",
    "[", ",", "L", "\\", "\0", "-1", "\u{FF}",
  ]

  private static func npyOriginals() throws -> [[UInt8]] {
    try [
      NumPyGolden.float64, NumPyGolden.float64Fortran, NumPyGolden.float16, NumPyGolden.bool,
      NumPyGolden.version2, NumPyGolden.fortranThreeAxes, NumPyGolden.structure,
      NumPyGolden.sevenAxes, NumPyGolden.scalar,
    ].map { try bytes(base64: $0) }
  }

  /// Gives the header its right length again, or its content would never be read.
  private static func fixHeaderLength(_ bytes: inout [UInt8]) {
    guard bytes.count > 10, bytes[6] == 1,
      let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 10
    else { return }
    bytes[8] = UInt8(truncatingIfNeeded: end - 9)
    bytes[9] = UInt8(truncatingIfNeeded: (end - 9) >> 8)
    bytes.removeSubrange((end + 1)..<max(end + 1, bytes.lastIndex(of: 0x0A) ?? 0))
  }

  /// An archive of one to three arrays, some of them mutated under a right checksum, of which most
  /// then have a field spoiled.
  private static func archive(_ originals: [[UInt8]], _ mutator: inout Mutator) -> [UInt8] {
    let names = ["a.npy", "größe.npy", "note.txt"]
    let parts = (0...mutator.random(below: 3)).map { index in
      var content = originals[mutator.random(below: originals.count - 2)]
      if mutator.random(below: 3) == 0 {
        content = mutator.mutate(content)
        fixHeaderLength(&content)
      }
      var part = ZIPForge.Part(name: names[index], content: content)
      if mutator.random(below: 2) == 0 { part.deflated = ZIPForge.stream(storing: content) }
      part.hasDescriptor = mutator.random(below: 4) == 0
      part.isWide = mutator.random(below: 4) == 0
      return part
    }
    var forge = ZIPForge(parts, isWide: mutator.random(below: 4) == 0)
    for _ in 0..<mutator.random(below: 3) {
      let field = forge.fields[mutator.random(below: forge.fields.count)]
      let other = forge.fields[mutator.random(below: forge.fields.count)]
      let value = forge.value(field.name)
      switch mutator.random(below: 6) {
      case 0: forge.set(field.name, to: value ^ 1 << UInt64(mutator.random(below: 8 * field.size)))
      case 1: forge.set(field.name, to: value &+ 1)
      case 2: forge.set(field.name, to: value &- 1)
      case 3: forge.set(field.name, to: forge.value(other.name))
      case 4: forge.set(field.name, to: 0)
      default: forge.set(field.name, to: .max)
      }
    }
    return mutator.random(below: 8) == 0 ? mutator.mutate(forge.bytes) : forge.bytes
  }
}
