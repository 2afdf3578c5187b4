/// What a generated person does.
public enum PersonAction: String, Sendable, Hashable, Codable, CaseIterable {
  /// Upright with both feet on the ground.
  case standing
  /// A phase of a step.
  case walking
  /// A phase of a longer step, elbows bent.
  case running
  /// An arm or both stretched out, also downwards.
  case reaching
  /// Thighs forward, with or without a seat.
  case sitting
  /// In the air: tucked, spread, or with legs apart in step.
  case jumping
  /// The body turned in any direction, limbs anywhere.
  case falling

  /// How often an action is drawn.
  var share: Double {
    switch self {
    case .standing: 0.12
    case .walking: 0.15
    case .running: 0.18
    case .reaching: 0.16
    case .sitting: 0.12
    case .jumping: 0.15
    case .falling: 0.12
    }
  }

  static func drawn(_ random: inout PersonRandom) -> PersonAction {
    allCases[random.index(weights: allCases.map(\.share))]
  }

  /// A pose of this action, each joint disturbed, within the limits.
  func pose(of body: PersonBody, _ random: inout PersonRandom) -> PersonPose {
    var pose = PersonPose()
    pose.height = 0.53 * body.stature
    switch self {
    case .standing: Self.stand(&pose, &random)
    case .walking: Self.stride(&pose, runs: false, &random)
    case .running: Self.stride(&pose, runs: true, &random)
    case .reaching: Self.reach(&pose, &random)
    case .sitting: Self.sit(&pose, body, &random)
    case .jumping: Self.jump(&pose, &random)
    case .falling: Self.fall(&pose, &random)
    }
    if random.chance(0.5) { pose = pose.mirrored }
    Self.disturb(&pose, &random)
    pose.heading = random.uniform(0, 360)
    return pose.limited
  }

  private static func stand(_ pose: inout PersonPose, _ r: inout PersonRandom) {
    let spread = r.uniform(0, 16)
    let bend = r.chance(0.2) ? r.uniform(10, 50) : 3
    pose.legs.left = leg(flexion: bend, abduction: spread, turn: 8, knee: 1.8 * bend)
    pose.legs.right = leg(flexion: bend, abduction: spread, turn: 8, knee: 1.8 * bend)
    if r.chance(0.3) {
      pose.legs.left = leg(flexion: 15, abduction: spread, turn: 15, knee: 25)
    }
    pose.arms.left = arm(&r)
    pose.arms.right = r.chance(0.5) ? pose.arms.left : arm(&r)
    pose.trunk.flexion = r.normal(3, 6)
    pose.neck = gaze(&r)
  }

  /// Hips follow a cosine of the phase, the knee bends while its thigh swings forward, arms swing
  /// against the legs.
  private static func stride(_ pose: inout PersonPose, runs: Bool, _ r: inout PersonRandom) {
    let phase = r.uniform(0, 2 * .pi)
    let amplitude = r.uniform(0.6, 1.3)
    let swing = (runs ? 42 : 25) * amplitude
    let lift = (runs ? 95 : 55) * min(amplitude, 1.15)
    func side(_ phase: Double) -> (PersonPose.Leg, PersonPose.Arm) {
      let (sine, cosine) = PortableMath.sineAndCosine(phase)
      let back = max(0, -PortableMath.sineAndCosine(phase + (runs ? 0.2 : 0.4)).sine)
      let leg = PersonPose.Leg(
        flexion: (runs ? 22 : 6) + swing * cosine, abduction: runs ? 0 : 2, turn: 4,
        knee: (runs ? 18 : 6) + lift * back * back + (runs ? 10 : 8) * max(0, sine),
        ankle: -18 * max(0, -cosine) * amplitude)
      let arm = PersonPose.Arm(
        flexion: (runs ? 0 : 4) - (runs ? 45 : 24) * amplitude * cosine,
        abduction: runs ? 14 : 7, turn: runs ? 25 : 12,
        elbow: runs ? 88 - 15 * cosine : 16 - 14 * cosine)
      return (leg, arm)
    }
    (pose.legs.left, pose.arms.left) = side(phase)
    (pose.legs.right, pose.arms.right) = side(phase + .pi)
    let cosine = PortableMath.sineAndCosine(phase).cosine
    pose.trunk = PersonPose.Spine(
      flexion: runs ? r.uniform(0, 15) : r.uniform(-2, 7), bend: 0,
      turn: (runs ? 16 : 8) * amplitude * cosine)
    pose.lean = runs ? r.uniform(0, 15) : r.uniform(-2, 4)
    pose.neck = gaze(&r)
    if r.chance(0.15) { pose.arms.right = arm(&r) }
  }

