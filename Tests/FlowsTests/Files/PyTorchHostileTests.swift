import Foundation
import Testing

@testable import Flows

/// Pickles are programs, and none of these runs: it is refused, or makes a value without meaning.
@Suite("Hostile files of PyTorch")
struct PyTorchHostileTests {
  typealias Forge = PickleForge

  /// The errors of both forms, which are the same but for the place.
  private func kinds(_ operations: [UInt8]) -> [FlowsError.Kind?] {
    // The legacy form lists exactly the storages that its pickle refers to.
    let usesStorage = String(decoding: operations, as: UTF8.self).contains("FloatStorage")
    let legacy = usesStorage ? Forge.legacy(operations) : Forge.legacy(operations, storages: [])
    return [Forge.archive(operations), legacy].map { bytes in
      errorKind {
        let file = try PyTorchFile(bytes: bytes)
        for name in file.names { _ = try file.tensor(name, as: Float.self) }
      }
    }
  }

  @Test("execute nothing")
  func calls() throws {
    let marker = NSTemporaryDirectory() + "flows-pickle-\(UUID().uuidString)"
    let command = Forge.text("touch \(marker)")
    let system = Forge.global("os", "system")
    let state = Forge.dictionary(("args", command))
    let popen = Forge.global("subprocess", "Popen") + Forge.ascii(")") + [0x81] + state
    let calls: [(String, [UInt8])] = [
      ("os.system", Forge.call(system, Forge.tuple(command))),
      (
        "builtins.eval",
        Forge.call(
          Forge.global("builtins", "eval"), Forge.tuple(Forge.text("open('\(marker)', 'w')")))
      ),
      (
        "builtins.exec",
        Forge.call(
          Forge.text("builtins") + Forge.text("exec") + [0x93], Forge.tuple(Forge.text("1")))
      ),
      // An object with __setstate__.
      ("subprocess.Popen", popen + Forge.ascii("b")),
      ("posix.system", Forge.ascii("(") + command + Forge.ascii("iposix\nsystem\n")),
      ("nt.system", Forge.ascii("(") + Forge.global("nt", "system") + command + Forge.ascii("o")),
      (
        "runpy.run", Forge.global("runpy", "run") + Forge.tuple(command) + Forge.ascii("}") + [0x92]
      ),
      // What a call makes is called.
      ("x.y", Forge.call(Forge.call(Forge.global("x", "y"), Forge.tuple()), Forge.tuple())),
      (
        "a.b",
        Forge.call(
          Forge.global("torch._tensor", "_rebuild_from_type_v2"),
          Forge.tuple(Forge.global("a", "b"), Forge.none, Forge.tuple(command), Forge.none))
      ),
    ]
    for (kind, call) in calls {
      let operations = Forge.dictionary(("x", call), ("good", Forge.tensor()))
      for bytes in [Forge.archive(operations), Forge.legacy(operations)] {
        let file = try PyTorchFile(bytes: bytes)
        #expect(file.unreadable == ["x": kind])
        #expect(file.names == ["good"])
      }
      #expect(kinds(call) == [.unsupported, .unsupported], "\(kind) alone")
    }
    #expect(!FileBytes.exists(marker))
    // Classes by names that take part in state dictionaries, with other arguments.
    for name in ["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"] {
      let function = Forge.global("torch._utils", name)
      for arguments in [
        Forge.tuple(), Forge.tuple(command, command, command, command),
        Forge.tuple(Forge.storage(), command, command, command), command,
        Forge.tuple(Forge.storage(), Forge.int(0), Forge.counts([4]), Forge.tuple(command)),
      ] {
        let call = Forge.dictionary(("x", Forge.call(function, arguments)))
        #expect(kinds(call) == [.malformedFile, .malformedFile])
      }
    }
  }

  @Test("do not nest without end")
  func depth() throws {
    let count = 200_000
    let lists = [UInt8](repeating: 0x5D, count: count) + [UInt8](repeating: 0x61, count: count - 1)
    let tuples = [0x29] + [UInt8](repeating: 0x85, count: count)
    let own = Forge.ascii("]q\0h\0a")
    for nest in [lists, tuples, own] {
      #expect(kinds(nest) == [.unsupported, .unsupported])
      #expect(kinds(Forge.dictionary(("x", nest))) == [.unsupported, .unsupported])
      // What only opaque objects hold is of no concern.
      let hidden = Forge.call(Forge.global("a", "b"), Forge.tuple(nest))
      #expect(kinds(Forge.dictionary(("x", hidden))) == [nil, nil])
    }
    let type = Forge.global("torch._tensor", "_rebuild_from_type_v2")
    let inner = type + Forge.none
    let calls = (0..<2_000).reduce(Forge.tuple()) { nest, _ in
      Forge.ascii("(") + inner + nest + Forge.ascii("t")
    }
    #expect(kinds(Forge.dictionary(("x", Forge.call(type, calls)))) == [nil, nil])
  }

