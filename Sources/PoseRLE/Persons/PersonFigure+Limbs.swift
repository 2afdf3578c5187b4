internal import CImageKernels

extension PersonFigure {
  /// The body as rounded cones, dressed; materials are counted from `first`.
  func limbs(_ clothes: PersonClothes, isSeated: Bool, first: Int32 = 0) -> [scene_limb] {
    var painter = LimbPainter(clothes, first: first)
    painter.limbs.reserveCapacity(40)
    trunk(&painter)
    headAndNeck(&painter)
    arm(&painter, upperArms.left, forearms.left, hands.left, .leftUpperArm, .leftForearm, .leftHand)
    arm(
      &painter, upperArms.right, forearms.right, hands.right, .rightUpperArm, .rightForearm,
      .rightHand)
    leg(&painter, thighs.left, shanks.left, feet.left, .leftThigh, .leftShank, .leftFoot)
    leg(&painter, thighs.right, shanks.right, feet.right, .rightThigh, .rightShank, .rightFoot)
    if clothes.hasSkirt { skirt(&painter) }
    if isSeated { seat(&painter) }
    return painter.limbs
  }

  /// A radius from a share of stature.
  private func radius(_ share: Double) -> Double { share * body.stature * body.bulk }

  private func trunk(_ p: inout LimbPainter) {
    let h = body.stature
    let wide = p.clothes.shirtWidth
    let waist = radius(body.isFemale ? 0.066 : 0.076) * wide
    let chest = radius(body.isFemale ? 0.076 : 0.085) * wide
    let hip = radius(body.isFemale ? 0.062 : 0.058)
    p.use(pelvis, .trunk)
    // Trousers begin a little above the hips.
    p.add(
      pelvis.point(-0.040 * h, 0, 0), pelvis.point(0.040 * h, 0, 0), hip, hip, .trousers)
    p.use(thorax, .trunk)
    p.add(
      pelvis.point(0, 0.025 * h, 0), lumbar.point(0, body.lumbar * 0.7, 0), hip * 1.32, waist,
      .trousers, flat: lumbar.z, 0.72, other: .shirt,
      beyond: (lumbar.y, pelvis.point(0, 0.035 * h, 0)))
    p.add(
      lumbar.point(0, body.lumbar * 0.7, 0), thorax.point(0, body.thorax - chest * 0.55, 0), waist,
      chest, .shirt, flat: thorax.z, 0.72)
    // From the neck to the shoulders, and the breast muscles in front of them.
    for side in [-1.0, 1.0] {
      p.add(
        thorax.point(side * 0.02 * h, body.thorax + 0.6 * body.collar, 0),
        thorax.point(side * body.shoulders * 0.9, body.thorax - 0.004 * h, 0),
        radius(0.034), radius(0.031), .shirt)
      p.add(
        thorax.point(side * 0.040 * h, body.thorax - 0.045 * h, 0.028 * h),
        thorax.point(
          side * 0.045 * h, body.thorax - 0.075 * h, (body.isFemale ? 0.040 : 0.026) * h),
        radius(0.034), radius(body.isFemale ? 0.034 : 0.036), .shirt)
    }
  }

  private func headAndNeck(_ p: inout LimbPainter) {
    let h = body.stature
    let size = body.head / 0.155
    p.use(neck, .neck)
    p.add(
      neck.point(0, -0.01 * h, 0), head.point(0, 0.15 * body.head, 0.002 * h), radius(0.031),
      radius(0.029), .skin)
    p.use(head, .head)
    let chin = head.point(0, 0.055 * size, 0.020 * size)
    let skull = head.point(0, 0.75 * body.head - 0.055 * size, -0.003 * size)
    // Hair covers the top and the back, as far as a tilted plane.
    let hairline = normalized(head.y * 0.75 - head.z * 0.66)
    let edge = head.point(0, 0.75 * body.head * (1 - p.clothes.hairLine * 1.1), 0.032 * size)
    p.add(
      chin, skull, 0.040 * size, 0.055 * size, .skin, flat: head.x, 0.86, other: .hair,
      beyond: (hairline, edge))
    for side in [-1.0, 1.0] {
      let eye = head.point(side * 0.018 * size, 0.065 * size, 0.046 * size)
      p.add(eye, eye, 0.0065 * size, 0.0065 * size, .eyes)
    }
    p.add(
      head.point(0, 0.060 * size, 0.050 * size), head.point(0, 0.045 * size, 0.060 * size),
      0.006 * size, 0.008 * size, .skin)
    if p.clothes.hairLength > 0 {
      p.add(
        head.point(0, 0.080 * size, -0.028 * size),
        neck.point(0, 0.05 * h - p.clothes.hairLength, -0.05 * h), 0.046 * size, 0.028 * size,
        .hair)
    }
  }

  private func arm(
    _ p: inout LimbPainter, _ upper: BodyFrame, _ fore: BodyFrame, _ hand: BodyFrame,
    _ upperPart: PersonPart, _ forePart: PersonPart, _ handPart: PersonPart
  ) {
    let wide = p.clothes.sleeves > 0.1 ? p.clothes.shirtWidth : 1
    let loose = p.clothes.sleeves > 1 ? p.clothes.shirtWidth : 1
    p.use(upper, upperPart)
    p.dressed(
      upper.origin, fore.origin, radius(0.031) * wide, radius(0.0225) * loose, .shirt,
      as: p.clothes.sleeves)
    p.use(fore, forePart)
    p.dressed(
      fore.origin, hand.origin, radius(0.0235) * loose, radius(0.0155) * loose, .shirt,
      as: p.clothes.sleeves - 1)
    p.use(hand, handPart)
    p.add(
      hand.origin, hand.point(0, -0.72 * body.hand, 0.01 * body.stature), 0.018 * body.stature,
      0.013 * body.stature, .skin, flat: hand.x, 0.6)
  }

