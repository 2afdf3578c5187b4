/// Turns the rows of an image into differences that compress better.
enum ScanlineFilter {
  /// Gives every row with its filter number in front, as the compressed part of a PNG holds it.
  ///
  /// Each row takes the filter with the smallest sum of absolute differences.
  static func filtered(_ pixels: [UInt8], rowBytes: Int, pixelBytes: Int) -> [UInt8] {
    let rows = pixels.count / rowBytes
    var result: [UInt8] = []
    result.reserveCapacity(rows * (rowBytes + 1))
    var above = [UInt8](repeating: 0, count: rowBytes + pixelBytes)
    // A pixel of zeros stands before each row, so that the first pixel needs no special case.
    var current = above
    var candidates = [[UInt8]](repeating: [UInt8](repeating: 0, count: rowBytes), count: 5)
    for row in 0..<rows {
      current.replaceSubrange(pixelBytes..., with: pixels[row * rowBytes..<(row + 1) * rowBytes])
      var best = 0
      var bestSum = Int.max
      for filter in 0..<5 {
        let sum = apply(
          filter, current: current, above: above, pixelBytes: pixelBytes, to: &candidates[filter])
        if sum < bestSum {
          best = filter
          bestSum = sum
        }
      }
      result.append(UInt8(best))
      result.append(contentsOf: candidates[best])
      swap(&current, &above)
    }
    return result
  }

  /// Writes one filtered row and gives the sum of its absolute differences.
  private static func apply(
    _ filter: Int, current: [UInt8], above: [UInt8], pixelBytes: Int, to output: inout [UInt8]
  ) -> Int {
    var sum = 0
    func store(_ value: UInt8, _ index: Int) {
      output[index] = value
      sum &+= Int(Int8(bitPattern: value).magnitude)
    }
    switch filter {
    case 0:
      for index in output.indices { store(current[index + pixelBytes], index) }
    case 1:
      for index in output.indices { store(current[index + pixelBytes] &- current[index], index) }
    case 2:
      for index in output.indices {
        store(current[index + pixelBytes] &- above[index + pixelBytes], index)
      }
    case 3:
      for index in output.indices {
        let mean = (UInt16(current[index]) + UInt16(above[index + pixelBytes])) >> 1
        store(current[index + pixelBytes] &- UInt8(truncatingIfNeeded: mean), index)
      }
    default:
      for index in output.indices {
        let guess = paeth(
          left: current[index], above: above[index + pixelBytes], corner: above[index])
        store(current[index + pixelBytes] &- guess, index)
      }
    }
    return sum
  }

  private static func paeth(left: UInt8, above: UInt8, corner: UInt8) -> UInt8 {
    let leftError = abs(Int(above) - Int(corner))
    let aboveError = abs(Int(left) - Int(corner))
    let cornerError = abs(Int(left) + Int(above) - 2 * Int(corner))
    if leftError <= aboveError && leftError <= cornerError { return left }
    return aboveError <= cornerError ? above : corner
  }
}