  @Test("do not unfold without end")
  func bombs() throws {
    // Each of 40 lists holds the one before it twice.
    var lists = Forge.ascii("]q\0")
    for index in 1..<40 {
      let last = [0x68, UInt8(index - 1)]
      lists += Forge.ascii("](") + last + last + Forge.ascii("eq") + [UInt8(index)]
    }
    #expect(kinds(lists) == [.unsupported, .unsupported])
    // A long key before many others.
    let inner = Forge.ascii("](") + [UInt8](repeating: 0x88, count: 10_000) + Forge.ascii("e")
    let names = Forge.ascii("}") + Forge.text(String(repeating: "n", count: 10_000)) + inner
    let bytes = Forge.archive(names + Forge.ascii("s"))
    let peak = AllocationMeter.peak { errorKind { try PyTorchFile(bytes: bytes) } }
    #expect(peak.result == .unsupported)
    #expect(peak.bytes < 640 * bytes.count)
    // A dictionary under two names is no bomb.
    let shared = Forge.dictionary(("x", Forge.tensor())) + Forge.ascii("q\u{5}")
    let twice =
      Forge.ascii("}(") + Forge.text("a") + shared + Forge.text("b") + Forge.ascii("h\u{5}u")
    #expect(try PyTorchFile(bytes: Forge.archive(twice)).names == ["a.x", "b.x"])
  }

  @Test("cannot declare more than is there")
  func counts() throws {
    let large = 1 << 40
    let wrong: [(String, [UInt8])] = [
      ("a long text", Forge.ascii("X") + [0xFF, 0xFF, 0xFF, 0xFF]),
      ("a longer text", [0x8D] + Forge.word(.max, 8)),
      ("a text of negative length", [0x8D] + Forge.word(-1, 8)),
      ("long bytes", [0x8E] + Forge.word(large, 8)),
      ("a long array of bytes", [0x96] + Forge.word(large, 8)),
      ("a long number", [0x8B, 0xFF, 0xFF, 0xFF, 0x7F]),
      ("a far place", Forge.ascii("Nr") + [0xFF, 0xFF, 0xFF, 0xFF]),
      ("a place without a value", Forge.ascii("h\u{7}")),
      ("a long name", Forge.ascii("c" + String(repeating: "n", count: 2_000) + "\nx\n")),
      ("nothing on the stack", Forge.ascii("00")),
      ("nothing above the mark", Forge.ascii("N(a")),
      ("no mark", Forge.ascii("Nt")),
      ("no key", Forge.ascii("}(Nu")),
      ("a list that is none", Forge.ascii("NNa")),
      ("a dictionary that is none", Forge.ascii("]NNs")),
      ("a call of a number", Forge.ascii("K\u{1})R")),
      ("text that is none", Forge.ascii("X\u{1}\0\0\0") + [0xFF]),
      ("an extension", [0x82, 1]), ("a buffer", [0x97]),
      ("text of protocol 0", Forge.ascii("I1\n")),
      ("protocol 1", [0x80, 1]), ("protocol 9", [0x80, 9]),
      ("an id that is none", Forge.ascii("NQ")),
      (
        "an id of another kind", Forge.tuple(Forge.text("file"), Forge.text("x")) + Forge.ascii("Q")
      ),
      ("a storage of another type", Forge.storage(type: "nn.Linear")),
      ("a storage that is not there", Forge.storage("7")),
      ("a storage of another size", Forge.storage(count: 5)),
      ("a storage larger than memory", Forge.storage(count: .max / 2)),
      ("a negative storage", Forge.storage(count: -1)),
      (
        "two storages of a key",
        Forge.storage() + Forge.storage(type: "IntStorage") + Forge.ascii("0")
      ),
    ]
    for (what, operations) in wrong {
      for kind in kinds(Forge.dictionary(("x", operations))) {
        #expect(kind == .malformedFile || kind == .unsupported, "\(what)")
      }
    }
    let tensors: [(Int, [Int], [Int], FlowsError.Kind)] = [
      (1, [4], [1], .malformedFile), (4, [1], [1], .malformedFile), (-1, [1], [1], .malformedFile),
      (0, [2, 3], [2, 1], .malformedFile), (0, [4], [1, 1], .malformedFile),
      (0, [-1], [1], .malformedFile), (0, [4], [-1], .malformedFile),
      (0, [large, large], [0, 0], .malformedFile), (0, [2], [.max], .malformedFile),
      (0, [3, 2], [.max / 2, .max], .malformedFile), (.max, [1], [1], .malformedFile),
      (0, [large], [0], .unsupported), (0, [0, large, large], [1, 1, 1], .malformedFile),
      (0, [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65), .malformedFile),
    ]
    for (offset, shape, strides, kind) in tensors {
      let tensor = Forge.tensor(offset: offset, shape: shape, strides: strides)
      let found = kinds(Forge.dictionary(("x", tensor)))
      #expect(found == [kind, kind], "\(offset) \(shape) \(strides)")
    }
    // At the limits it is right.
    for (offset, shape, strides) in [
      (3, [1], [1]), (0, [2, 2], [2, 1]), (4, [0], [1]), (0, [9], [0]),
    ] {
      let tensor = Forge.tensor(offset: offset, shape: shape, strides: strides)
      #expect(kinds(Forge.dictionary(("x", tensor))) == [nil, nil])
    }
  }

