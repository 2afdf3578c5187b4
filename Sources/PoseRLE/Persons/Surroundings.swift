internal import CImageKernels

/// What is around a person: light, background, things in front, and the camera's faults.
enum Surroundings {
  static func light(_ view: inout scene_view, _ r: inout PersonRandom) {
    // Mostly from above, and from the camera's side more often than from behind the person.
    let direction = normalized(
      SIMD3(r.normal(0, 0.8), -abs(r.normal(0.7, 0.5)) - 0.05, r.normal(-0.45, 0.6)))
    view.light = scene_vector(direction)
    let total = r.uniform(0.85, 1.2)
    view.ambient = Float(r.uniform(0.3, 0.75))
    view.diffuse = Float(total) - view.ambient
  }

  /// Corner colours and noise of the view, and the flat shapes that are drawn upon them.
  static func background(
    _ view: inout scene_view, _ clothes: PersonClothes, _ r: inout PersonRandom
  ) -> [scene_shape] {
    // Mostly pale, and rarely of the brightness of what the person wears.
    var base = ground(&r)
    let worn = brightness(clothes.materials[2]) * Double(view.ambient + 0.5 * view.diffuse)
    if abs(brightness(scene_vector(base)) - worn) < 0.12 { base = ground(&r) }
    let variation = r.uniform(0, 0.16)
    func corner() -> scene_vector {
      scene_vector(base + SIMD3(r.normal(0, 1), r.normal(0, 1), r.normal(0, 1)) * variation)
    }
    view.corner = (corner(), corner(), corner(), corner())
    view.noise_color = scene_vector(
      SIMD3(r.uniform(0.6, 1), r.uniform(0.6, 1), r.uniform(0.6, 1)))
    let busy = r.uniform()
    view.noise = Float(busy * busy * 0.8)
    view.noise_cells = Float(r.uniform(1.5, 8))
    view.persistence = Float(r.uniform(0.45, 0.85))
    view.noise_seed = r.seed()

    // Depth of field: everything behind has the same softness.
    let softness = r.chance(0.4) ? 0 : r.uniform(0.01, 0.09)
    var shapes: [scene_shape] = []
    if r.chance(0.6) {
      // The ground.
      var ground = shape(
        SCENE_BOX, x: 0.5, y: r.uniform(1.3, 1.95), hx: 2, hy: 1, degrees: r.normal(0, 4), &r)
      ground.softness = Float(softness)
      shapes.append(ground)
    }
    let clutter = r.uniform()
    for _ in 0..<Int(clutter * clutter * 16) {
      let size = r.uniform(0.12, 0.6)
      let kind = r.chance(0.65) ? SCENE_BOX : SCENE_ELLIPSE
      var item = shape(
        kind, x: r.uniform(-0.05, 1.05), y: r.uniform(-0.05, 1.05),
        hx: size * size, hy: size * size * r.uniform(0.3, 2.5),
        degrees: r.chance(0.6) ? 0 : r.uniform(0, 180), &r)
      item.softness = Float(softness)
      item.opacity = Float(r.uniform(0.5, 1))
      shapes.append(item)
    }
    for _ in 0..<Int(r.uniform() * r.uniform() * 8) {
      // Poles, branches, edges of walls.
      var line = shape(
        SCENE_BOX, x: r.uniform(0, 1), y: r.uniform(0, 1), hx: r.uniform(0.1, 1),
        hy: 0.004 + 0.02 * r.uniform() * r.uniform(),
        degrees: r.chance(0.5) ? 90 * Double(r.index(2)) + r.normal(0, 3) : r.uniform(0, 180), &r)
      line.softness = Float(softness * 0.5)
      shapes.append(line)
    }
    for _ in 0..<Int(r.uniform() * r.uniform() * 9) {
      // Long and round like limbs, often in the colours of this person.
      var limb = shape(
        SCENE_CAPSULE, x: r.uniform(0, 1), y: r.uniform(0, 1), hx: r.uniform(0.02, 0.14),
        hy: r.uniform(0.012, 0.05), degrees: r.uniform(0, 180), &r)
      if r.chance(0.6) { limb.material = clothes.materials[r.index(4)] }
      limb.shading = Float(r.uniform(0.2, 0.7))
      limb.softness = Float(softness * 0.7)
      shapes.append(limb)
    }
    return shapes
  }

