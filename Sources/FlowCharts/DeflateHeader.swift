/// The code lengths that open a block with its own prefix codes.
///
/// The lengths are run-length coded and then themselves written with a small prefix code.
struct DeflateHeader {
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private let literalCount: Int
  private let distanceCount: Int
  private let runs: [(symbol: Int, extra: UInt32)]
  private let code: HuffmanCode
  private let codeCount: Int

  /// The size of the header in bits.
  let cost: Int

  init(literals: HuffmanCode, distances: HuffmanCode) {
    func used(_ lengths: [UInt8], atLeast least: Int) -> Int {
      max(least, (lengths.lastIndex { $0 > 0 } ?? 0) + 1)
    }
    literalCount = used(literals.lengths, atLeast: 257)
    distanceCount = used(distances.lengths, atLeast: 1)
    runs = DeflateHeader.runs(
      Array(literals.lengths[..<literalCount] + distances.lengths[..<distanceCount]))
    var counts = [Int](repeating: 0, count: 19)
    for run in runs { counts[run.symbol] += 1 }
    let code = HuffmanCode(frequencies: counts, limit: 7)
    self.code = code
    codeCount = max(4, (DeflateHeader.order.lastIndex { code.lengths[$0] > 0 } ?? 0) + 1)
    let extra = runs.reduce(0) { $0 + DeflateHeader.extraBits($1.symbol) }
    cost = 14 + 3 * codeCount + code.cost(of: counts) + extra
  }

  func write(to writer: inout BitWriter) {
    writer.append(UInt32(literalCount - 257), count: 5)
    writer.append(UInt32(distanceCount - 1), count: 5)
    writer.append(UInt32(codeCount - 4), count: 4)
    for symbol in DeflateHeader.order[..<codeCount] {
      writer.append(UInt32(code.lengths[symbol]), count: 3)
    }
    for run in runs {
      writer.append(code.codes[run.symbol], count: Int(code.lengths[run.symbol]))
      writer.append(run.extra, count: DeflateHeader.extraBits(run.symbol))
    }
  }

  private static func extraBits(_ symbol: Int) -> Int {
    switch symbol {
    case 16: 2
    case 17: 3
    case 18: 7
    default: 0
    }
  }

  private static func runs(_ lengths: [UInt8]) -> [(symbol: Int, extra: UInt32)] {
    var result: [(symbol: Int, extra: UInt32)] = []
    var index = 0
    while index < lengths.count {
      let value = lengths[index]
      var run = 1
      while index + run < lengths.count, lengths[index + run] == value { run += 1 }
      index += run
      if value == 0 {
        while run >= 11 {
          let part = min(run, 138)
          result.append((18, UInt32(part - 11)))
          run -= part
        }
        if run >= 3 {
          result.append((17, UInt32(run - 3)))
          run = 0
        }
      } else {
        result.append((Int(value), 0))
        run -= 1
        while run >= 3 {
          let part = min(run, 6)
          result.append((16, UInt32(part - 3)))
          run -= part
        }
      }
      for _ in 0..<run { result.append((Int(value), 0)) }
    }
    return result
  }
}
