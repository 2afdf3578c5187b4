/// Lengths and radii of a body in metres.
///
/// Lengths are shares of stature after Drillis and Contini (1966), as printed in D. A. Winter,
/// *Biomechanics and Motor Control of Human Movement*, 4th edition, 2009, figure 4.1: hip 0.530,
/// knee 0.285, ankle 0.039, shoulder 0.818 and chin 0.870 above ground, upper arm 0.186, forearm
/// 0.146, hand 0.108, foot 0.152, breadth of shoulders 0.259, of hips 0.191. Each person has factors
/// of its own around them. Radii are those of usual girths. Left and right are equal.
struct PersonBody {
  let isFemale: Bool
  let stature: Double
  /// Girth relative to the usual one.
  let bulk: Double
  let thigh: Double
  let shank: Double
  let foot: Double
  let upperArm: Double
  let forearm: Double
  let hand: Double
  /// From the middle of the hips: to the lumbar joint, from there to the thoracic one, and on to the
  /// height of the shoulders.
  let pelvis: Double
  let lumbar: Double
  let thorax: Double
  /// From the shoulders' height to the base of the neck, and from there to the top of the head.
  let collar: Double
  let head: Double
  /// Half distances between the joints.
  let hips: Double
  let shoulders: Double

  init(_ random: inout PersonRandom) {
    let isFemale = random.chance(0.5)
    let height = isFemale ? random.normal(1.63, 0.065) : random.normal(1.76, 0.07)
    let child = random.chance(0.1)
    // A child's head is larger, its limbs are shorter relative to its height.
    let stature = child ? height * random.uniform(0.62, 0.9) : height
    let legs = random.normal(child ? 0.97 : 1, 0.03)
    let arms = random.normal(child ? 0.97 : 1, 0.03)
    let trunk = random.normal(1, 0.02)
    func length(_ share: Double, _ factor: Double) -> Double {
      share * factor * random.normal(1, 0.015) * stature
    }
    self.isFemale = isFemale
    self.stature = stature
    bulk = max(0.85, random.normal(1.05, 0.1) + (random.chance(0.15) ? 0.2 : 0))
    thigh = length(0.530 - 0.285, legs)
    shank = length(0.285 - 0.039, legs)
    foot = length(0.152, 1)
    upperArm = length(0.186, arms)
    forearm = length(0.146, arms)
    hand = length(0.108, 1)
    pelvis = length(0.075, trunk)
    lumbar = length(0.090, trunk)
    thorax = length(0.123, trunk)
    collar = length(0.027, trunk)
    head = length(0.155, child ? 1.12 : 1)
    hips = length(0.051, isFemale ? 1.04 : 0.98)
    shoulders = length(0.115, isFemale ? 0.94 : 1.03)
  }
}