  private static func reach(_ pose: inout PersonPose, _ r: inout PersonRandom) {
    let low = r.uniform() * r.uniform()
    pose.trunk = PersonPose.Spine(
      flexion: 75 * low * r.uniform(0.4, 1), bend: r.normal(0, 12), turn: r.normal(0, 15))
    let crouch = low * r.uniform(0, 110)
    pose.legs.change {
      $0 = leg(
        flexion: crouch * 0.9 + 40 * low, abduction: r.uniform(0, 22), turn: r.uniform(0, 20),
        knee: crouch * 1.2)
    }
    if r.chance(0.35) {
      // A lunge.
      pose.legs.left.flexion = r.uniform(40, 85)
      pose.legs.left.knee = r.uniform(30, 90)
      pose.legs.right.flexion = r.uniform(-20, 5)
      pose.legs.right.knee = r.uniform(5, 50)
    }
    pose.arms.left = PersonPose.Arm(
      flexion: r.uniform(30, 178), abduction: r.uniform(-10, 80), turn: r.uniform(-30, 40),
      elbow: r.uniform(0, 60))
    pose.arms.right =
      r.chance(0.4)
      ? PersonPose.Arm(
        flexion: pose.arms.left.flexion + r.normal(0, 15),
        abduction: pose.arms.left.abduction + r.normal(0, 10), turn: pose.arms.left.turn,
        elbow: r.uniform(0, 60)) : arm(&r)
    pose.lean = low * r.uniform(0, 35)
    pose.neck = gaze(&r)
    pose.neck.flexion -= 0.3 * pose.trunk.flexion
  }

  private static func sit(
    _ pose: inout PersonPose, _ body: PersonBody, _ r: inout PersonRandom
  ) {
    let onGround = r.chance(0.3)
    let spread = r.uniform(0, 25)
    let knee = onGround ? r.uniform(20, 130) : r.uniform(65, 110)
    let flexion = onGround ? 60 + 0.4 * knee : r.uniform(75, 100)
    pose.legs.left = leg(flexion: flexion, abduction: spread, turn: r.uniform(0, 30), knee: knee)
    pose.legs.right = pose.legs.left
    if r.chance(0.4) {
      pose.legs.right.knee = onGround ? r.uniform(0, 130) : r.uniform(20, 120)
      pose.legs.right.turn = r.uniform(-10, 45)
    }
    pose.trunk.flexion = r.uniform(-5, 40)
    pose.lean = -r.uniform(-5, 25)
    pose.arms.change {
      $0 =
        r.chance(0.6)
        ? PersonPose.Arm(
          flexion: r.uniform(10, 55), abduction: r.uniform(0, 20), turn: r.uniform(10, 50),
          elbow: r.uniform(40, 95)) : arm(&r)
    }
    pose.neck = gaze(&r)
    pose.height = (onGround ? 0.09 : 0.29) * body.stature
    pose.isSeated = !onGround && r.chance(0.75)
  }

  private static func jump(_ pose: inout PersonPose, _ r: inout PersonRandom) {
    pose.height += r.uniform(0.05, 0.7)
    switch r.index(4) {
    case 0:
      let tuck = r.uniform(0, 115)
      let leg = Self.leg(
        flexion: tuck, abduction: r.uniform(0, 20), turn: 5, knee: tuck * r.uniform(0.5, 1.2))
      pose.legs = BothSides(left: leg, right: leg)
      pose.trunk.flexion = tuck * 0.25
    case 1:
      let spread = r.uniform(15, 45)
      let leg = Self.leg(
        flexion: r.uniform(-10, 40), abduction: spread, turn: 10, knee: r.uniform(0, 40))
      pose.legs = BothSides(left: leg, right: leg)
    case 2:
      pose.legs.left = leg(
        flexion: r.uniform(40, 110), abduction: 5, turn: 5, knee: r.uniform(0, 100))
      pose.legs.right = leg(
        flexion: r.uniform(-28, 10), abduction: 5, turn: 5, knee: r.uniform(0, 90))
      pose.trunk.flexion = r.uniform(-10, 25)
    default:
      let leg = Self.leg(
        flexion: r.uniform(-25, 5), abduction: r.uniform(0, 15), turn: 5, knee: r.uniform(5, 110))
      pose.legs = BothSides(left: leg, right: leg)
      pose.trunk.flexion = -r.uniform(0, 22)
    }
    pose.arms.left = raised(&r)
    pose.arms.right = r.chance(0.6) ? pose.arms.left : raised(&r)
    pose.lean = r.normal(0, 14)
    pose.tilt = r.normal(0, 10)
    pose.neck = gaze(&r)
  }

