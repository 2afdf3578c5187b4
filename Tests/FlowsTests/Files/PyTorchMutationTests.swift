import Testing

@testable import Flows

/// Broken files of both forms: each is read, or refused with an error of this module, in bounded
/// memory.
@Suite("Mutated files of PyTorch")
struct PyTorchMutationTests {
  private static let fixed = 256 << 10
  private static let perByte = 640
  private static let rounds = 1_000

  private static let fragments = [
    "(", ")", "]", "}", "a", "e", "u", "s", "b", "t", "R", "Q", "N", "0", "1", "2", ".", "q\0",
    "h\0",
    "h\u{1}", "K\u{7F}", "J\u{7F}\u{7F}\u{7F}\u{7F}", "X\0\0\0\u{10}", "cos\nsystem\n",
    "h\u{3}q\u{4}",
  ]

  private func read(_ bytes: [UInt8]) throws {
    let file = try PyTorchFile(bytes: bytes)
    for name in file.names {
      let shape = try file.shape(of: name)
      do {
        let tensor = try file.tensor(name, as: Float.self)
        #expect(tensor.shape == shape)
        #expect(tensor.count == shape.reduce(1, *))
      } catch let error as FlowsError where error.kind == .unsupported {}
    }
  }

  private func expectMixed(_ outcomes: Outcomes, _ what: String) {
    print(outcomes.summary(what))
    #expect(outcomes.accepted > 20)
    #expect(outcomes.refused > 300)
  }

  /// Half of them have a right checksum around a pickle that is broken.
  @Test("archives")
  func archives() throws {
    let originals = try ["types.pth", "nested.pth", "weird.pth"].map { try PickleForge.fixture($0) }
    let contents = try originals.map { bytes in
      try ZIPReader.read(bytes).map {
        ZIPForge.Part(name: $0.name, content: Array(try $0.content()))
      }
    }
    var mutator = Mutator(seed: 6, fragments: Self.fragments)
    var outcomes = Outcomes()
    for round in 0..<Self.rounds {
      var bytes: [UInt8]
      if round % 4 == 0 {
        bytes = mutator.mutate(originals[round / 4 % originals.count])
      } else {
        var parts = contents[round % contents.count]
        for index in parts.indices where index == 0 || mutator.random(below: 20) == 0 {
          parts[index].content = mutator.mutate(parts[index].content)
        }
        bytes = ZIPForge(parts).bytes
      }
      try outcomes.feed(bytes, limit: Self.fixed + Self.perByte * bytes.count) { try read($0) }
    }
    expectMixed(outcomes, "archives of PyTorch")
  }

  @Test("legacy files")
  func legacy() throws {
    let originals = try ["types-legacy.pth", "nested-legacy.pth"].map {
      try PickleForge.fixture($0)
    }
    var mutator = Mutator(seed: 7, fragments: Self.fragments)
    var outcomes = Outcomes()
    for round in 0..<Self.rounds {
      let original = originals[round % originals.count]
      let bytes =
        round % 4 == 0 ? mutator.overwrite(original, from: 140) : mutator.mutate(original)
      try outcomes.feed(bytes, limit: Self.fixed + Self.perByte * bytes.count) { try read($0) }
    }
    expectMixed(outcomes, "legacy files of PyTorch")
  }

  @Test("ends of files")
  func ends() throws {
    for name in ["types.pth", "types-legacy.pth"] {
      let bytes = try PickleForge.fixture(name)
      // Of the legacy form the last storage ends the file.
      for count in stride(from: 0, to: bytes.count, by: 7) {
        #expect(errorKind { try PyTorchFile(bytes: Array(bytes.prefix(count))) } != nil)
      }
    }
  }

  @Test("costly pickles", .enabled(if: AllocationMeter.isCounting))
  func memory() {
    let size = 1 << 18
    func flood(_ part: [UInt8]) -> [UInt8] {
      Array(repeatElement(part, count: size / part.count).joined())
    }
    let floods: [(String, [UInt8])] = [
      ("lists", flood([0x5D])), ("kept lists", flood([0x5D, 0x94])),
      ("kept", [0x5D] + flood([0x94])),
      ("marks", flood([0x28])), ("copies", [0x4E] + flood([0x32])),
      ("a tuple", [0x28] + flood([0x4E]) + [0x74]), ("tuples", [0x29] + flood([0x85])),
      ("tuples kept", [0x29] + flood([0x85, 0x94])), ("lists of one", flood([0x5D, 0x4E, 0x61])),
      ("dictionaries", flood([0x7D, 0x4E, 0x4E, 0x73])),
      ("flags", [0x5D, 0x28] + flood([0x88]) + [0x65]),
      ("texts", [0x5D, 0x28] + flood([0x8C, 0]) + [0x65]),
      ("names", [0x5D, 0x28] + flood([0x63, 0x0A, 0x0A]) + [0x65]),
      ("long texts", flood([0x8C, 20] + [UInt8](repeating: 0x61, count: 20))),
      (
        "keys of flags",
        [0x7D] + PickleForge.text(String(repeating: "k", count: 50)) + [0x5D, 0x28] + flood([0x88])
          + [0x65, 0x73]
      ),
      (
        "a text often",
        [0x7D] + PickleForge.text("x") + [0x5D] + PickleForge.text("text") + [0x94, 0x30, 0x28]
          + flood([0x68, 0]) + [0x65, 0x73]
      ),
    ]
    for (what, operations) in floods {
      for bytes in [
        PickleForge.archive(operations, storages: []), PickleForge.legacy(operations, storages: []),
      ] {
        let peak = AllocationMeter.peak { errorKind { try PyTorchFile(bytes: bytes) } }.bytes
        print("costly \(what): \(peak / bytes.count)")
        #expect(peak <= Self.fixed + Self.perByte * bytes.count, "\(what)")
      }
    }
  }
}
