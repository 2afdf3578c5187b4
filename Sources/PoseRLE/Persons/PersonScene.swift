internal import CImageKernels
import Flows

/// Everything that one picture shows, ready to be drawn.
struct PersonScene {
  let action: PersonAction
  let body: PersonBody
  let pose: PersonPose
  let figure: PersonFigure
  /// Whether the chest's forward direction points away from the camera.
  let facesAway: Bool
  /// Joints in pixels of the picture.
  let keypoints: [SIMD2<Double>]
  /// The height that the body has standing at the pelvis' distance, in pixels.
  let stature: Double
  private(set) var view: scene_view
  private(set) var limbs: [scene_limb]
  private(set) var materials: [scene_material]
  private(set) var behind: [scene_shape]
  private(set) var front: [scene_shape]

  /// Radii around joints as shares of stature, in the order of ``Skeleton/lsp14``: how far above a
  /// joint its own skin may be, for the neck that of the chest, for the head's top the forehead.
  static let jointRadii = [
    0.024, 0.036, 0.072, 0.072, 0.036, 0.024, 0.018, 0.026, 0.036, 0.036, 0.026, 0.018, 0.075,
    0.050,
  ]

  /// - Parameters:
  ///   - root: the sample's generator; each part of the scene has a fork of its own, so that a
  ///     change in one moves no other.
  ///   - side: of the picture in pixels.
  ///   - channels: 1 or 3.
  init(_ root: PhiloxGenerator, side: Int, channels: Int) {
    var bodies = PersonRandom(root.forked(0))
    var poses = PersonRandom(root.forked(1))
    var cameras = PersonRandom(root.forked(2))
    var clothing = PersonRandom(root.forked(3))
    var bystanders = PersonRandom(root.forked(4))
    var surroundings = PersonRandom(root.forked(5))
    var occluders = PersonRandom(root.forked(6))
    var lens = PersonRandom(root.forked(7))

    body = PersonBody(&bodies)
    action = PersonAction.drawn(&poses)
    pose = action.pose(of: body, &poses)
    let world = PersonCamera.world(around: pose.height, &cameras)
    figure = PersonFigure(body, pose, in: world)
    facesAway = dot(figure.thorax.z, normalized(figure.thorax.origin)) > 0.3

    let joints = figure.joints
    let frame = PersonCamera.crop(around: joints, &cameras)
    let scale = Double(side)
    keypoints = joints.map { joint in
      let place = SIMD2(joint.x / joint.z, joint.y / joint.z)
      return ((place - frame.center) / frame.extent + 0.5) * scale
    }
    stature = body.stature / figure.pelvis.origin.z / frame.extent * scale

    let clothes = PersonClothes(of: body, &clothing)
    materials = clothes.materials
    limbs = figure.limbs(clothes, isSeated: pose.isSeated)
    if bystanders.chance(0.13) {
      let other = PersonBody(&bystanders)
      let otherPose = PersonAction.drawn(&bystanders).pose(of: other, &bystanders)
      var place = world
      // To a side and farther away.
      place.origin += world.x * (bystanders.sign() * bystanders.uniform(0.35, 1.3))
      place.origin.z += bystanders.uniform(0.5, 4)
      let otherClothes = PersonClothes(of: other, &bystanders)
      materials += otherClothes.materials
      limbs += PersonFigure(other, otherPose, in: place)
        .limbs(otherClothes, isSeated: otherPose.isSeated, first: PersonClothes.materialCount)
    }

    view = scene_view()
    view.side = Int32(side)
    view.channels = Int32(channels)
    view.center_x = Float(frame.center.x)
    view.center_y = Float(frame.center.y)
    view.extent = Float(frame.extent)
    Surroundings.light(&view, &surroundings)
    behind = Surroundings.background(&view, clothes, &surroundings)
    front = Surroundings.occluders(near: keypoints.map { $0 / scale }, &occluders)
    Surroundings.lens(&view, side: scale, &lens)
  }

  /// Without what stands in front.
  mutating func removeOccluders() {
    front = []
  }

