import Flows
import Foundation
import Testing

@Suite("A fit that is killed", .serialized)
struct KilledFitTests {
  private let folder = TemporaryFolder()
  private let program = ExampleRun.binary("KilledFit")

  private func arguments(_ mode: [String], _ name: String, threads: Int = 2) -> [String] {
    mode + [folder.path(name + ".checkpoint"), folder.path(name + ".safetensors"), "\(threads)"]
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: folder.path(name)))
  }

  /// The rows of a stream, in a file.
  private func rowFile() throws -> String {
    var generator = PhiloxGenerator(seed: 3)
    let path = folder.path("rows.npy")
    try NumPyFile.write(Tensor<Float>.normal([5_000, 2], using: &generator), to: path)
    return path
  }

  @Test("goes on where it was and ends with the same bits")
  func resumes() throws {
    var moments = SystemRandomNumberGenerator()
    let modes = [["table"], ["stream", try rowFile()], ["energy"]]
    var expected: [Data] = []
    var durations: [Double] = []
    for (index, mode) in modes.enumerated() {
      let clock = ContinuousClock()
      let start = clock.now
      let run = try ExampleRun(program, arguments(mode, "whole\(index)"))
      durations.append((clock.now - start) / .seconds(1))
      #expect(run.output == "0\n", "\(run.errors)")
      expected.append(try bytes("whole\(index).safetensors"))
    }
    var resumed = 0
    for round in 0..<20 {
      let index = round % modes.count
      let name = "killed\(round)"
      let killed = try ExampleRun(
        program, arguments(modes[index], name),
        killedAfter: Double.random(in: 0.02...0.95, using: &moments) * durations[index])
      // Another number of threads changes no bit either.
      let run = try ExampleRun(program, arguments(modes[index], name, threads: 1 + round % 2))
      let step = try #require(Int(run.output.trimmingCharacters(in: .newlines)), "\(run.output)")
      if killed.status == SIGKILL && step > 0 && step < 3_000 { resumed += 1 }
      #expect(
        try bytes(name + ".safetensors") == expected[index],
        "mode \(modes[index][0]), killed with status \(killed.status), resumed at step \(step)")
    }
    // Kills may come before the first checkpoint or after the last, but not all of them.
    #expect(resumed >= 5, "only \(resumed) of 20 fits went on from the middle")
  }

  @Test("keeps its checkpoint where the disk is full")
  func fullDisk() throws {
    let whole = try ExampleRun(program, arguments(["table"], "whole"))
    #expect(whole.output == "0\n")
    // Later and later, until a checkpoint is there that is not the last.
    var delay = 0.05
    var isKilled = false
    repeat {
      try? FileManager.default.removeItem(atPath: folder.path("full.checkpoint"))
      isKilled =
        try ExampleRun(program, arguments(["table"], "full"), killedAfter: delay).status == SIGKILL
      // A fit that ended first has left its last one.
      delay = isKilled ? 1.3 * delay : 0.05
    } while !isKilled || !FileManager.default.fileExists(atPath: folder.path("full.checkpoint"))
    let before = try bytes("full.checkpoint")
    // No file may grow beyond 4 KiB: writing ends in the middle.
    let shell = URL(fileURLWithPath: "/bin/bash")
    let command = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""
    let limited = try ExampleRun(
      shell, ["-c", command, program.path] + arguments(["table"], "full"))
    #expect(
      limited.output == "error: \(folder.path("full.checkpoint")): cannot write the file: the file "
        + "would be larger than the system allows\n")
    #expect(try bytes("full.checkpoint") == before)
    let resumed = try ExampleRun(program, arguments(["table"], "full"))
    #expect(resumed.status == 0)
    #expect(try bytes("full.safetensors") == bytes("whole.safetensors"))
  }

  @Test("refuses a folder that cannot be written before it trains")
  func unwritable() throws {
    let missing = folder.path("missing/fit.checkpoint")
    let run = try ExampleRun(program, ["table", missing, folder.path("model.safetensors"), "1"])
    #expect(
      run.output
        == "error: \(missing): the folder \"\(folder.path("missing"))\" does not exist\n")
    // A read-only file system, where the system has one that everyone may see.
    guard FileManager.default.fileExists(atPath: "/proc/self") else { return }
    let readOnly = try ExampleRun(
      program, ["table", "/proc/fit.checkpoint", folder.path("model.safetensors"), "1"])
    #expect(readOnly.output.hasPrefix("error: /proc/fit.checkpoint: "))
  }
}
