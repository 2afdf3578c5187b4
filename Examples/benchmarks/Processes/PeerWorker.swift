import ExampleSupport
import Foundation

/// A library that does the same work in Python.
enum Peer: String, CaseIterable {
  case torch = "PyTorch"
  case torchCompiled = "PyTorch compiled"
  case jax = "JAX"
  case zuko
  case zukoTransforms = "zuko autoregressive"
  case flowjax
  case torchImages = "PyTorch contiguous"
  case torchImagesChannelsLast = "PyTorch channels last"

  /// The script in `peers` with its arguments.
  var command: [String] {
    switch self {
    case .torch: ["torch_flows.py"]
    case .torchCompiled: ["torch_flows.py", "--compiled"]
    case .jax: ["jax_flows.py"]
    case .zuko: ["zuko_flows.py"]
    case .zukoTransforms: ["zuko_transforms.py"]
    case .flowjax: ["flowjax_flows.py"]
    case .torchImages: ["torch_images.py"]
    case .torchImagesChannelsLast: ["torch_images.py", "--channels-last"]
    }
  }

  /// Where the scripts are.
  static var folder: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("peers").path
  }
}

/// A Python process that times one library on request; both sides speak in lines of JSON.
final class PeerWorker {
  /// What is asked for.
  struct Request: Encodable {
    let workload: String
    let dimension: Int
    let batch: Int
    var minimumSeconds = 0.0
    /// Asks for the memory of two steps rather than for their time.
    var memory = false
  }

  /// What is answered; `error` stands alone.
  struct Answer: Decodable {
    let secondsPerStep: Double?
    let peakBytes: Int?
    let bytesBefore: Int?
    let error: String?
  }

  private struct Greeting: Decodable {
    let versions: [String: String]?
    let missing: String?
  }

  let peer: Peer
  /// The libraries of this side.
  let versions: [String: String]
  private let process: ChildProcess

  var identifier: pid_t { process.identifier }

  /// Starts the process; the error says what is missing.
  init(_ peer: Peer, python: String, threads: Int) throws {
    self.peer = peer
    let script = Peer.folder + "/" + peer.command[0]
    process = try ChildProcess(
      python, [script] + peer.command.dropFirst() + ["--threads", "\(threads)"],
      environment: Self.environment(threads: threads))
    guard let line = try process.readLine(withinSeconds: 300),
      let greeting = try? JSONDecoder().decode(Greeting.self, from: Data(line.utf8))
    else {
      throw BenchmarkError("\(python) \(script) ended without a word; run it to see why")
    }
    guard let versions = greeting.versions else {
      throw BenchmarkError(
        greeting.missing ?? "\(script) says neither versions nor what is missing")
    }
    self.versions = versions
  }

  /// Asks, and waits for the answer: compiling may take minutes.
  func ask(_ request: Request) throws -> Answer {
    try process.send(String(decoding: try JSONEncoder().encode(request), as: UTF8.self))
    guard let line = try process.readLine(withinSeconds: 1_800) else {
      throw BenchmarkError("the process of \(peer.rawValue) ended")
    }
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else {
      throw BenchmarkError("\(peer.rawValue) answered what is no answer: \(line.prefix(80))")
    }
    return answer
  }

  func end() throws { try process.end() }

  private static func environment(threads: Int) -> [String: String] {
    let count = "\(threads)"
    return [
      "OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count,
      // The size of XLA's pool of threads on a CPU.
      "NPROC": count, "JAX_PLATFORMS": "cpu",
      // The compiler's own helpers would be there while others are timed.
      "TORCHINDUCTOR_COMPILE_THREADS": "1",
      "PYTHONDONTWRITEBYTECODE": "1",
    ]
  }
}
