/// A ramp of colours for the values from 0 to 1.
///
/// Between its anchors a map is straight in OKLab, so that equal steps of a value look equal.
public struct ColorMap: Sendable {
  private static let steps = 1024

  private let ramp: [Color]

  /// Makes a map whose anchors stand at equal distances from 0 to 1.
  public init(anchors: [Color]) {
    precondition(anchors.count >= 2, "A colour map needs a colour at either end.")
    let corners = anchors.map(OKLab.init)
    ramp = (0..<ColorMap.steps).map { step in
      let position = Double(step) / Double(ColorMap.steps - 1) * Double(corners.count - 1)
      let lower = min(Int(position), corners.count - 2)
      return corners[lower].mixed(with: corners[lower + 1], fraction: position - Double(lower))
        .color
    }
  }

  /// Gives the colour of a value; what lies outside 0...1 takes the colour of the nearer end.
  ///
  /// A value that is not finite takes ``Color/missing``.
  public func color(at value: Double) -> Color {
    guard value.isFinite else { return .missing }
    let clamped = min(max(value, 0), 1)
    return ramp[Int((clamped * Double(ColorMap.steps - 1)).rounded())]
  }

  /// Gives the same map with its ends exchanged.
  public var reversed: ColorMap { ColorMap(ramp: ramp.reversed()) }

  private init(ramp: [Color]) {
    self.ramp = ramp
  }
}

extension ColorMap {
  /// From black through violet and orange to a pale yellow, ever lighter.
  public static let magma = ColorMap(hex: [
    0x000004, 0x05041E, 0x180F3D, 0x2E115C, 0x440F76, 0x5B177F, 0x721F81, 0x882782, 0x9E2F7F,
    0xB63779, 0xCD4071, 0xE14D66, 0xF1605D, 0xF97A5E, 0xFD9668, 0xFEB078, 0xFECA8D, 0xFEE4A5,
    0xFCFDBF,
  ])

  /// From dark violet through blue-green to yellow, ever lighter.
  public static let viridis = ColorMap(hex: [
    0x440154, 0x471767, 0x482878, 0x443982, 0x3E4A89, 0x38598D, 0x31688E, 0x2B758F, 0x26828E,
    0x20908C, 0x1F9E89, 0x24AB83, 0x35B779, 0x4FC36A, 0x6ECE58, 0x91D743, 0xB5DE2B, 0xD9E323,
    0xFDE725,
  ])

  /// From white through light blue to a dark navy, ever darker.
  public static let ice = ColorMap(hex: [
    0xFFFFFF, 0xEBF8FB, 0xD6F1F8, 0xBEE7F4, 0xA6DAF0, 0x8BCCEB, 0x72BBE5, 0x5AA9DE, 0x4696D4,
    0x3783C9, 0x2E70BB, 0x295DA9, 0x254C96, 0x223D81, 0x1F306A, 0x192454, 0x12193D,
  ])

  /// From white through yellow and red to a dark wine red, ever darker.
  public static let ember = ColorMap(hex: [
    0xFFFFFF, 0xFEF8E3, 0xFDF0C7, 0xFDE4A8, 0xFED488, 0xFDC06C, 0xFBA952, 0xF7913C, 0xF0772D,
    0xE45F2A, 0xD2472C, 0xBC322D, 0xA3212D, 0x88152C, 0x6C1029, 0x520F24, 0x380D1E,
  ])

  private init(hex: [UInt32]) {
    self.init(anchors: hex.map { Color($0) })
  }
}
