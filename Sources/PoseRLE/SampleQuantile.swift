/// The quantile of sorted numbers, interpolated between the two nearest.
func sampleQuantile(_ probability: Double, of sorted: [Double]) -> Double {
  let place = probability * Double(sorted.count - 1)
  let index = min(Int(place), max(0, sorted.count - 2))
  let upper = sorted[min(index + 1, sorted.count - 1)]
  return sorted[index] + (place - Double(index)) * (upper - sorted[index])
}
