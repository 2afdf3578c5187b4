/// A canonical prefix code: for every symbol a length and the bits, ready to be written.
struct HuffmanCode {
  /// The number of bits of every symbol; 0 where the symbol does not occur.
  private(set) var lengths: [UInt8]
  /// The bits of every symbol, reversed so that the first bit comes out first.
  private(set) var codes: [UInt32]

  /// Makes the canonical code with the given lengths.
  init(lengths: [UInt8]) {
    self.lengths = lengths
    var countOfLength = [UInt32](repeating: 0, count: 17)
    for length in lengths where length > 0 { countOfLength[Int(length)] += 1 }
    var next = [UInt32](repeating: 0, count: 17)
    var code: UInt32 = 0
    for length in 1..<17 {
      code = (code + countOfLength[length - 1]) << 1
      next[length] = code
    }
    codes = lengths.map { length in
      guard length > 0 else { return 0 }
      defer { next[Int(length)] += 1 }
      return HuffmanCode.reversed(next[Int(length)], count: Int(length))
    }
  }

  /// Makes a code for the given frequencies, none of whose words is longer than the limit.
  init(frequencies: [Int], limit: Int) {
    var weights = frequencies
    // Some inflaters refuse a code with a single word, so there are always two.
    for symbol in weights.indices where weights.lazy.filter({ $0 > 0 }).count < 2 {
      weights[symbol] = max(weights[symbol], 1)
    }
    var lengths = HuffmanCode.optimalLengths(weights)
    // Flatter weights give a shallower tree; a limit of 15 is met almost at once.
    while lengths.contains(where: { Int($0) > limit }) {
      weights = weights.map { $0 == 0 ? 0 : $0 >> 2 | 1 }
      lengths = HuffmanCode.optimalLengths(weights)
    }
    self.init(lengths: lengths)
  }

  /// The number of bits that the symbols of the given frequencies take.
  func cost(of frequencies: [Int]) -> Int {
    zip(frequencies, lengths).reduce(0) { $0 + $1.0 * Int($1.1) }
  }

  /// Huffman's lengths by the method of two queues: leaves in order, inner nodes as they come.
  private static func optimalLengths(_ weights: [Int]) -> [UInt8] {
    let leaves = weights.indices.filter { weights[$0] > 0 }
      .sorted { (weights[$0], $0) < (weights[$1], $1) }
    let count = leaves.count
    var weight = leaves.map { weights[$0] }
    var parent = [Int](repeating: 0, count: 2 * count - 1)
    var nextLeaf = 0
    var nextInner = count
    func takeLightest(below end: Int) -> Int {
      if nextLeaf < count && (nextInner >= end || weight[nextLeaf] <= weight[nextInner]) {
        nextLeaf += 1
        return nextLeaf - 1
      }
      nextInner += 1
      return nextInner - 1
    }
    for node in count..<(2 * count - 1) {
      let first = takeLightest(below: node)
      let second = takeLightest(below: node)
      parent[first] = node
      parent[second] = node
      weight.append(weight[first] + weight[second])
    }
    var depth = [UInt8](repeating: 0, count: 2 * count - 1)
    for node in stride(from: 2 * count - 3, through: 0, by: -1) {
      depth[node] = depth[parent[node]] + 1
    }
    var lengths = [UInt8](repeating: 0, count: weights.count)
    for (position, symbol) in leaves.enumerated() { lengths[symbol] = depth[position] }
    return lengths
  }

  private static func reversed(_ code: UInt32, count: Int) -> UInt32 {
    var source = code
    var result: UInt32 = 0
    for _ in 0..<count {
      result = result << 1 | source & 1
      source >>= 1
    }
    return result
  }
}
