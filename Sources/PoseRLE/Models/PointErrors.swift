import Flows

/// The distances of reported joints from their labels, in pixels of the crop.
struct PointErrors {
  /// The distance of each joint `[n · K]`, labelled or not.
  let distances: [Double]
  /// Those that are labelled.
  let places: [Int]
  private let sorted: [Double]
  private let side: Double

  /// Throws ``PoseError`` where nothing is labelled or a prediction is not finite.
  init(
    _ reported: KeypointPositions<Centered, Float>, _ labels: KeypointLabels<Float>, size: CropSize
  ) throws {
    let factors = Tensor<Float>([Float(size.width), Float(size.height)])
    let difference = (reported.values - labels.positions) * factors
    let distances = Tensor<Double>(sqrt(difference.squared().sum(axis: 2))).scalars
    let weights = labels.weights?.scalars
    let places = distances.indices.filter { (weights?[$0] ?? 1) > 0 }
    guard !places.isEmpty else {
      throw PoseError(.invalidData, "expected labelled joints, found none")
    }
    sorted = places.map { distances[$0] }.sorted()
    guard sorted.allSatisfy(\.isFinite) else {
      throw PoseError(.invalidData, "a prediction is not finite")
    }
    self.distances = distances
    self.places = places
    side = Double(Swift.max(size.width, size.height))
  }

  /// The share of labelled joints within a share of the crop's longer side.
  func share(within limit: Double) -> Double {
    Double(sorted.count { $0 < limit * side }) / Double(sorted.count)
  }

  var mean: Double { sorted.reduce(0, +) / Double(sorted.count) }
  var median: Double { sampleQuantile(0.5, of: sorted) }
}
