/// Bytes as text in the alphabet of RFC 4648, section 4.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Writes bytes in base64, padded to a multiple of four characters.
  public static func encoded(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let present = min(3, bytes.count - index)
      var word = UInt32(bytes[index]) << 16
      if present > 1 { word |= UInt32(bytes[index + 1]) << 8 }
      if present > 2 { word |= UInt32(bytes[index + 2]) }
      for place in 0..<4 {
        let digit = Int(word >> (18 - 6 * UInt32(place)) & 63)
        result.append(place <= present ? alphabet[digit] : UInt8(ascii: "="))
      }
      index += 3
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Makes the address of a PNG file that carries the file itself.
  public static func address(ofPNG file: [UInt8]) -> String {
    "data:image/png;base64," + encoded(file)
  }
}
