/// Joint angles of a body in degrees, 0 where it stands upright with hanging arms.
struct PersonPose: Equatable {
  /// Of the trunk or the neck.
  struct Spine: Equatable {
    /// Forward.
    var flexion = 0.0
    /// To the left.
    var bend = 0.0
    /// To the left.
    var turn = 0.0
  }

  /// Of one arm.
  struct Arm: Equatable {
    /// Upper arm forward and up.
    var flexion = 0.0
    /// Away from the body.
    var abduction = 0.0
    /// About the upper arm's axis, inwards.
    var turn = 0.0
    var elbow = 0.0
  }

  /// Of one leg.
  struct Leg: Equatable {
    /// Thigh forward and up.
    var flexion = 0.0
    /// Away from the other leg.
    var abduction = 0.0
    /// About the thigh's axis, outwards.
    var turn = 0.0
    var knee = 0.0
    /// Toes up.
    var ankle = 0.0
  }

  var trunk = Spine()
  var neck = Spine()
  var arms = BothSides(left: Arm(), right: Arm())
  var legs = BothSides(left: Leg(), right: Leg())
  /// The whole body: about the vertical, forward, and to the left.
  var heading = 0.0
  var lean = 0.0
  var tilt = 0.0
  /// Of the pelvis above ground, in metres.
  var height = 0.9
  var isSeated = false

  /// Left and right exchanged.
  var mirrored: PersonPose {
    var pose = self
    pose.arms = BothSides(left: arms.right, right: arms.left)
    pose.legs = BothSides(left: legs.right, right: legs.left)
    pose.trunk.bend = -trunk.bend
    pose.trunk.turn = -trunk.turn
    pose.neck.bend = -neck.bend
    pose.neck.turn = -neck.turn
    pose.tilt = -tilt
    return pose
  }

  /// Every angle within its limits.
  var limited: PersonPose {
    var pose = self
    pose.trunk = JointLimits.trunk(trunk)
    pose.neck = JointLimits.neck(neck)
    pose.arms.change { $0 = JointLimits.arm($0) }
    pose.legs.change { $0 = JointLimits.leg($0) }
    return pose
  }
}

/// A left and a right one.
struct BothSides<Part> {
  var left: Part
  var right: Part

  /// Changes the left one, then the right one.
  mutating func change(_ change: (inout Part) -> Void) {
    change(&left)
    change(&right)
  }
}

extension BothSides: Equatable where Part: Equatable {}

/// Ranges of motion of healthy adults, in degrees.
///
/// American Academy of Orthopaedic Surgeons, *Joint Motion: Method of Measuring and Recording*,
/// 1965; the extremes of hip, shoulder and elbow are cut by some degrees.
enum JointLimits {
  static let trunkFlexion = -25.0...80.0
  static let trunkBend = -35.0...35.0
  static let trunkTurn = -45.0...45.0
  static let neckFlexion = -45.0...45.0
  static let neckBend = -40.0...40.0
  static let neckTurn = -60.0...60.0
  static let shoulderFlexion = -60.0...178.0
  static let shoulderAbduction = -30.0...100.0
  static let shoulderTurn = -80.0...70.0
  static let elbow = 0.0...145.0
  static let hipFlexion = -28.0...120.0
  static let hipAbduction = -22.0...45.0
  static let hipTurn = -40.0...45.0
  static let knee = 0.0...135.0
  static let ankle = -50.0...20.0

  static func trunk(_ spine: PersonPose.Spine) -> PersonPose.Spine {
    PersonPose.Spine(
      flexion: clamp(spine.flexion, trunkFlexion), bend: clamp(spine.bend, trunkBend),
      turn: clamp(spine.turn, trunkTurn))
  }

  static func neck(_ spine: PersonPose.Spine) -> PersonPose.Spine {
    PersonPose.Spine(
      flexion: clamp(spine.flexion, neckFlexion), bend: clamp(spine.bend, neckBend),
      turn: clamp(spine.turn, neckTurn))
  }

  static func arm(_ arm: PersonPose.Arm) -> PersonPose.Arm {
    let flexion = clamp(arm.flexion, shoulderFlexion)
    // An arm crosses the body only in front of it, or above.
    let free = max(0, min(1, (flexion - 15) / 45))
    let least = 2 + (shoulderAbduction.lowerBound - 2) * free
    return PersonPose.Arm(
      flexion: flexion, abduction: clamp(arm.abduction, least...shoulderAbduction.upperBound),
      turn: clamp(arm.turn, shoulderTurn), elbow: clamp(arm.elbow, elbow))
  }

  static func leg(_ leg: PersonPose.Leg) -> PersonPose.Leg {
    PersonPose.Leg(
      flexion: clamp(leg.flexion, hipFlexion), abduction: clamp(leg.abduction, hipAbduction),
      turn: clamp(leg.turn, hipTurn), knee: clamp(leg.knee, knee), ankle: clamp(leg.ankle, ankle))
  }

  private static func clamp(_ x: Double, _ range: ClosedRange<Double>) -> Double {
    min(max(x, range.lowerBound), range.upperBound)
  }
}
