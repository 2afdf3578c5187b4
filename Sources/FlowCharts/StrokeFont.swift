/// The built-in font: centre lines of strokes, which can be drawn at any size and thickness.
///
/// Lengths are in font units; a capital letter is 70 units tall, a small x 50.
enum StrokeFont {
  static let capHeight = 70.0

  /// The shape of a character, or an empty box if the font does not hold it.
  static func glyph(_ scalar: Unicode.Scalar) -> Glyph { glyphs[scalar] ?? box }

  /// The correction of the space between two characters, in font units.
  static func kerning(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Double {
    guard let left = kerningClass[first] else { return 0 }
    switch (left, second) {
    case ("T", "a"), ("T", "c"), ("T", "e"), ("T", "o"), ("T", "s"), ("T", "g"), ("T", "d"),
      ("T", "q"):
      return -7
    case ("T", "r"), ("T", "n"), ("T", "m"), ("T", "p"), ("T", "u"): return -5
    case ("T", "A"), ("A", "T"), ("A", "V"), ("A", "W"), ("A", "Y"), ("L", "T"), ("L", "Y"),
      ("L", "V"), ("V", "A"):
      return -8
    case ("V", "a"), ("V", "e"), ("V", "o"), ("V", "s"), ("V", "u"): return -4
    case ("T", "."), ("T", ","), ("V", "."), ("V", ","), ("P", "."), ("P", ","), ("r", "."),
      ("r", ","):
      return -8
    case ("r", "a"), ("r", "c"), ("r", "d"), ("r", "e"), ("r", "o"), ("r", "g"), ("r", "q"):
      return -2.5
    case ("f", "a"), ("f", "e"), ("f", "o"): return -2
    default: return 0
    }
  }

  /// Characters that sit alike to the left of others.
  private static let kerningClass: [Unicode.Scalar: Character] = [
    "T": "T", "F": "P", "P": "P", "V": "V", "W": "V", "Y": "V", "A": "A", "L": "L", "r": "r",
    "f": "f", "v": "r", "w": "r", "y": "r",
  ]

  private static let box = GlyphPath.glyph(
    "M 0 0 L 0 70 L 38 70 L 38 0 L 0 0", left: 9, right: 9, advance: nil)

  private static let glyphs: [Unicode.Scalar: Glyph] = {
    var result: [Unicode.Scalar: Glyph] = [:]
    for entry in GlyphTable.capitals + GlyphTable.smallLetters + GlyphTable.digits
      + GlyphTable.punctuation + GlyphTable.mathematics
    {
      result[entry.scalar] = GlyphPath.glyph(
        entry.path, left: entry.left + 1, right: entry.right + 1, advance: entry.advance)
    }
    for (raised, factor, pairs) in [
      (30.0, 0.64, zip("0123456789\u{2212}+".unicodeScalars, "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺".unicodeScalars)),
      (-14.0, 0.64, zip("0123456789\u{2212}+".unicodeScalars, "₀₁₂₃₄₅₆₇₈₉₋₊".unicodeScalars)),
    ] {
      for (full, small) in pairs {
        result[small] = result[full]?.reduced(by: factor, raised: raised)
      }
    }
    return result
  }()
}