  private func leg(
    _ p: inout LimbPainter, _ thigh: BodyFrame, _ shank: BodyFrame, _ foot: BodyFrame,
    _ thighPart: PersonPart, _ shankPart: PersonPart, _ footPart: PersonPart
  ) {
    let h = body.stature
    let length = p.clothes.trousers
    let wide = length > 0.2 ? 1 + 0.6 * (p.clothes.trouserWidth - 1) : 1
    let loose = length > 1 ? p.clothes.trouserWidth : 1
    p.use(thigh, thighPart)
    p.dressed(
      thigh.point(0, -0.005 * h, 0), shank.origin, radius(0.052) * wide, radius(0.034) * loose,
      .trousers, as: length)
    p.use(shank, shankPart)
    let calf = shank.point(0, -0.28 * body.shank, -0.006 * h)
    p.dressed(
      shank.origin, calf, radius(0.0325) * loose, radius(0.034) * loose, .trousers,
      as: (length - 1) / 0.28)
    p.dressed(
      calf, foot.origin, radius(0.034) * loose, radius(0.0205) * loose * loose, .trousers,
      as: (length - 1.28) / 0.72)
    p.use(foot, footPart)
    p.add(
      foot.point(0, -0.018 * h, -0.15 * body.foot), foot.point(0, -0.026 * h, 0.62 * body.foot),
      0.022 * h, 0.016 * h, .shoes)
  }

  private func skirt(_ p: inout LimbPainter) {
    let share = 0.35 + 0.5 * min(1, p.clothes.trousers)
    let hem =
      (thighs.left.point(0, -share * body.thigh, 0) + thighs.right.point(0, -share * body.thigh, 0))
      * 0.5
    p.use(pelvis, .skirt)
    p.add(pelvis.origin, hem, radius(0.080), radius(0.105) * p.clothes.trouserWidth, .trousers)
  }

  private func seat(_ p: inout LimbPainter) {
    let h = body.stature
    p.use(pelvis, .seat)
    let level = -0.115 * h
    p.add(
      pelvis.point(0, level, -0.06 * h), pelvis.point(0, level, 0.14 * h), 0.15 * h, 0.14 * h,
      .seat, flat: pelvis.y, 0.22)
    for side in [-0.1 * h, 0.1 * h] {
      for z in [-0.12 * h, 0.18 * h] {
        p.add(
          pelvis.point(side, level, z), pelvis.point(side * 1.1, level - 0.24 * h, z), 0.012 * h,
          0.012 * h, .seat)
      }
    }
  }
}

/// Appends limbs with the materials and the pattern's coordinates of the part at hand.
struct LimbPainter {
  let clothes: PersonClothes
  let first: Int32
  var limbs: [scene_limb] = []
  private var frame = BodyFrame(origin: .zero, x: .zero, y: .zero, z: .zero)
  private var part = PersonPart.trunk

  init(_ clothes: PersonClothes, first: Int32) {
    self.clothes = clothes
    self.first = first
  }

  mutating func use(_ frame: BodyFrame, _ part: PersonPart) {
    self.frame = frame
    self.part = first == 0 ? part : .bystander
  }

  /// A rounded cone; `other` from a plane on, given by its normal and a point.
  mutating func add(
    _ a: SIMD3<Double>, _ b: SIMD3<Double>, _ ra: Double, _ rb: Double,
    _ cloth: PersonClothes.Cloth, flat: SIMD3<Double> = SIMD3(1, 0, 0), _ flatness: Double = 1,
    other: PersonClothes.Cloth? = nil,
    beyond plane: (normal: SIMD3<Double>, point: SIMD3<Double>)? = nil
  ) {
    var limb = scene_limb()
    limb.a = scene_vector(a)
    limb.b = scene_vector(b)
    limb.ra = Float(ra)
    limb.rb = Float(rb)
    limb.flat = scene_vector(flat)
    limb.flatness = Float(flatness)
    limb.material = first + cloth.rawValue
    limb.other = first + (other ?? cloth).rawValue
    if let plane {
      limb.split = scene_vector(plane.normal)
      limb.split_at = Float(dot(plane.normal, plane.point))
    }
    let (u, v) = clothes.isUpright ? (frame.x, frame.y) : (frame.y, frame.x)
    let (waveU, waveV) = (u * clothes.frequency, (v + frame.z * 0.6) * clothes.frequency)
    limb.wave_u = scene_vector(waveU)
    limb.wave_v = scene_vector(waveV)
    limb.phase_u = Float(-dot(waveU, frame.origin))
    limb.phase_v = Float(-dot(waveV, frame.origin))
    limb.id = part.rawValue
    limbs.append(limb)
  }

  /// A limb in cloth as far as a share of its length, then bare.
  mutating func dressed(
    _ a: SIMD3<Double>, _ b: SIMD3<Double>, _ ra: Double, _ rb: Double,
    _ cloth: PersonClothes.Cloth, as share: Double
  ) {
    add(
      a, b, ra, rb, share > 0 ? cloth : .skin, other: .skin,
      beyond: (normalized(b - a), a + (b - a) * max(0, min(share, 2))))
  }
}
