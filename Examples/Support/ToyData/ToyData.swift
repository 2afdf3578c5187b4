/// The table of all two-dimensional data sets.
public enum ToyData {
  /// Every data set, in the order in which they are listed to a user.
  public static let all: [any ToyDensity] = [
    NoisyCurve.twoMoons,
    NoisyCircles.circles,
    NoisyCircles.rings,
    GaussianMixture.eightGaussians,
    Pinwheel(),
    Checkerboard(),
    NoisyCurve.twoSpirals,
    NoisyCurve.swissRoll,
    NormalRidge.crescent,
    NormalRidge.sineWave,
    NoisyCircles.fourCircles,
    GaussianGrid.diamond,
  ]

  /// The names of all data sets, in the order of the table.
  public static var names: [String] { all.map { $0.name } }

  /// The data set with a name, or nil when there is none.
  public static func named(_ name: String) -> (any ToyDensity)? {
    all.first { $0.name == name }
  }
}
