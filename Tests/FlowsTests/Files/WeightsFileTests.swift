import Testing

@testable import Flows

@Suite("Files of weights")
struct WeightsFileTests {
  @Test("are told apart by their content")
  func formats() throws {
    let names = try WeightsFile.open(PickleForge.path("types.pth")).names
    try withTemporaryFolder { folder in
      for name in ["types.pth", "types-legacy.pth", "expected.safetensors"] {
        let bytes = try PickleForge.fixture(name)
        // The name says something else.
        let path = folder + "/weights.txt"
        try AtomicFile.write(bytes, to: path)
        for file in [try WeightsFile.open(path), try WeightsFile(bytes: bytes)] {
          #expect(Set(file.names).isSuperset(of: names))
          #expect(file.contains("view.column") && !file.contains("view"))
          #expect(try file.shape(of: "view.column") == [3, 2])
          #expect(
            try file.tensor("view.column", as: Double.self).scalars == [7, 12, 27, 32, 47, 52])
        }
      }
      for (content, words) in [
        ("", "found an empty file"), ("\u{93}NUMPY and more", "found the beginning of neither"),
        ("PK is no archive", "expected a ZIP archive"),
      ] {
        let path = folder + "/other.safetensors"
        try AtomicFile.write(Array(content.utf8), to: path)
        let text = errorText { try WeightsFile.open(path) }
        #expect(text.hasPrefix(path) && text.contains(words), "\(text)")
      }
      #expect(errorKind { try WeightsFile.open(folder) } == .unreadableFile)
      #expect(errorKind { try WeightsFile.open(folder + "/nothing") } == .unreadableFile)
    }
  }

  @Test("hold dictionaries")
  func dictionaries() throws {
    let file = try WeightsFile.open(PickleForge.path("nested.pth"))
    let state = file.within("state_dict")
    #expect(state.names.count == 7)
    #expect(file.stateDictionary.names == state.names)
    #expect(state.within("1").names.first == "weight")
    #expect(state.within("absent").names.isEmpty)
    #expect(file.within("state").names.isEmpty)
    #expect(
      try state.within("1").tensor("running_var", as: Float.self)
        == file.tensor("state_dict.1.running_var", as: Float.self))
    #expect(
      errorText { try state.shape(of: "2.weight") }.contains(
        "nested.pth, \"state_dict.2.weight\": expected a tensor of this name, found"))
    #expect(WeightsFile(state).names == state.names)
  }

  @Test("of training programs have a state dictionary")
  func stateDictionary() throws {
    func names(_ names: String...) throws -> [String] {
      var file = SafetensorsFile()
      for name in names { try file.add(name, Tensor<Float>([1])) }
      return WeightsFile(file).stateDictionary.names
    }
    #expect(try names("a.weight", "b") == ["a.weight", "b"])
    #expect(try names("state_dict.a", "optimizer.0") == ["a"])
    #expect(try names("state_dict.module.a", "state_dict.module.b", "x") == ["a", "b"])
    #expect(try names("module.a", "module.b") == ["a", "b"])
    #expect(try names("module.a", "b") == ["module.a", "b"])
    #expect(try names("model.a", "optimizer.0") == ["a"])
    // A module of that name beside another.
    #expect(try names("model.a", "head.b") == ["model.a", "head.b"])
    #expect(try names("model_state_dict.a", "model.b") == ["a"])
  }

  @Test("turn the axes of layers")
  func axes() throws {
    var file = SafetensorsFile()
    let shape = [2, 3, 4, 5]
    let weights = Tensor<Double>(shape: shape, scalars: (0..<120).map { Double($0) })
    try file.add("conv", weights)
    try file.add("line", weights.reshaped(to: [6, 4, 5]))
    try file.add("fc", weights.reshaped(to: [12, 10]))
    let turned: Tensor<Double> = try file.convolutionWeights("conv")
    #expect(turned.shape == [4, 5, 3, 2])
    for (output, input, row, column) in [(0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 2, 1), (0, 1, 3, 0)] {
      #expect(turned[row, column, input, output] == weights[output, input, row, column])
    }
    let line = try file.convolutionWeights("line", as: Float.self)
    #expect(line.shape == [5, 4, 6])
    #expect(line[3, 2, 1] == 20 + 10 + 3)
    #expect(try WeightsFile(file).linearWeights("fc", as: Double.self)[9, 11] == 119)
    for text in [
      errorText { try file.convolutionWeights("fc", as: Float.self) },
      errorText { try file.linearWeights("line", as: Float.self) },
    ] {
      #expect(text.contains("expected the weights of a"))
    }
    // From a file of PyTorch in another memory format.
    let other = try WeightsFile.open(PickleForge.path("types.pth"))
    let original = try other.tensor("view.channels_last", as: Float.self)
    let channels = try other.convolutionWeights("view.channels_last", as: Float.self)
    #expect(channels.shape == [4, 5, 3, 2])
    #expect(channels[3, 1, 2, 1] == original[1, 2, 3, 1])
  }
}