  /// Draws the picture.
  ///
  /// - Parameter parts: receives for each of [2 side, 2 side] rays the part it hits, 0 for none.
  func drawn(parts: UnsafeMutablePointer<UInt8>? = nil) -> (
    image: PixelImage, visibility: [KeypointSample.Visibility]
  ) {
    let margins = Self.jointRadii.map { 1.25 * $0 * body.stature * max(1, body.bulk) + 0.012 }
    var joints = zip(keypoints, zip(figure.joints, margins)).map { place, rest in
      scene_joint(
        x: Float(place.x), y: Float(place.y), depth: Float(rest.0.z), margin: Float(rest.1),
        visible: 0, seen: 0)
    }
    let (side, channels) = (Int(view.side), Int(view.channels))
    let size = side * side * channels
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var view = view
      failed =
        scene_render(
          &view, materials, limbs, Int32(limbs.count), behind, Int32(behind.count), front,
          Int32(front.count), &joints, Int32(joints.count), buffer.baseAddress, parts) != 0
      count = size
    }
    precondition(!failed, "there is no memory for a picture of \(side) × \(side) pixels")
    return (
      PixelImage(width: side, height: side, channels: channels, bytes: bytes),
      joints.map { $0.visible != 0 ? .visible : .hidden }
    )
  }
}

/// Where the camera stands, and which part of its picture is kept.
enum PersonCamera {
  /// The vertical through a person's pelvis as a camera sees it: 2.5 … 8 m away, 0.3 … 3 m high,
  /// pointed at the person up to an offset within a field of view of 30 … 65°, rolled by a few
  /// degrees.
  static func world(around height: Double, _ random: inout PersonRandom) -> BodyFrame {
    let distance = random.uniform(2.5, 8)
    let level = max(0.3, min(3, random.normal(1.4, 0.5)))
    // tan of half the field of view.
    let reach = random.uniform(0.27, 0.64) * distance * 0.6
    let camera = SIMD3(0, level, distance)
    let target = SIMD3(
      reach * random.uniform(-1, 1), height + 0.1 + 0.6 * reach * random.uniform(-1, 1), 0)
    let roll = random.normal(0, 4)
    let forward = normalized(target - camera)
    let level1 = normalized(cross(forward, SIMD3(0, 1, 0)))
    let level2 = cross(forward, level1)
    let (sine, cosine) = PortableMath.sineAndCosine(roll * (.pi / 180))
    let right = level1 * cosine + level2 * sine
    let down = level2 * cosine - level1 * sine
    func seen(_ v: SIMD3<Double>) -> SIMD3<Double> {
      SIMD3(dot(v, right), dot(v, down), dot(v, forward))
    }
    return BodyFrame(
      origin: seen(SIMD3(0, height, 0) - camera), x: seen(SIMD3(1, 0, 0)),
      y: seen(SIMD3(0, 1, 0)), z: seen(SIMD3(0, 0, 1)))
  }

  /// A square around the joints on the plane of depth 1: 1.4 times their longer side, times 0.9 …
  /// 1.15, shifted by a few per cent; one in eight is smaller and cuts the person.
  static func crop(
    around joints: [SIMD3<Double>], _ random: inout PersonRandom
  ) -> (center: SIMD2<Double>, extent: Double) {
    var low = SIMD2(repeating: Double.infinity)
    var high = -low
    for joint in joints {
      let place = SIMD2(joint.x / joint.z, joint.y / joint.z)
      low = SIMD2(min(low.x, place.x), min(low.y, place.y))
      high = SIMD2(max(high.x, place.x), max(high.y, place.y))
    }
    let cuts = random.chance(0.12)
    let factor = cuts ? random.uniform(0.55, 0.85) : random.uniform(0.9, 1.15)
    let extent = 1.4 * max(high.x - low.x, high.y - low.y) * factor
    let shift = cuts ? 0.15 : 0.035
    let center = SIMD2(
      (low.x + high.x) * 0.5 + extent * random.normal(0, shift),
      (low.y + high.y) * 0.5 + extent * random.normal(0, shift))
    return (center, extent)
  }
}