  /// Things in front of a third of the persons, near one of the joints.
  static func occluders(
    near places: [SIMD2<Double>], _ r: inout PersonRandom
  ) -> [scene_shape] {
    guard r.chance(0.33) else { return [] }
    return (0..<(r.chance(0.3) ? 2 : 1)).map { _ in
      let place = places[r.index(places.count)]
      let x = place.x + r.normal(0, 0.05)
      let y = place.y + r.normal(0, 0.05)
      var item: scene_shape
      if r.chance(0.25) {
        item = shape(
          SCENE_BOX, x: x, y: y, hx: r.uniform(0.3, 1), hy: r.uniform(0.008, 0.035),
          degrees: r.uniform(0, 180), &r)
      } else {
        item = shape(
          r.chance(0.55) ? SCENE_BOX : SCENE_ELLIPSE, x: x, y: y, hx: r.uniform(0.04, 0.17),
          hy: r.uniform(0.04, 0.17), degrees: r.chance(0.5) ? r.normal(0, 5) : r.uniform(0, 180),
          &r)
      }
      item.softness = r.chance(0.3) ? Float(r.uniform(0.01, 0.05)) : 0
      return item
    }
  }

  /// Blur, contrast and noise.
  static func lens(_ view: inout scene_view, side: Double, _ r: inout PersonRandom) {
    let pixel = side / 64
    // Up to 1 pixel is no blur.
    view.blur = r.chance(0.35) ? Float(pixel * r.uniform(1.1, 2.2)) : 0
    if r.chance(0.1) {
      let (sine, cosine) = PortableMath.sineAndCosine(r.uniform(0, .pi))
      let length = pixel * r.uniform(1, 4)
      view.motion_x = Float(length * cosine)
      view.motion_y = Float(length * sine)
    }
    view.contrast = Float(r.uniform(0.85, 1.5))
    view.offset = Float(r.normal(0.06, 0.06))
    let grain = r.uniform()
    view.grain = Float(0.002 + 0.03 * grain * grain)
    view.grain_seed = r.seed()
  }

  private static func ground(_ r: inout PersonRandom) -> SIMD3<Double> {
    let color = PersonClothes.color(&r)
    let pale = SIMD3(repeating: (color.x + color.y + color.z) / 3)
    return (color * 0.55 + pale * 0.45) * 0.75 + 0.22 * r.uniform()
  }

  private static func brightness(_ color: scene_vector) -> Double {
    0.299 * Double(color.x) + 0.587 * Double(color.y) + 0.114 * Double(color.z)
  }

  private static func brightness(_ material: scene_material) -> Double {
    brightness(material.color)
  }

  private static func shape(
    _ kind: Int, x: Double, y: Double, hx: Double, hy: Double, degrees: Double,
    _ r: inout PersonRandom
  ) -> scene_shape {
    let (sine, cosine) = PortableMath.sineAndCosine(degrees * (.pi / 180))
    var shape = scene_shape()
    shape.kind = Int32(kind)
    shape.x = Float(x)
    shape.y = Float(y)
    shape.hx = Float(hx)
    shape.hy = Float(hy)
    shape.cosine = Float(cosine)
    shape.sine = Float(sine)
    shape.opacity = 1
    shape.shading = r.chance(0.3) ? Float(r.uniform(0, 0.5)) : 0
    shape.frequency = Float(r.uniform(3, 16))
    shape.material = PersonClothes.cloth(&r)
    return shape
  }
}