  private static func fall(_ pose: inout PersonPose, _ r: inout PersonRandom) {
    pose.height = r.uniform(0.15, 1.3)
    pose.lean = r.sign() * r.uniform(20, 180)
    pose.tilt = r.sign() * r.uniform(0, 90)
    pose.trunk = PersonPose.Spine(
      flexion: r.uniform(-22, 55), bend: r.normal(0, 12), turn: r.normal(0, 15))
    pose.neck = gaze(&r)
    pose.arms = BothSides(left: any(&r), right: any(&r))
    pose.legs.change {
      $0 = leg(
        flexion: r.uniform(-20, 110), abduction: r.uniform(-5, 40), turn: r.uniform(-15, 35),
        knee: r.uniform(0, 120))
    }
  }

  // MARK: - Parts

  private static func leg(
    flexion: Double, abduction: Double, turn: Double, knee: Double
  ) -> PersonPose.Leg {
    // The foot stays level where the ankle allows it.
    PersonPose.Leg(
      flexion: flexion, abduction: abduction, turn: turn, knee: knee,
      ankle: max(-35, min(15, 0.5 * (knee - flexion))))
  }

  private static func gaze(_ r: inout PersonRandom) -> PersonPose.Spine {
    PersonPose.Spine(flexion: r.normal(3, 13), bend: r.normal(0, 8), turn: r.normal(0, 24))
  }

  private static func arm(_ r: inout PersonRandom) -> PersonPose.Arm {
    switch r.index(weights: [0.35, 0.15, 0.15, 0.15, 0.2]) {
    case 0:
      PersonPose.Arm(
        flexion: r.uniform(-8, 12), abduction: r.uniform(4, 16), turn: 10, elbow: r.uniform(3, 35))
    case 1: PersonPose.Arm(flexion: -12, abduction: 46, turn: 68, elbow: r.uniform(95, 120))
    case 2: PersonPose.Arm(flexion: 35, abduction: 0, turn: 62, elbow: r.uniform(85, 115))
    case 3: raised(&r)
    default: any(&r)
    }
  }

  private static func raised(_ r: inout PersonRandom) -> PersonPose.Arm {
    PersonPose.Arm(
      flexion: r.uniform(20, 175), abduction: r.uniform(10, 95), turn: r.uniform(-60, 20),
      elbow: r.uniform(0, 90))
  }

  private static func any(_ r: inout PersonRandom) -> PersonPose.Arm {
    PersonPose.Arm(
      flexion: r.uniform(-50, 175), abduction: r.uniform(-15, 95), turn: r.uniform(-70, 60),
      elbow: r.uniform(0, 135))
  }

  private static func disturb(_ pose: inout PersonPose, _ r: inout PersonRandom) {
    pose.trunk.flexion += r.normal(0, 5)
    pose.trunk.bend += r.normal(0, 5)
    pose.trunk.turn += r.normal(0, 6)
    pose.arms.change {
      $0.flexion += r.normal(0, 9)
      $0.abduction += r.normal(0, 7)
      $0.turn += r.normal(0, 14)
      $0.elbow += r.normal(0, 12)
    }
    pose.legs.change {
      $0.flexion += r.normal(0, 6)
      $0.abduction += r.normal(0, 4)
      $0.turn += r.normal(0, 8)
      $0.knee += r.normal(0, 7)
      $0.ankle += r.normal(0, 8)
    }
    pose.lean += r.normal(0, 4)
    pose.tilt += r.normal(0, 4)
  }
}
