/// A plain reader of zlib streams, which checks the encoder from the other side.
struct Inflater {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private let bytes: [UInt8]
  private var bit = 0
  private var output: [UInt8] = []

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  static func inflate(zlib bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count > 6, bytes[0] & 15 == 8, (Int(bytes[0]) << 8 + Int(bytes[1])) % 31 == 0
    else { throw Failure(description: "The zlib header is wrong.") }
    var inflater = Inflater(Array(bytes[2...]))
    try inflater.readBlocks()
    return inflater.output
  }

  private mutating func take(_ count: Int) throws -> Int {
    var value = 0
    for position in 0..<count {
      guard bit / 8 < bytes.count else { throw Failure(description: "The stream is too short.") }
      value |= Int(bytes[bit / 8] >> UInt8(bit % 8) & 1) << position
      bit += 1
    }
    return value
  }

  /// A canonical code by counts per length and symbols in order.
  private struct Code {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int] = []

    init(_ lengths: [Int]) {
      for length in lengths where length > 0 { counts[length] += 1 }
      symbols = lengths.indices.filter { lengths[$0] > 0 }
        .sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    }
  }

  private mutating func decode(_ code: Code) throws -> Int {
    var value = 0
    var first = 0
    var index = 0
    for length in 1..<16 {
      value |= try take(1)
      let count = code.counts[length]
      if value - first < count { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Failure(description: "A code word is unknown.")
  }

  private mutating func readBlocks() throws {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0:
        bit = (bit + 7) / 8 * 8
        let length = try take(16)
        _ = try take(16)
        for _ in 0..<length { output.append(UInt8(try take(8))) }
      case 1:
        try readSymbols(
          Code((0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }),
          Code([Int](repeating: 5, count: 30)))
      case 2:
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let codeCount = try take(4) + 4
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var small = [Int](repeating: 0, count: 19)
        for position in order[..<codeCount] { small[position] = try take(3) }
        let lengths = try readLengths(Code(small), count: literalCount + distanceCount)
        try readSymbols(
          Code(Array(lengths[..<literalCount])), Code(Array(lengths[literalCount...])))
      default:
        throw Failure(description: "The kind of a block is unknown.")
      }
    }
  }

  private mutating func readLengths(_ code: Code, count: Int) throws -> [Int] {
    var lengths: [Int] = []
    while lengths.count < count {
      switch try decode(code) {
      case 16:
        let value = lengths.last ?? 0
        lengths += [Int](repeating: value, count: 3 + (try take(2)))
      case 17: lengths += [Int](repeating: 0, count: 3 + (try take(3)))
      case 18: lengths += [Int](repeating: 0, count: 11 + (try take(7)))
      case let length: lengths.append(length)
      }
    }
    guard lengths.count == count else { throw Failure(description: "A run is too long.") }
    return lengths
  }

  private mutating func readSymbols(_ literals: Code, _ distances: Code) throws {
    while true {
      let symbol = try decode(literals)
      if symbol == 256 { return }
      guard symbol > 256 else {
        output.append(UInt8(symbol))
        continue
      }
      let length: Int
      switch symbol - 257 {
      case 28: length = 258
      case let code where code < 8: length = code + 3
      case let code:
        let extra = code / 4 - 1
        length = 3 + (4 + code % 4) << extra + (try take(extra))
      }
      let code = try decode(distances)
      let extra = max(0, code / 2 - 1)
      let distance = code < 4 ? code + 1 : 1 + (2 + code % 2) << extra + (try take(extra))
      guard distance <= output.count else {
        throw Failure(description: "A match begins before the data.")
      }
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }
}
