/// A place and three axes at right angles: x to the person's left, y up, z forward.
struct BodyFrame {
  var origin: SIMD3<Double>
  var x: SIMD3<Double>
  var y: SIMD3<Double>
  var z: SIMD3<Double>

  /// A point given in this frame.
  func point(_ px: Double, _ py: Double, _ pz: Double) -> SIMD3<Double> {
    origin + x * px + y * py + z * pz
  }

  /// This frame at a point given in it.
  func moved(_ px: Double, _ py: Double, _ pz: Double) -> BodyFrame {
    BodyFrame(origin: point(px, py, pz), x: x, y: y, z: z)
  }

  /// Turned about its x axis, from y towards z.
  func aboutX(_ degrees: Double) -> BodyFrame {
    let (s, c) = Self.sineAndCosine(degrees)
    return BodyFrame(origin: origin, x: x, y: y * c + z * s, z: z * c - y * s)
  }

  /// Turned about its y axis, from z towards x.
  func aboutY(_ degrees: Double) -> BodyFrame {
    let (s, c) = Self.sineAndCosine(degrees)
    return BodyFrame(origin: origin, x: x * c - z * s, y: y, z: z * c + x * s)
  }

  /// Turned about its z axis, from x towards y.
  func aboutZ(_ degrees: Double) -> BodyFrame {
    let (s, c) = Self.sineAndCosine(degrees)
    return BodyFrame(origin: origin, x: x * c + y * s, y: y * c - x * s, z: z)
  }

  private static func sineAndCosine(_ degrees: Double) -> (sine: Double, cosine: Double) {
    PortableMath.sineAndCosine(degrees * (.pi / 180))
  }
}

/// Sums in a stated order: a library's reduction of a vector may choose another on another machine.
func dot(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> Double { (a.x * b.x + a.y * b.y) + a.z * b.z }

func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
  SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
}

func normalized(_ a: SIMD3<Double>) -> SIMD3<Double> { a / dot(a, a).squareRoot() }
