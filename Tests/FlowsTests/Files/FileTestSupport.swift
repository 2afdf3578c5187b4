import Foundation
import Testing

@testable import Flows

/// Runs `body` with the path of a new folder, and removes the folder afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("flows-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// The description of the error that `body` throws.
func errorText<Result>(_ body: () throws -> Result) -> String {
  do {
    _ = try body()
    return "no error"
  } catch let error as FlowsError {
    return error.description
  } catch {
    return "another error: \(error)"
  }
}

/// The kind of the error that `body` throws.
func errorKind<Result>(_ body: () throws -> Result) -> FlowsError.Kind? {
  do {
    _ = try body()
    return nil
  } catch {
    return (error as? FlowsError)?.kind
  }
}

/// The bytes behind a base64 literal.
func bytes(base64: String) throws -> [UInt8] {
  Array(try #require(Data(base64Encoded: base64, options: .ignoreUnknownCharacters)))
}

/// Changes bytes at random, always the same way for the same seed.
struct Mutator {
  private var generator: SplitMix
  private let fragments: [[UInt8]]

  /// Inserts the given texts besides random bytes.
  init(seed: UInt64, fragments: [String]) {
    generator = SplitMix(state: seed)
    self.fragments = fragments.map { Array($0.utf8) }
  }

  private mutating func random(below bound: Int) -> Int {
    Int(generator.next() % UInt64(max(bound, 1)))
  }

  /// A copy with one to four changes.
  mutating func mutate(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...random(below: 4) {
      let place = random(below: bytes.count + 1)
      let end = min(bytes.count, place + random(below: 8))
      switch random(below: 6) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random(below: 8))
      case 1 where place < bytes.count: bytes[place] = UInt8(random(below: 256))
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.removeSubrange(place...)
      case 4: bytes.insert(contentsOf: bytes[place..<end], at: random(below: bytes.count + 1))
      default:
        let fragment = fragments[random(below: fragments.count)]
        bytes.replaceSubrange(place..<min(end, bytes.count), with: fragment)
      }
    }
    return bytes
  }

  /// Feeds mutated inputs to `body`, which must succeed or throw a ``FlowsError``.
  ///
  /// Returns how many it accepted and how many it refused.
  mutating func feed(
    _ originals: [[UInt8]], rounds: Int = 2_000, _ body: ([UInt8]) throws -> Void
  ) throws -> (accepted: Int, refused: Int) {
    var (accepted, refused) = (0, 0)
    for round in 0..<rounds {
      do {
        try body(mutate(originals[round % originals.count]))
        accepted += 1
      } catch let error as FlowsError {
        #expect(!error.message.isEmpty)
        refused += 1
      }
    }
    return (accepted, refused)
  }
}

/// A small generator, the same on every system.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
