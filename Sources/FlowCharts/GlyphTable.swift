/// One character of the font as it is written down.
struct GlyphEntry: Sendable {
  var scalar: Unicode.Scalar
  /// The space to the left and right of the shape.
  var left: Double
  var right: Double
  /// The total width, where it must not follow from the shape.
  var advance: Double?
  var path: String

  init(
    _ scalar: Unicode.Scalar, _ left: Double, _ right: Double, _ path: String,
    advance: Double? = nil
  ) {
    self.scalar = scalar
    self.left = left
    self.right = right
    self.advance = advance
    self.path = path
  }
}

/// The shapes of letters; see ``GlyphPath`` for the notation.
enum GlyphTable {
  static let capitals: [GlyphEntry] = [
    .init("A", 5, 5, "M 0 0 L 27 70 L 54 0 M 9 22 L 45 22"),
    .init(
      "B", 11, 8,
      "M 24 37 A 24 18.5 20 18.5 90 -90 L 0 0 L 0 70 L 22 70 A 22 53.5 17 16.5 90 -90 L 0 37"),
    .init("C", 8, 6, "M 51.5 58 A 30 35 30 35 42 318"),
    .init("D", 11, 8, "M 0 0 L 0 70 L 18 70 A 18 35 33 35 90 -90 L 0 0"),
    .init("E", 11, 7, "M 41 70 L 0 70 L 0 0 L 41 0 M 0 36.5 L 36 36.5"),
    .init("F", 11, 5, "M 40 70 L 0 70 L 0 0 M 0 35 L 34 35"),
    .init("G", 8, 10, "A 30 35 30 35 42 270 C 42 0 50 4 56 11 L 56 33 L 34 33"),
    .init("H", 11, 11, "M 0 0 L 0 70 M 49 0 L 49 70 M 0 36.5 L 49 36.5"),
    .init("I", 12, 12, "M 0 0 L 0 70"),
    .init("J", 5, 11, "M 32 70 L 32 20 A 16 20 16 20 0 -165"),
    .init("K", 11, 4, "M 0 0 L 0 70 M 46 70 L 0 25 M 16.5 41.1 L 48 0"),
    .init("L", 11, 4, "M 0 70 L 0 0 L 38 0"),
    .init("M", 11, 11, "M 0 0 L 0 70 L 29 6 L 58 70 L 58 0"),
    .init("N", 11, 11, "M 0 0 L 0 70 L 49 0 L 49 70"),
    .init("O", 8, 8, "A 32 35 32 35 0 360"),
    .init("P", 11, 6, "M 0 0 L 0 70 L 23 70 A 23 50.5 19.5 19.5 90 -90 L 0 31"),
    .init("Q", 8, 8, "A 32 35 32 35 0 360 M 39 17 L 60 -5"),
    .init("R", 11, 6, "M 0 0 L 0 70 L 24 70 A 24 51 19 19 90 -90 L 0 32 M 26 32 L 46 0"),
    .init(
      "S", 8, 8,
      "M 44 56 C 41.5 65 34 70 23.5 70 C 11 70 2.5 63 2.5 53 C 2.5 42.5 11 39.5 24 36 C 38 32.3 46.5 29 46.5 18.5 C 46.5 7 36.5 0 24 0 C 11 0 2.5 5.5 0 15.5"
    ),
    .init("T", 5, 5, "M 0 70 L 48 70 M 24 70 L 24 0"),
    .init("U", 10.5, 10.5, "M 0 70 L 0 24 A 24 24 24 24 180 360 L 48 70"),
    .init("V", 4, 4, "M 0 70 L 26 0 L 52 70"),
    .init("W", 5, 5, "M 0 70 L 19 0 L 38 68 L 57 0 L 76 70"),
    .init("X", 5, 5, "M 1 70 L 48 0 M 0 0 L 47 70"),
    .init("Y", 4, 4, "M 0 70 L 25 34 L 50 70 M 25 34 L 25 0"),
    .init("Z", 7, 7, "M 2 70 L 45 70 L 0 0 L 46 0"),
  ]

