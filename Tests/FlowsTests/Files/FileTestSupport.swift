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

/// Numbers that reading or writing may easily change: an even count of them.
func awkwardValues<S: TensorScalar>(_ type: S.Type) -> [S] {
  let third: S = 1 / 3
  return [
    0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
    S.leastNormalMagnitude.nextDown, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
    .infinity, -.infinity, .nan, 0.1, third, third.nextUp, 16_777_216, S(1).nextDown,
  ]
}

/// Records a difference in the bits of two lists, all NaNs being one.
func expectSame<S: TensorScalar>(
  _ found: [S], _ expected: [S], at place: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, sourceLocation: place)
  for (a, b) in zip(found, expected) {
    #expect((a.isNaN && b.isNaN) || (a == b && a.sign == b.sign), sourceLocation: place)
  }
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

  mutating func random(below bound: Int) -> Int {
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

  /// A copy with one to four bytes replaced, from a place on.
  mutating func overwrite(_ original: [UInt8], from start: Int) -> [UInt8] {
    var bytes = original
    guard start < bytes.count else { return bytes }
    for _ in 0...random(below: 4) {
      bytes[start + random(below: bytes.count - start)] = UInt8(random(below: 256))
    }
    return bytes
  }

  /// Feeds mutated inputs to `body`, which must succeed or throw a ``FlowsError``.
  mutating func feed(
    _ originals: [[UInt8]], rounds: Int = 2_000, _ body: ([UInt8]) throws -> Void
  ) throws -> Outcomes {
    var outcomes = Outcomes()
    for round in 0..<rounds {
      try outcomes.feed(mutate(originals[round % originals.count]), body)
    }
    return outcomes
  }
}

/// What became of inputs that are mostly broken.
struct Outcomes {
  private(set) var accepted = 0
  private(set) var kinds: [FlowsError.Kind: Int] = [:]

  /// How many inputs were refused.
  var refused: Int { kinds.values.reduce(0, +) }

  /// Feeds one input to `body`, which must succeed or throw a ``FlowsError``.
  ///
  /// - Parameter limit: the most bytes that may be held at one time.
  mutating func feed(
    _ bytes: [UInt8], limit: Int = .max, _ body: ([UInt8]) throws -> Void
  ) throws {
    let (error, peak) = AllocationMeter.peak { () -> (any Error)? in
      do {
        try body(bytes)
        return nil
      } catch { return error }
    }
    if AllocationMeter.isCounting {
      #expect(peak <= limit, "\(bytes.count) bytes made it take \(peak)")
    }
    guard let error else {
      accepted += 1
      return
    }
    guard let error = error as? FlowsError else { throw error }
    #expect(!error.message.isEmpty)
    kinds[error.kind, default: 0] += 1
  }

  /// One line for a person to read.
  func summary(_ what: String) -> String {
    let counts = kinds.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.key.rawValue) \($0.value)" }
    return "\(accepted + refused) \(what): \(accepted) accepted, "
      + "\(refused) refused (\(counts.joined(separator: ", ")))"
  }
}

extension NumPyFile {
  /// Reads an array from all bytes of a file.
  static func decode<S: TensorScalar>(
    _ bytes: [UInt8], as type: S.Type = S.self
  ) throws -> Tensor<S> {
    try decode(bytes[...], as: type)
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
