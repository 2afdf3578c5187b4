/// How the values of all heat maps of a figure become colours: linearly, from zero upwards.
public struct ColorScale: Sendable {
  /// The colours from zero to the maximum.
  public var map: ColorMap
  /// What the values are; it stands next to the colour bar.
  public var label: String
  /// The value of the last colour; none means that it follows from the data.
  public var maximum: Double?
  /// The share of values that a maximum from the data must cover, in the grid that needs most.
  ///
  /// A little less than 1 keeps single spikes from darkening everything else.
  public var quantile: Double

  /// Makes a colour scale.
  public init(
    map: ColorMap = .magma, label: String = "", maximum: Double? = nil, quantile: Double = 1
  ) {
    precondition(
      maximum.map { $0 > 0 && $0.isFinite } ?? true,
      "The maximum of a colour scale must be positive and finite.")
    precondition(quantile > 0 && quantile <= 1, "A quantile must lie between 0 and 1.")
    self.map = map
    self.label = label
    self.maximum = maximum
    self.quantile = quantile
  }

  /// Gives the value of the last colour for these grids.
  func resolvedMaximum(for grids: [Grid]) -> Double {
    if let maximum { return maximum }
    let needed = grids.compactMap { $0.quantile(quantile) }.max() ?? 0
    // With so few positive values that the quantile is zero, the greatest one must do.
    if needed > 0 { return needed }
    let greatest = grids.compactMap { $0.quantile(1) }.max() ?? 0
    return greatest > 0 ? greatest : 1
  }
}
