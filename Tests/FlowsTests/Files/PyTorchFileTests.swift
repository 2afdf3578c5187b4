import Testing

@testable import Flows

@Suite("Files of PyTorch")
struct PyTorchFileTests {
  private func file(_ name: String) throws -> PyTorchFile {
    try PyTorchFile(contentsOf: PickleForge.path(name))
  }

  private func expected() throws -> SafetensorsFile {
    try SafetensorsFile(contentsOf: PickleForge.path("expected.safetensors"))
  }

  @Test(
    "of every element type, strides and shared storages",
    arguments: ["types.pth", "types-legacy.pth", "protocol4.pth"])
  func types(name: String) throws {
    let (file, expected) = (try file(name), try expected())
    let other = try PyTorchFile(bytes: PickleForge.fixture(name))
    #expect(file.names.count == 23)
    #expect(file.names == other.names)
    #expect(file.names.first == "float64" && file.names.last == "parameter")
    for name in file.names {
      #expect(try file.shape(of: name) == expected.shape(of: name))
      let tensor = try file.tensor(name, as: Double.self)
      #expect(tensor.shape == (try file.shape(of: name)))
      expectSame(tensor.scalars, try expected.tensor(name, as: Double.self).scalars)
      let float = try other.tensor(name, as: Float.self)
      expectSame(float.scalars, try expected.tensor(name, as: Float.self).scalars)
      // A second time, after checksums were found right.
      #expect(try file.tensor(name, as: Float.self).shape == float.shape)
    }
    #expect(file.scalars.isEmpty && file.strings.isEmpty && file.unreadable.isEmpty)
  }

