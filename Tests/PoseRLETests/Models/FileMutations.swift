import Flows
import Foundation

/// Broken copies of a safetensors file, the same ones for a seed: numbers of its metadata that are others,
/// metadata with bytes lost, doubled and exchanged, files that end early, and bytes at random.
struct FileMutations {
  private let header: [UInt8]
  private let body: [UInt8]
  /// Where the metadata lie in the header, and the numbers in them.
  private let metadata: Range<Int>
  private let numbers: [Range<Int>]
  private var generator: PhiloxGenerator
  private var round = 0

  private static let values = [
    "-1", "0", "1", "2", "3", "5", "6", "7", "1000", "4096", "65536", "1000000",
    "9223372036854775807", "-9223372036854775808", "1e300", "1e999", "0.5", "null", "true", "[]",
    "{}", "\\\"x\\\"", "\\\"nan\\\"",
  ].map { Array($0.utf8) }

  init(of file: String, seed: UInt64) throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
    let header = Array(bytes[8..<8 + length])
    self.header = header
    body = Array(bytes[(8 + length)...])
    let start = Array("{\"__metadata__\":{".utf8).count
    // The first quote that is not escaped and closes the object.
    let end = header.indices.dropFirst(start).first {
      header[$0] == UInt8(ascii: "}") && header[$0 - 1] == UInt8(ascii: "\"")
        && header[$0 - 2] != UInt8(ascii: "\\")
    }
    metadata = start..<(end ?? header.count)
    var numbers: [Range<Int>] = []
    for place in metadata {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(header[place]) else { continue }
      if let last = numbers.last, last.upperBound == place {
        numbers[numbers.count - 1] = last.lowerBound..<place + 1
      } else {
        numbers.append(place..<place + 1)
      }
    }
    self.numbers = numbers
    generator = PhiloxGenerator(seed: seed)
  }

  private mutating func below(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }

  private func file(_ header: [UInt8]) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + body
  }

  /// The next broken copy.
  mutating func next() -> Data {
    round += 1
    switch round % 4 {
    case 0:
      var changed = header
      changed.replaceSubrange(
        numbers[below(numbers.count)], with: Self.values[below(Self.values.count)])
      return Data(file(changed))
    case 1:
      var changed = header
      for _ in 0...below(3) {
        let place = metadata.lowerBound + below(metadata.count - 4)
        switch below(3) {
        case 0: changed.remove(at: place)
        case 1: changed.insert(changed[place], at: place)
        default: changed.swapAt(place, metadata.lowerBound + below(metadata.count - 4))
        }
      }
      return Data(file(changed))
    case 2:
      let whole = file(header)
      return Data(whole.prefix(below(whole.count)))
    default:
      var bytes = file(header)
      // Half of them in the header.
      let reach = below(2) == 0 ? header.count + 8 : bytes.count
      for _ in 0...below(4) { bytes[below(reach)] = UInt8(below(256)) }
      return Data(bytes)
    }
  }
}
