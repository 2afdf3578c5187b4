/// How batches of poses are cut into tiles.
///
/// What a tile costs is set by its joints, each a row of the flow. Tiles of one batch are about equal,
/// so that two workers finish together.
enum KeypointTiles {
  /// Poses of a tile: about 128 joints in small batches, which must still feed several workers, and
  /// about 256 in large ones.
  static func poses(batch: Int, joints: Int) -> Int {
    let rows = batch * joints
    let tileRows = rows >= 1_024 ? 256 : 128
    let tiles = Swift.max(1, (rows + tileRows / 2) / tileRows)
    return Swift.max(1, (batch + tiles - 1) / tiles)
  }
}
