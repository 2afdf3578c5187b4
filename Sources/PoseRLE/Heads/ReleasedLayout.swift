/// The names under which published models of RLE keep their head and flow.
///
/// | layout | head | flow |
/// | --- | --- | --- |
/// | ``released2D`` | `fc_coord.linear`, `fc_sigma.linear` | `flow.` |
/// | ``released3D`` | `fc_coord.linear`, `fc_sigma` | `flow2d.`, `flow3d.` |
/// | ``mmpose`` | `head.fc` | `head.loss_module.flow_model.` |
/// | ``mmposeLegacy`` | `keypoint_head.fc` | `keypoint_head.loss.flow_model.` |
///
/// Layers have a `weight` [outputs, features] and a `bias` [outputs]. Outputs are joint by joint:
/// x, y or x, y, z in the first two; x, y, r_x, r_y in one layer in the last two.
public enum ReleasedLayout: String, Hashable, Sendable, Codable, CaseIterable {
  /// The code released with the paper, joints in the image plane.
  case released2D
  /// The code released with the paper, joints in space; depth is in units of 2000 mm.
  case released3D
  /// mmpose 1.x.
  case mmpose
  /// mmpose 0.x.
  case mmposeLegacy

  /// D of the head.
  public var dimension: Int { self == .released3D ? 3 : 2 }

  /// Whether coordinates see features divided by their norm.
  public var normalizesFeatures: Bool { self == .released2D || self == .released3D }

  /// The convention of the coordinates: ``Centered`` or ``CornerOrigin``.
  public var frame: any NormalizedFrame.Type {
    normalizesFeatures ? Centered.self : CornerOrigin.self
  }

  /// The layers of the head: the second is nil where the first has the outputs of both.
  var layers: (coordinates: String, scales: String?) {
    switch self {
    case .released2D: ("fc_coord.linear", "fc_sigma.linear")
    case .released3D: ("fc_coord.linear", "fc_sigma")
    case .mmpose: ("head.fc", nil)
    case .mmposeLegacy: ("keypoint_head.fc", nil)
    }
  }

  /// What stands before the names of the flows.
  var flows: (planar: String, spatial: String?) {
    switch self {
    case .released2D: ("flow.", nil)
    case .released3D: ("flow2d.", "flow3d.")
    case .mmpose: ("head.loss_module.flow_model.", nil)
    case .mmposeLegacy: ("keypoint_head.loss.flow_model.", nil)
    }
  }

  /// The arrays by which the layout is told from the others.
  var marks: [String] {
    [layers.coordinates, layers.scales].compactMap { $0.map { $0 + ".weight" } }
  }

  /// The one layout whose marks a file has.
  static func found(in names: Set<String>) throws -> ReleasedLayout {
    let found = allCases.filter { $0.marks.allSatisfy(names.contains) }
    if let only = found.first, found.count == 1 { return only }
    if found.count > 1 {
      throw PoseError(
        .modelMismatch,
        "the layout is not unique: the arrays of \(listed(found.map(\.rawValue), " and ")) are "
          + "there; say which is meant")
    }
    let tried = allCases.map { layout in
      let missing = layout.marks.filter { !names.contains($0) }
      return "\(layout.rawValue) (no \(listed(missing, ", ")))"
    }
    let sorted = names.sorted()
    let others = sorted.isEmpty ? "no arrays" : listed(Array(sorted.prefix(6)), ", ")
    throw PoseError(
      .modelMismatch,
      "no known layout of a head: tried \(listed(tried, ", ")); found \(others)"
        + (sorted.count > 6 ? " and \(sorted.count - 6) more" : ""))
  }
}

private func listed(_ texts: [String], _ separator: String) -> String {
  texts.joined(separator: separator)
}
