/// What is taken out of a pose before it is compared with its target.
public enum PoseAlignment: Hashable, Sendable {
  /// Nothing.
  case none

  /// The position of one joint: it becomes the origin of both poses.
  case root(Int)

  /// The size: the predicted pose is scaled by ⟨g, p⟩ / ⟨p, p⟩ about the origin, so that positions
  /// should be relative to a root (N-MPJPE).
  case scale

  /// Position, orientation and size: the similarity transform without reflection that brings the
  /// predicted pose nearest to its target in squared distance (Procrustes; PA-MPJPE).
  ///
  /// With both poses centred and Kᵀ = Σ g pᵀ = U S Vᵀ, the rotation is R = U diag(1, …, ±1) Vᵀ of
  /// determinant 1 and the scale tr(R K) / Σ ‖p‖². A pose of which all joints coincide is moved
  /// only.
  ///
  /// Source: Umeyama, PAMI 1991.
  case similarity

  var root: Int? {
    if case .root(let joint) = self { joint } else { nil }
  }

  /// Both poses in the frame in which they are compared.
  func align(
    _ predicted: [[Double]], _ target: [[Double]], root: Int?
  ) -> (predicted: [[Double]], target: [[Double]]) {
    guard !predicted.isEmpty else { return (predicted, target) }
    switch self {
    case .none:
      return (predicted, target)
    case .root:
      guard let root else { return (predicted, target) }
      return (
        Self.moved(predicted, by: predicted[root]), Self.moved(target, by: target[root])
      )
    case .scale:
      let (product, square) = (Self.product(predicted, target), Self.product(predicted, predicted))
      let scale = square > 0 ? product / square : 1
      return (predicted.map { $0.map { $0 * scale } }, target)
    case .similarity:
      let p = Self.moved(predicted, by: Self.centre(predicted))
      let g = Self.moved(target, by: Self.centre(target))
      let square = Self.product(p, p)
      guard square > 0 else { return (p, g) }
      let dimension = p[0].count
      var covariance = [[Double]](
        repeating: Array(repeating: 0, count: dimension), count: dimension)
      for (p, g) in zip(p, g) {
        for i in 0..<dimension {
          for j in 0..<dimension { covariance[i][j] += g[i] * p[j] }
        }
      }
      let rotation = SingularValues(covariance).nearestRotation
      let rotated = p.map { point in
        rotation.map { row in zip(row, point).reduce(0) { $0 + $1.0 * $1.1 } }
      }
      let scale = Self.product(rotated, g) / square
      return (rotated.map { $0.map { $0 * scale } }, g)
    }
  }

  /// The Euclidean distance of two points.
  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  private static func product(_ a: [[Double]], _ b: [[Double]]) -> Double {
    zip(a, b).reduce(0) { $0 + zip($1.0, $1.1).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  private static func moved(_ points: [[Double]], by origin: [Double]) -> [[Double]] {
    points.map { zip($0, origin).map { $0 - $1 } }
  }

  private static func centre(_ points: [[Double]]) -> [Double] {
    points[0].indices.map { axis in
      points.reduce(0) { $0 + $1[axis] } / Double(points.count)
    }
  }
}
