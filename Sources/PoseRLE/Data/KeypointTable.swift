import Flows

/// The labels of all samples of a data set, checked.
struct KeypointTable: Sendable {
  /// No image that can be read is larger; a label beyond it, on either side, is a mistake.
  static let largestCoordinate = 1_000_000.0

  let joints: Int
  /// Row after row; (0, 0) where a joint is not labelled.
  private(set) var positions: [SIMD2<Double>] = []
  /// Row after row.
  private(set) var visibility: [KeypointSample.Visibility] = []
  /// Labels that were not finite and count as unlabelled.
  private(set) var notFinite: [Int] = []

  init(joints: Int) { self.joints = joints }

  func range(_ row: Int) -> Range<Int> { row * joints..<(row + 1) * joints }

  /// Adds one joint; joints of a row follow each other.
  mutating func append(_ position: SIMD2<Double>, _ visibility: KeypointSample.Visibility) {
    let isFinite = position.x.isFinite && position.y.isFinite
    if visibility != .unlabelled, !isFinite { notFinite.append(positions.count) }
    let isLabelled = visibility != .unlabelled && isFinite
    positions.append(isLabelled ? position : .zero)
    self.visibility.append(isLabelled ? visibility : .unlabelled)
  }

  /// The labels of an array `[n, joints, 3]` of x, y and visibility, or `[n, joints, 2]`.
  ///
  /// - Throws: ``PoseError`` with the row and the joint.
  init(
    _ array: Tensor<Double>, rows: Int, scale: SIMD2<Double>,
    visibility coding: PackedKeypointDataset.VisibilityCoding
  ) throws {
    let shape = array.shape
    guard array.rank == 3, shape[0] == rows, shape[1] > 0, shape[2] == 2 || shape[2] == 3 else {
      throw PoseError(
        .invalidData,
        "expected the shape [\(rows), joints, 3] (x, y, visibility of \(rows) images) or "
          + "[\(rows), joints, 2], found \(shape)")
    }
    self.init(joints: shape[1])
    positions.reserveCapacity(rows * joints)
    visibility.reserveCapacity(rows * joints)
    let values = array.scalars
    let hasVisibility = shape[2] == 3
    let isBinary =
      switch coding {
      case .coco: false
      case .labelled: hasVisibility
      case .automatic:
        hasVisibility
          && !stride(from: 2, to: values.count, by: 3).contains { values[$0] == 2 }
      }
    for index in 0..<rows * joints {
      func problem(_ message: String) -> PoseError {
        let (row, joint) = index.quotientAndRemainder(dividingBy: joints)
        return PoseError(.invalidData, message, path: "row \(row), joint \(joint)")
      }
      let start = index * shape[2]
      let (x, y) = (values[start], values[start + 1])
      var level = hasVisibility ? values[start + 2] : 2
      // A visibility that is no number says as little of its joint as a position that is none.
      let isNumber = !level.isNaN
      if !isNumber || (isBinary && level == 1) { level = 2 }
      guard let known = KeypointSample.Visibility(level), !(isBinary && values[start + 2] == 2)
      else {
        throw problem(
          "expected the visibility 0\(isBinary ? " or 1" : ", 1 or 2"), found \(values[start + 2])")
      }
      let position = SIMD2(isNumber ? x : .nan, y)
      if known != .unlabelled, position.x.isFinite, position.y.isFinite {
        guard x.magnitude <= Self.largestCoordinate, y.magnitude <= Self.largestCoordinate else {
          throw problem(
            "expected a position from -1000000 to 1000000 pixels, found (\(x), \(y))")
        }
      }
      append(position * scale, known)
    }
  }
}

extension KeypointSample.Visibility {
  /// The visibility of one of the numbers 0, 1, 2.
  init?(_ number: Double) {
    guard let byte = UInt8(exactly: number) else { return nil }
    self.init(rawValue: byte)
  }
}