  static let smallLetters: [GlyphEntry] = [
    .init(
      "a", 7, 10,
      "M 2 39 C 4.5 46 10 50 17.5 50 C 28 50 33.5 45 33.5 35 L 33.5 0 M 33.5 30 L 17 28.5 C 6 27.5 0 22.5 0 14 C 0 5 6 0 14.5 0 C 25 0 33.5 7 33.5 18"
    ),
    .init("b", 10.5, 8, "M 0 0 L 0 73 M 0 25 A 19 25 19 25 180 540"),
    .init("c", 8, 5, "A 19 25 19 25 45 315"),
    .init("d", 8, 10.5, "M 38 0 L 38 73 M 38 25 A 19 25 19 25 0 360"),
    .init("e", 8, 7, "M 0 26 L 37.5 26 A 18.75 25 18.75 25 3 317"),
    .init("f", 4, 3, "M 26 73 L 22 73 C 13.5 73 9.5 69 9.5 60.5 L 9.5 0 M 0 50 L 24 50"),
    .init(
      "g", 8, 10.5,
      "M 37.5 50 L 37.5 -2 C 37.5 -14 30.5 -20 19 -20 C 11 -20 5 -17.5 2 -12 M 37.5 25 A 18.75 25 18.75 25 0 360"
    ),
    .init("h", 10.5, 10, "M 0 0 L 0 73 M 0 31 C 0 43 8 50 18 50 C 28.5 50 34 44 34 32.5 L 34 0"),
    .init("i", 10.5, 10.5, "M 0 0 L 0 50 D 0 68"),
    .init("j", 4, 10.5, "M 8.5 50 L 8.5 -9 C 8.5 -17 5 -20 -1.5 -20 D 8.5 68"),
    .init("k", 10.5, 4, "M 0 0 L 0 73 M 32 50 L 0 19.5 M 12 30.9 L 34 0"),
    .init("l", 10.5, 5, "M 0 73 L 0 10.5 C 0 3.5 3.5 0 10.5 0"),
    .init(
      "m", 10.5, 10,
      "M 0 0 L 0 50 M 0 32 C 0 43 7.5 50 16.5 50 C 25.5 50 30 44.5 30 34 L 30 0 M 30 32 C 30 43 37.5 50 46.5 50 C 55.5 50 60 44.5 60 34 L 60 0"
    ),
    .init("n", 10.5, 10, "M 0 0 L 0 50 M 0 31 C 0 43 8 50 18 50 C 28.5 50 34 44 34 32.5 L 34 0"),
    .init("o", 8, 8, "A 19.5 25 19.5 25 0 360"),
    .init("p", 10.5, 8, "M 0 50 L 0 -20 M 0 25 A 19 25 19 25 180 540"),
    .init("q", 8, 10.5, "M 38 50 L 38 -20 M 38 25 A 19 25 19 25 0 360"),
    .init("r", 10.5, 3, "M 0 0 L 0 50 M 0 29 C 0 42 7 50 18 50 L 21 50"),
    .init(
      "s", 7, 7,
      "M 31 40 C 29 46.5 23.5 50 16 50 C 7.5 50 2 45.5 2 38.5 C 2 31 8 28.5 16.5 26.2 C 26 23.7 32.5 21 32.5 13.3 C 32.5 5 26 0 17 0 C 8 0 2 4 0 11"
    ),
    .init("t", 4, 5, "M 10 65 L 10 12 C 10 4 13.5 0 21 0 L 24 0 M 0 50 L 24 50"),
    .init("u", 10, 10.5, "M 0 50 L 0 17.5 C 0 6 5.5 0 16 0 C 26 0 34 7 34 19 M 34 50 L 34 0"),
    .init("v", 4.5, 4.5, "M 0 50 L 19 0 L 38 50"),
    .init("w", 5, 5, "M 0 50 L 14.5 0 L 29 48 L 43.5 0 L 58 50"),
    .init("x", 5, 5, "M 0 50 L 35 0 M 0 0 L 35 50"),
    .init("y", 4.5, 4.5, "M 0 50 L 19.5 0.5 M 38.5 50 L 16 -9 C 13 -17 9.5 -20 2 -20"),
    .init("z", 6.5, 6.5, "M 1 50 L 32 50 L 0 0 L 33 0"),
  ]
}
