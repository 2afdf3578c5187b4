import Flows
import Foundation
import Testing

@Suite("fit2d")
struct Fit2DTests {
  private static let keys: Set<String> = [
    "dataset", "flow", "parameters", "steps", "seconds", "testNegativeLogLikelihood",
    "testStandardError", "trueEntropy", "klDivergence", "klStandardError", "integral", "picture",
    "model",
  ]

  @Test("--json prints one object, and the files it names are there")
  func json() throws {
    let folder = TemporaryFolder()
    let run = try ExampleRun(
      "fit2d", ["--steps", "150", "--layers", "4", "--output", folder.path("out"), "--json"])
    #expect(run.status == 0, "\(run.errors)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(Set(object.keys) == Self.keys)
    #expect(object["dataset"] as? String == "two-moons")
    #expect(object["steps"] as? Int == 150)
    let divergence = try #require(object["klDivergence"] as? Double)
    #expect(divergence > 0 && divergence < 1)
    let integral = try #require(object["integral"] as? Double)
    #expect(abs(integral - 1) < 0.02)
    let picture = try Data(
      contentsOf: URL(fileURLWithPath: try #require(object["picture"] as? String)))
    #expect(Array(picture.prefix(8)) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    let flow = try NormalizingFlow<Float>.load(from: try #require(object["model"] as? String))
    #expect(flow.dimension == 2)
    #expect(flow.parameterCount == object["parameters"] as? Int)
  }

  @Test("a run with a checkpoint that is killed and run again ends with the same model")
  func checkpoint() throws {
    let folder = TemporaryFolder()
    func arguments(_ name: String) -> [String] {
      ["--steps", "4000", "--layers", "4", "--output", folder.path(name)]
    }
    func model(_ name: String) throws -> Data {
      try Data(contentsOf: folder.url.appendingPathComponent(name + "/two-moons.safetensors"))
    }
    let whole = try ExampleRun("fit2d", arguments("whole"))
    #expect(whole.status == 0, "\(whole.errors)")
    let kept = arguments("kept") + ["--checkpoint", folder.path("state")]
    let binary = ExampleRun.binary("Examples/fit2d")
    _ = try ExampleRun(binary, kept, killedAfter: 0.5)
    let again = try ExampleRun("fit2d", kept)
    #expect(again.status == 0, "\(again.errors)")
    #expect(try model("kept") == model("whole"))
    let other = try ExampleRun("fit2d", kept + ["--seed", "1"])
    #expect(other.status == 1)
    #expect(other.errors.contains("the checkpoint is of another fit"))
  }

  @Test("a user's own CSV: the truth is null, the rest is there")
  func ownData() throws {
    let folder = TemporaryFolder()
    var generator = PhiloxGenerator(seed: 3)
    let rows = Tensor<Double>.normal([400, 2], using: &generator).scalars
    var text = "x,y\n"
    for index in 0..<400 { text += "\(rows[2 * index]),\(3 + 2 * rows[2 * index + 1])\n" }
    let file = try folder.write(text, to: "own.csv")
    let run = try ExampleRun(
      "fit2d",
      ["--data", file, "--steps", "100", "--layers", "2", "--output", folder.path("o"), "--json"])
    #expect(run.status == 0, "\(run.errors)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(Set(object.keys) == Self.keys)
    for key in ["trueEntropy", "klDivergence", "klStandardError"] {
      #expect(object[key] is NSNull, "\(key)")
    }
    #expect(FileManager.default.fileExists(atPath: folder.path("o/own.png")))
  }

  @Test("a saved model is examined as it was when it was fitted")
  func savedModel() throws {
    let folder = TemporaryFolder()
    let common = ["--dataset", "circles", "--json", "--output", folder.path("o")]
    let fitted = try ExampleRun("fit2d", common + ["--steps", "100", "--layers", "3"])
    #expect(fitted.status == 0, "\(fitted.errors)")
    let loaded = try ExampleRun(
      "fit2d", common + ["--model", folder.path("o/circles.safetensors")])
    #expect(loaded.status == 0, "\(loaded.errors)")
    func divergence(_ run: ExampleRun) throws -> Double? {
      let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
      return (object as? [String: Any])?["klDivergence"] as? Double
    }
    let (first, second) = (try divergence(fitted), try divergence(loaded))
    #expect(first != nil && first == second)
  }

  @Test("one seed gives one result, whatever the number of threads")
  func threads() throws {
    let folder = TemporaryFolder()
    let results = try [1, 2, 3].map { threads in
      let output = folder.path("threads-\(threads)")
      let run = try ExampleRun(
        "fit2d",
        [
          "--dataset", "crescent", "--steps", "120", "--layers", "4", "--seed", "5",
          "--threads", "\(threads)", "--output", output,
        ])
      #expect(run.status == 0, "\(run.errors)")
      return try Data(contentsOf: URL(fileURLWithPath: output + "/crescent.safetensors"))
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  @Test("an energy is fitted by reverse KL")
  func energy() throws {
    let folder = TemporaryFolder()
    let run = try ExampleRun(
      "fit2d",
      [
        "--dataset", "u2", "--steps", "200", "--layers", "4", "--grid", "--output",
        folder.path("o"), "--json",
      ])
    #expect(run.status == 0, "\(run.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.path("o/u2.png")))
  }

  @Test("--list names all twelve data sets and both energies; --help all options")
  func listAndHelp() throws {
    let list = try ExampleRun("fit2d", ["--list"])
    #expect(list.status == 0)
    #expect(list.output.split(separator: "\n").count == 14)
    let help = try ExampleRun("fit2d", ["--help"])
    #expect(help.status == 0)
    for option in [
      "--data", "--dataset", "--list", "--flow", "--layers", "--hidden", "--steps", "--base",
      "--output", "--seed", "--threads", "--json", "--grid",
    ] {
      #expect(help.output.contains(option), "\(option)")
    }
  }
}
