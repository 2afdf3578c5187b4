import Foundation
import Testing

@testable import Flows

/// Writes pickles operation by operation, right ones and others, and files around them.
enum PickleForge {
  static let none: [UInt8] = [0x4E]
  static let stop: [UInt8] = [0x2E]

  static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  static func text(_ text: String) -> [UInt8] {
    ascii("X") + word(text.utf8.count, 4) + ascii(text)
  }

  static func int(_ number: Int) -> [UInt8] { [0x8A, 8] + word(number, 8) }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    ascii("c\(module)\n\(name)\n")
  }

  static func tuple(_ elements: [UInt8]...) -> [UInt8] {
    ascii("(") + elements.flatMap { $0 } + ascii("t")
  }

  static func dictionary(_ items: (String, [UInt8])...) -> [UInt8] {
    ascii("}(") + items.flatMap { text($0.0) + $0.1 } + ascii("u")
  }

  static func call(_ function: [UInt8], _ arguments: [UInt8]) -> [UInt8] {
    function + arguments + ascii("R")
  }

  /// The whole numbers of a tuple.
  static func counts(_ counts: [Int]) -> [UInt8] {
    ascii("(") + counts.flatMap { int($0) } + ascii("t")
  }

  static func storage(
    _ key: String = "0", type: String = "FloatStorage", count: Int = 4, isLegacy: Bool = false
  ) -> [UInt8] {
    tuple(
      text("storage"), global("torch", type), text(key), text("cpu"), int(count),
      isLegacy ? none : []) + ascii("Q")
  }

  static func tensor(
    _ storage: [UInt8] = storage(), offset: Int = 0, shape: [Int] = [4], strides: [Int] = [1]
  ) -> [UInt8] {
    call(
      global("torch._utils", "_rebuild_tensor_v2"),
      tuple(storage, int(offset), counts(shape), counts(strides), [0x89], none))
  }

  static func word(_ number: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  static func pickle(_ operations: [UInt8]) -> [UInt8] { [0x80, 2] + operations + stop }

  /// An archive of a pickle and storages by key: by default of four floats.
  static func archive(
    _ operations: [UInt8], storages: [(String, [UInt8])] = [("0", [UInt8](repeating: 0, count: 16))]
  ) -> [UInt8] {
    ZIPForge(parts(pickle(operations), storages)).bytes
  }

  static func parts(_ pickle: [UInt8], _ storages: [(String, [UInt8])]) -> [ZIPForge.Part] {
    [.init(name: "archive/data.pkl", content: pickle)]
      + storages.map { .init(name: "archive/data/" + $0.0, content: $0.1) }
      + [.init(name: "archive/version", content: ascii("3\n"))]
  }

  /// The form before PyTorch 1.6, of storages by key with the number of their elements.
  static func legacy(
    _ operations: [UInt8],
    storages: [(String, Int, [UInt8])] = [("0", 4, [UInt8](repeating: 0, count: 16))]
  ) -> [UInt8] {
    let magic: [UInt8] = [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    var bytes = pickle(magic) + pickle(int(1001))
    bytes += pickle(dictionary(("little_endian", [0x88]))) + pickle(operations)
    bytes += pickle(ascii("](") + storages.flatMap { text($0.0) } + ascii("e"))
    for storage in storages { bytes += word(storage.1, 8) + storage.2 }
    return bytes
  }

  /// A committed file.
  static func path(_ name: String) throws -> String {
    let folder = try #require(
      Bundle.module.url(forResource: "PyTorch", withExtension: nil, subdirectory: "Fixtures"))
    return folder.appendingPathComponent(name).path
  }

  static func fixture(_ name: String) throws -> [UInt8] { try FileBytes.read(path(name)) }
}