  @Test("of checkpoints", arguments: ["nested.pth", "nested-legacy.pth"])
  func checkpoints(name: String) throws {
    let (file, expected) = (try file(name), try expected())
    #expect(
      file.names == [
        "state_dict.0.weight", "state_dict.0.bias", "state_dict.1.weight", "state_dict.1.bias",
        "state_dict.1.running_mean", "state_dict.1.running_var",
        "state_dict.1.num_batches_tracked",
      ]
        + (0..<4).flatMap { index in
          ["step", "exp_avg", "exp_avg_sq"].map { "optimizer.state.\(index).\($0)" }
        })
    for name in file.names {
      let tensor = try file.tensor(name, as: Double.self)
      #expect(tensor == (try expected.tensor(name, as: Double.self)))
    }
    let scalars: [String: Double] = [
      "epoch": 210, "best": 0.75, "done": 1, "negative": -70_000, "large": 0x1p40,
      "optimizer.param_groups.0.lr": 0.125, "optimizer.param_groups.0.betas.1": 0.999,
      "optimizer.param_groups.0.params.3": 3, "size.0": 4, "size.1": 5, "default.count": 3,
    ]
    for (name, value) in scalars { #expect(file.scalars[name] == value, "\(name)") }
    #expect(file.scalars["nothing"] == nil)
    #expect(file.strings["meta.version"] == "1.3.2")
    #expect(file.strings["meta.config"]?.contains("größe") == true)
    #expect(file.strings["meta.classes.1"] == "dog")
    #expect(file.strings["meta.7"] == "seven")
    let classes = [
      ("meta.time", "datetime.datetime"), ("meta.table", "_reconstruct"),
      ("meta.accuracy", "multiarray.scalar"), ("message_hub", "__main__.Recorder"),
      ("named", "__main__.Named"), ("dtype", "torch.float32"), ("device", "torch.device"),
      ("set", "set"), ("bytes", "_codecs.encode"),
    ]
    for (name, kind) in classes {
      #expect(file.unreadable[name]?.hasSuffix(kind) == true, "\(name)")
    }
    #expect(file.unreadable.count == classes.count)
    #expect(
      try errorText { try file.tensor("named", as: Float.self) }
        == PickleForge.path(name) + ", \"named\": expected a tensor of this name, found an "
        + "object of class __main__.Named")
  }

  @Test("with types that cannot be read beside others")
  func weird() throws {
    let file = try file("weird.pth")
    #expect(try file.tensor("good", as: Float.self).scalars == [1, 2])
    #expect(try file.tensor("uint16", as: Float.self).scalars == [1, 65_535])
    #expect(try file.tensor("uint64", as: Float.self).scalars == [1, 0x1p40])
    for name in ["complex", "float8", "seven"] {
      #expect(errorKind { try file.tensor(name, as: Float.self) } == .unsupported)
      let text = errorText { try file.tensor(name, as: Float.self) }
      #expect(text.contains("weird.pth, \"\(name)\": "))
    }
    #expect(try file.shape(of: "seven") == [1, 1, 1, 1, 1, 1, 2])
    #expect(file.unreadable["sparse"] == "torch._utils._rebuild_sparse_tensor")
    #expect(file.unreadable["quantized"] == "torch._utils._rebuild_qtensor")
  }

  @Test("of one tensor, without checksums, and of a whole model")
  func others() throws {
    let single = try file("single.pth")
    #expect(single.names == [""])
    #expect(try single.tensor("", as: Double.self).scalars == [0, 1, 2, 3])
    #expect(try file("unchecked.pth").tensor("good", as: Float.self).scalars == [1, 2])
    let path = try PickleForge.path("model.pth")
    #expect(
      errorText { try PyTorchFile(contentsOf: path) }
        == path + ": expected a dictionary of tensors, found an object of class "
        + "torch.nn.modules.linear.Linear; save its state_dict() instead")
  }

  @Test("of big-endian machines, and compressed afterwards", hasZlib)
  func archives() throws {
    let operations = PickleForge.dictionary(("x", PickleForge.tensor()))
    let big: [UInt8] = [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0, 0x40, 0x40, 0, 0, 0x40, 0x80, 0, 0]
    var parts = PickleForge.parts(PickleForge.pickle(operations), [("0", big)])
    parts.append(.init(name: "archive/byteorder", content: PickleForge.ascii("big")))
    let file = try PyTorchFile(bytes: ZIPForge(parts).bytes)
    #expect(try file.tensor("x", as: Float.self).scalars == [1, 2, 3, 4])
    for index in parts.indices {
      parts[index].deflated = ZIPForge.stream(storing: parts[index].content)
    }
    let deflated = try PyTorchFile(bytes: ZIPForge(parts, isWide: true).bytes)
    #expect(try deflated.tensor("x", as: Float.self).scalars == [1, 2, 3, 4])
    parts[3].content = PickleForge.ascii("middle")
    parts[3].deflated = nil
    #expect(
      errorText { try PyTorchFile(bytes: ZIPForge(parts).bytes) }
        == "\"archive/byteorder\": expected little or big, found \"middle\"")
  }

  @Test("are read in parts", .enabled(if: AllocationMeter.isCounting))
  func memory() throws {
    try withTemporaryFolder { folder in
      let count = 4 << 20
      let operations = PickleForge.dictionary(
        ("large", PickleForge.tensor(PickleForge.storage("0", count: count), shape: [count])),
        ("part", PickleForge.tensor(PickleForge.storage("0", count: count), offset: 9)),
        ("small", PickleForge.tensor(PickleForge.storage("1"))))
      let data = [UInt8](repeating: 0, count: 4 * count)
      let small = [UInt8](repeating: 0, count: 16)
      let files = [
        PickleForge.archive(operations, storages: [("0", data), ("1", small)]),
        PickleForge.legacy(operations, storages: [("0", count, data), ("1", 4, small)]),
      ]
      for (index, bytes) in files.enumerated() {
        let path = folder + "/\(index).pth"
        try AtomicFile.write(bytes, to: path)
        let (tensor, peak) = try AllocationMeter.peak {
          try PyTorchFile(contentsOf: path).tensor("small", as: Float.self)
        }
        #expect(tensor.scalars == [0, 0, 0, 0])
        #expect(peak < 512 << 10, "\(peak)")
        // The checksum of all 16 MB is formed in parts.
        let part = try AllocationMeter.peak {
          try PyTorchFile(contentsOf: path).tensor("part", as: Float.self)
        }.bytes
        #expect(part < 3 << 20, "\(part)")
        let large = try AllocationMeter.peak {
          try PyTorchFile(contentsOf: path).tensor("large", as: Float.self)
        }.bytes
        #expect(large < 13 * count, "\(large)")
      }
    }
  }
}
