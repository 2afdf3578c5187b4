internal import CImageKernels

/// What a person wears, and the colours of it all.
struct PersonClothes {
  /// The order of `materials`.
  enum Cloth: Int32 {
    case skin, hair, shirt, trousers, shoes, eyes, seat
  }

  static let materialCount: Int32 = 7

  var materials: [scene_material]
  /// Where sleeves end: 0 at the shoulder, 1 at the elbow, 2 at the wrist.
  let sleeves: Double
  /// Where trousers end: 0 at the hip, 1 at the knee, 2 at the ankle.
  let trousers: Double
  /// How much wider than the body the clothes are.
  let shirtWidth: Double
  let trouserWidth: Double
  let hasSkirt: Bool
  /// Share of the head's height from its top, and the length of what hangs behind, in metres.
  let hairLine: Double
  let hairLength: Double
  /// Stripes along the body instead of around it.
  let isUpright: Bool
  let frequency: Double

  init(of body: PersonBody, _ random: inout PersonRandom) {
    let shade = random.uniform()
    let light = SIMD3(0.93, 0.76, 0.65)
    let dark = SIMD3(0.36, 0.23, 0.16)
    let skin = (light + (dark - light) * (shade * shade)) * random.uniform(0.85, 1.08)
    let hairs = [
      SIMD3(0.07, 0.06, 0.05), SIMD3(0.22, 0.14, 0.09), SIMD3(0.42, 0.28, 0.16),
      SIMD3(0.75, 0.60, 0.38), SIMD3(0.62, 0.61, 0.60), SIMD3(0.45, 0.17, 0.08),
    ]
    let hasHat = random.chance(0.15)
    let hair =
      hasHat
      ? Self.color(&random) : hairs[random.index(weights: [0.3, 0.25, 0.2, 0.1, 0.08, 0.05])]
    let shirt = Self.cloth(&random)
    let outfit = random.index(weights: [0.76, 0.15, 0.05, 0.04])
    var below = Self.cloth(&random)
    if outfit != 1 && random.chance(0.7) { below.pattern = Int32(SCENE_PLAIN) }
    let skinned = Self.material(skin, skin, 0, 0, &random)
    var shoes = Self.cloth(&random)
    shoes.pattern = Int32(SCENE_PLAIN)
    if random.chance(0.1) { shoes = skinned }
    let seat = Self.cloth(&random)
    materials = [
      skinned,
      Self.material(hair, hair * 1.2, Int32(SCENE_NOISE), 0.5, &random),
      outfit == 3 ? skinned : shirt,
      outfit == 1 ? shirt : below,
      shoes,
      Self.material(skin * 0.25, skin * 0.25, 0, 0, &random),
      seat,
    ]
    sleeves = [0.0, 0.5, 0.62, 1.3, 1.93][random.index(weights: [0.18, 0.2, 0.25, 0.07, 0.3])]
    // 2 is a swimmer's or gymnast's dress: nothing below the hip.
    trousers =
      outfit == 2
      ? 0 : [0.3, 0.6, 0.9, 1.4, 1.9][random.index(weights: [0.13, 0.17, 0.1, 0.07, 0.53])]
    shirtWidth = random.uniform(1, random.chance(0.3) ? 1.3 : 1.12)
    trouserWidth = random.uniform(1, random.chance(0.3) ? 1.4 : 1.15)
    hasSkirt = outfit < 2 && random.chance(body.isFemale ? 0.18 : 0.01)
    hairLine = hasHat ? 0.3 : random.uniform(0.12, 0.3)
    hairLength =
      body.isFemale && random.chance(0.7)
      ? random.uniform(0.08, 0.35) : (random.chance(0.1) ? 0.12 : 0)
    isUpright = random.chance(0.35)
    frequency = random.uniform(5, 18)
  }

  /// Any colour, greys, dark and saturated ones more often than by chance.
  static func color(_ random: inout PersonRandom) -> SIMD3<Double> {
    let brightness = random.chance(0.2) ? random.uniform(0.04, 0.2) : random.uniform(0.12, 0.97)
    let saturation = random.chance(0.4) ? 0.06 * random.uniform() : random.uniform(0.1, 0.95)
    let hue = random.uniform(0, 6)
    func channel(_ shift: Double) -> Double {
      let place = (hue + shift) - ((hue + shift) / 6).rounded(.down) * 6
      let pure = max(0, min(1, abs(place - 3) - 1))
      return brightness * (1 - saturation * (1 - pure))
    }
    return SIMD3(channel(0), channel(4), channel(2))
  }

  static func cloth(_ random: inout PersonRandom) -> scene_material {
    let first = color(&random)
    let second = random.chance(0.3) ? first * random.uniform(0.4, 0.9) : color(&random)
    let pattern = [SCENE_PLAIN, SCENE_STRIPES, SCENE_CHECKS, SCENE_NOISE][
      random.index(weights: [0.55, 0.18, 0.1, 0.17])]
    var cloth = material(first, second, Int32(pattern), random.uniform(0.2, 0.6), &random)
    cloth.wrinkle = Float(random.uniform(0, 0.5))
    return cloth
  }

  static func material(
    _ color: SIMD3<Double>, _ other: SIMD3<Double>, _ pattern: Int32, _ duty: Double,
    _ random: inout PersonRandom
  ) -> scene_material {
    var material = scene_material()
    material.color = scene_vector(color)
    material.other = scene_vector(other)
    material.pattern = pattern
    material.duty = Float(duty)
    material.seed = random.seed()
    return material
  }
}

extension scene_vector {
  init(_ v: SIMD3<Double>) {
    self.init(x: Float(v.x), y: Float(v.y), z: Float(v.z))
  }
}
