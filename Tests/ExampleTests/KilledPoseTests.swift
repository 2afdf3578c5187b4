import Flows
import Foundation
import Testing

@Suite("pose-rle that is killed")
struct KilledPoseTests {
  private static let steps = 12

  private func arguments(_ output: String) -> [String] {
    [
      "--persons", "64", "--steps", "\(Self.steps)", "--batch", "8", "--likelihood", "residual",
      "--checkpoint-every", "1", "--json", "--output", output,
    ]
  }

  /// The step of a checkpoint; nil where there is none.
  private func step(_ file: String) throws -> Int? {
    struct Counters: Decodable {
      let step: Int
    }
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let content = try SafetensorsFile(contentsOf: file)
    let text = try #require(content.metadata["poserle.training.counters"])
    return try JSONDecoder().decode(Counters.self, from: Data(text.utf8)).step
  }

  /// Starts the program and kills it some milliseconds after it wrote its checkpoint once more.
  private func end(_ arguments: [String], _ checkpoint: String, after milliseconds: Int) throws {
    func mark() -> AnyHashable? {
      try? FileManager.default.attributesOfItem(atPath: checkpoint)[.systemFileNumber] as? UInt64
    }
    let process = Process()
    process.executableURL = ExampleRun.binary("Examples/pose-rle")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let before = mark()
    try process.run()
    while process.isRunning, mark() == before { usleep(1_000) }
    usleep(UInt32(1_000 * milliseconds))
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  @Test("goes on from its checkpoint and ends with the same bits")
  func resumes() throws {
    let folder = TemporaryFolder()
    let (whole, killed) = (folder.path("whole"), folder.path("killed"))
    let name = "residual-seed0"
    func weights(_ output: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(name).safetensors"))
    }
    let run = try ExampleRun("pose-rle", arguments(whole))
    #expect(run.status == 0, "\(run.errors)")
    let checkpoint = "\(killed)/\(name).checkpoint"
    var moments = SystemRandomNumberGenerator()
    var middle = 0
    for round in 0..<4 {
      // Another number of threads changes no bit either.
      try end(
        arguments(killed) + ["--threads", "\(1 + round % 2)"] + (round > 0 ? ["--resume"] : []),
        checkpoint, after: Int.random(in: 0...40, using: &moments))
      if let step = try step(checkpoint), (1..<Self.steps).contains(step) { middle += 1 }
    }
    #expect(middle > 0, "no kill fell into the training")
    let last = try ExampleRun("pose-rle", arguments(killed) + ["--resume"])
    #expect(last.status == 0, "\(last.errors)")
    #expect(try weights(killed) == weights(whole))
    // The checkpoint of other images is refused.
    try FileManager.default.moveItem(
      atPath: checkpoint, toPath: "\(killed)/residual-seed1.checkpoint")
    let other = try ExampleRun("pose-rle", arguments(killed) + ["--resume", "--seed", "1"])
    #expect(other.status == 1 && other.errors.contains("of another training"), "\(other.errors)")
  }
}
