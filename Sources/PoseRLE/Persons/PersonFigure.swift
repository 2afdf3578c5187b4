internal import CImageKernels

/// The parts that a body is drawn of; the number is what pixels of the map of parts say.
enum PersonPart: Int32, CaseIterable {
  case trunk = 1
  case neck, head
  case leftUpperArm, rightUpperArm, leftForearm, rightForearm, leftHand, rightHand
  case leftThigh, rightThigh, leftShank, rightShank, leftFoot, rightFoot
  case skirt
  /// What the person sits on.
  case seat
  /// Somebody else.
  case bystander
}

/// A posed body in the camera's coordinates: where its joints are, and the frames of its parts.
struct PersonFigure {
  let body: PersonBody
  let pelvis: BodyFrame
  let lumbar: BodyFrame
  let thorax: BodyFrame
  let neck: BodyFrame
  let head: BodyFrame
  /// At the shoulder, elbow and wrist, y pointing back along the bone.
  let upperArms: BothSides<BodyFrame>
  let forearms: BothSides<BodyFrame>
  let hands: BothSides<BodyFrame>
  /// At the hip, knee and ankle.
  let thighs: BothSides<BodyFrame>
  let shanks: BothSides<BodyFrame>
  let feet: BothSides<BodyFrame>

  /// - Parameters:
  ///   - body: lengths.
  ///   - pose: angles.
  ///   - world: the vertical through the pelvis, in the camera's coordinates.
  init(_ body: PersonBody, _ pose: PersonPose, in world: BodyFrame) {
    self.body = body
    pelvis = world.aboutY(pose.heading).aboutX(pose.lean).aboutZ(-pose.tilt)
    let trunk = pose.trunk
    lumbar = Self.bent(pelvis.moved(0, body.pelvis, 0), trunk, 0.55)
    thorax = Self.bent(lumbar.moved(0, body.lumbar, 0), trunk, 0.45)
    neck = Self.bent(thorax.moved(0, body.thorax + body.collar, 0), pose.neck, 0.5)
    head = Self.bent(neck.moved(0, 0.25 * body.head, 0), pose.neck, 0.5)
    let (l, r) = (pose.arms.left, pose.arms.right)
    upperArms = BothSides(
      left: Self.shoulder(thorax.moved(body.shoulders, body.thorax, 0), l, 1),
      right: Self.shoulder(thorax.moved(-body.shoulders, body.thorax, 0), r, -1))
    forearms = BothSides(
      left: upperArms.left.moved(0, -body.upperArm, 0).aboutX(-l.elbow),
      right: upperArms.right.moved(0, -body.upperArm, 0).aboutX(-r.elbow))
    hands = BothSides(
      left: forearms.left.moved(0, -body.forearm, 0),
      right: forearms.right.moved(0, -body.forearm, 0))
    thighs = BothSides(
      left: Self.hip(pelvis.moved(body.hips, 0, 0), pose.legs.left, 1),
      right: Self.hip(pelvis.moved(-body.hips, 0, 0), pose.legs.right, -1))
    shanks = BothSides(
      left: thighs.left.moved(0, -body.thigh, 0).aboutX(pose.legs.left.knee),
      right: thighs.right.moved(0, -body.thigh, 0).aboutX(pose.legs.right.knee))
    feet = BothSides(
      left: shanks.left.moved(0, -body.shank, 0).aboutX(-pose.legs.left.ankle),
      right: shanks.right.moved(0, -body.shank, 0).aboutX(-pose.legs.right.ankle))
  }

  /// The joints of ``Skeleton/lsp14``.
  var joints: [SIMD3<Double>] {
    [
      feet.right.origin, shanks.right.origin, thighs.right.origin,
      thighs.left.origin, shanks.left.origin, feet.left.origin,
      hands.right.origin, forearms.right.origin, upperArms.right.origin,
      upperArms.left.origin, forearms.left.origin, hands.left.origin,
      neck.origin, head.point(0, 0.75 * body.head, 0),
    ]
  }

  private static func bent(
    _ frame: BodyFrame, _ spine: PersonPose.Spine, _ share: Double
  ) -> BodyFrame {
    frame.aboutY(spine.turn * share).aboutX(spine.flexion * share).aboutZ(-spine.bend * share)
  }

  private static func shoulder(
    _ frame: BodyFrame, _ arm: PersonPose.Arm, _ side: Double
  ) -> BodyFrame {
    frame.aboutX(-arm.flexion).aboutZ(side * arm.abduction).aboutY(-side * arm.turn)
  }

  private static func hip(_ frame: BodyFrame, _ leg: PersonPose.Leg, _ side: Double) -> BodyFrame {
    frame.aboutX(-leg.flexion).aboutZ(side * leg.abduction).aboutY(side * leg.turn)
  }
}
