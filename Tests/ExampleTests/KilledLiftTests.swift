import Flows
import Foundation
import Testing

@Suite("pose-rle --lift that is killed")
struct KilledLiftTests {
  private static let steps = 3_000

  /// The step of a checkpoint; nil where there is none.
  private func step(_ file: String) throws -> Int? {
    struct Counters: Decodable {
      let step: Int
    }
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let content = try SafetensorsFile(contentsOf: file)
    let text = try #require(content.metadata["poserle.lifting.counters"])
    return try JSONDecoder().decode(Counters.self, from: Data(text.utf8)).step
  }

  @Test("goes on from its checkpoint and ends with the same bits")
  func resumes() throws {
    let folder = TemporaryFolder()
    try LiftTests.makeData(folder)
    func arguments(_ name: String) -> [String] {
      [
        "--lift", folder.url.path, "--likelihood", "laplace", "--steps", "\(Self.steps)",
        "--width", "16", "--json", "--output", folder.path("out-\(name)"), "--checkpoints",
        folder.path("states-\(name)"),
      ]
    }
    func weights(_ name: String) throws -> Data {
      try Data(
        contentsOf: URL(fileURLWithPath: folder.path("out-\(name)/laplace-seed0.safetensors")))
    }
    let program = ExampleRun.binary("Examples/pose-rle")
    let clock = ContinuousClock()
    let start = clock.now
    let whole = try ExampleRun(program, arguments("whole"))
    let duration = (clock.now - start) / .seconds(1)
    #expect(whole.status == 0, "\(whole.errors)")
    let expected = try weights("whole")
    var moments = SystemRandomNumberGenerator()
    // Kills may come before the first checkpoint or after the last, but not all of them.
    var resumed = 0
    for round in 0..<40 where resumed < 3 {
      let name = "killed\(round)"
      let killed = try ExampleRun(
        program, arguments(name),
        killedAfter: Double.random(in: 0.1...0.95, using: &moments) * duration)
      let state = try step(folder.path("states-\(name)/laplace-seed0.checkpoint"))
      if killed.status == SIGKILL, let state, state > 0, state < Self.steps { resumed += 1 }
      // Another number of threads changes no bit either.
      let run = try ExampleRun(
        program, arguments(name) + ["--threads", "\(1 + round % 2)"])
      #expect(run.status == 0, "\(run.errors)")
      #expect(try weights(name) == expected, "killed at step \(state ?? 0)")
    }
    #expect(resumed == 3, "only \(resumed) of 40 runs went on from the middle")
  }
}
