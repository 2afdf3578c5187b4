/// An sRGB colour with eight bits per component.
public struct Color: Sendable, Hashable {
  /// The red component.
  public var red: UInt8
  /// The green component.
  public var green: UInt8
  /// The blue component.
  public var blue: UInt8

  /// Makes a colour from its three components.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// Makes a colour from a number such as `0x1F77B4`, red first.
  public init(_ hex: UInt32) {
    self.init(
      red: UInt8(hex >> 16 & 0xFF), green: UInt8(hex >> 8 & 0xFF), blue: UInt8(hex & 0xFF))
  }

  /// Pure white.
  public static let white = Color(0xFFFFFF)
  /// Pure black.
  public static let black = Color(0x000000)
  /// The dark grey of text and frames.
  public static let ink = Color(0x2B2F36)
  /// The lighter grey of captions.
  public static let faintInk = Color(0x5C636E)
  /// The pale grey of the lines behind a chart.
  public static let hairline = Color(0xE6E8EC)
  /// The grey of values that are not numbers.
  public static let missing = Color(0xB4B7BC)

  /// Colours that stay apart from each other, also for readers with a colour vision deficiency.
  ///
  /// Series without a colour of their own take them in this order.
  public static let series: [Color] = [
    Color(0x1F6FB4), Color(0xD9541E), Color(0x12866B), Color(0x8A4FA3), Color(0xC08A00),
    Color(0x4B5563), Color(0xC2407C), Color(0x2AA5C4),
  ]
}