  @Test("are refused with file and field")
  func messages() throws {
    let view = Forge.dictionary(("net", Forge.dictionary(("w", Forge.tensor(offset: 1)))))
    #expect(
      errorText { try PyTorchFile(bytes: Forge.archive(view)) }
        == "\"net.w\": the shape [4] with strides [1] at element 1 goes beyond its storage of "
        + "4 elements")
    let operations = Forge.dictionary(("x", Forge.tensor()))
    #expect(
      errorText { try PyTorchFile(bytes: Forge.archive(operations, storages: [])) }
        == "\"archive/data/0\": the archive lacks a storage of the pickle")
    #expect(
      errorText { try PyTorchFile(bytes: Forge.archive(operations, storages: [("0", [0, 0])])) }
        == "\"archive/data/0\": expected 4 elements of torch.FloatStorage, which are 16 bytes, "
        + "found 2")
    #expect(
      errorText { try PyTorchFile(bytes: Forge.archive(Forge.ascii("}Q"))) }
        == "\"archive/data.pkl\": expected the id of a storage, found a dictionary (at byte 4)")
    #expect(
      errorText { try PyTorchFile(bytes: Forge.legacy(operations, storages: [])) }
        == "\"storage 0\": the file lacks the storage")
    let short = errorText {
      try PyTorchFile(bytes: Array(Forge.legacy(operations).dropLast()))
    }
    #expect(short.hasPrefix("\"storage 0\": expected 4 elements of torch.FloatStorage at byte "))
    #expect(short.hasSuffix(", found a count of 4 with 15 bytes after it"))
    #expect(
      errorText {
        try PyTorchFile(
          bytes: Forge.archive(
            Forge.ascii("}(") + Forge.text("x")
              + Forge.ascii("K\u{1}") + Forge.text("x") + Forge.ascii("K\u{2}u")))
      }
        == "\"x\": the file holds two values of this name")
    var parts = Forge.parts(Forge.pickle(operations), [("0", [UInt8](repeating: 0, count: 16))])
    var spoiled = ZIPForge(parts)
    spoiled.set("local1.checksum", to: 7)
    spoiled.set("central1.checksum", to: 7)
    try withTemporaryFolder { folder in
      let path = folder + "/weights.bin"
      try AtomicFile.write(spoiled.bytes, to: path)
      let file = try PyTorchFile(contentsOf: path)
      #expect(
        errorText { try file.tensor("x", as: Float.self) }
          == path + ", \"x\": the data does not match its checksum")
    }
    parts[0].name = "archive/other"
    #expect(
      errorText { try PyTorchFile(bytes: ZIPForge(parts).bytes) }.contains("without data.pkl"))
    parts[0].name = "archive/data.pkl"
    parts.append(.init(name: "archive/constants.pkl", content: []))
    #expect(errorText { try PyTorchFile(bytes: ZIPForge(parts).bytes) }.contains("TorchScript"))
    #expect(
      errorText { try PyTorchFile(bytes: Forge.pickle(operations)) }
        == "expected a PyTorch file, found a pickle without PyTorch's magic number")
    #expect(errorText { try PyTorchFile(bytes: []) }.contains("an empty file"))
    #expect(
      errorText { try PyTorchFile(contentsOf: "/nowhere/x.pth") }
        == "/nowhere/x.pth: the file does not exist")
  }
}
