/// The part of the data plane that a panel shows.
public struct Window: Sendable, Hashable {
  /// The range from left to right.
  public var x: ClosedRange<Double>
  /// The range from bottom to top.
  public var y: ClosedRange<Double>

  /// Makes a window from its two ranges, which must not be empty.
  public init(x: ClosedRange<Double>, y: ClosedRange<Double>) {
    precondition(
      x.lowerBound.isFinite && x.upperBound.isFinite && y.lowerBound.isFinite
        && y.upperBound.isFinite,
      "The edges of a window must be finite.")
    precondition(
      x.upperBound > x.lowerBound && y.upperBound > y.lowerBound,
      "A window must have an extent in both directions.")
    self.x = x
    self.y = y
  }

  /// Makes a square window around the origin.
  public init(halfWidth: Double) {
    self.init(x: -halfWidth...halfWidth, y: -halfWidth...halfWidth)
  }

  /// The extent from left to right.
  public var width: Double { x.upperBound - x.lowerBound }
  /// The extent from bottom to top.
  public var height: Double { y.upperBound - y.lowerBound }

  /// Tells whether a point lies in the window; the upper edges do not belong to it.
  public func contains(x px: Double, y py: Double) -> Bool {
    px >= x.lowerBound && px < x.upperBound && py >= y.lowerBound && py < y.upperBound
  }
}
