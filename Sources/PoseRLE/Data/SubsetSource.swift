import Flows

/// Some samples of another source, in an order of one's own.
public struct SubsetSource: KeypointSource {
  /// The whole source.
  public let base: any KeypointSource
  /// For each sample its index in the whole source.
  public let indices: [Int]
  /// Differs from that of the whole source, and between subsets.
  public let fingerprint: UInt64

  /// The samples of given indices; an index may come more than once.
  ///
  /// - Precondition: indices are those of samples of `base`.
  public init(_ base: any KeypointSource, indices: [Int]) {
    precondition(
      indices.allSatisfy { (0..<base.count).contains($0) },
      "a subset has the samples 0 ..< \(base.count) of its source")
    self.base = base
    self.indices = indices
    var fingerprint = Fingerprint()
    fingerprint.mix(base.fingerprint)
    for index in indices { fingerprint.mix(index) }
    self.fingerprint = fingerprint.value
  }

  /// The keypoints of every pose.
  public var skeleton: Skeleton { base.skeleton }
  /// The number of samples.
  public var count: Int { indices.count }
  /// As the whole source.
  public var channels: Int { base.channels }
  /// As the whole source.
  public var boxPadding: Double { base.boxPadding }

  /// The sample of an index in `0 ..< count`.
  public func sample(_ index: Int) throws -> KeypointSample { try base.sample(indices[index]) }
}

extension KeypointSource {
  /// Divides the samples at random into some to train on and some that are held out.
  ///
  /// Frames of one video, or people in one image, resemble each other: give their groups, and each
  /// group stays together. Groups are held out until their samples are `share` of all; where there
  /// are two groups or more and `share` is neither 0 nor 1, both parts have one at least. The result
  /// depends on nothing but the arguments; samples keep their order.
  ///
  /// - Parameters:
  ///   - share: of the samples to be held out, 0 … 1.
  ///   - groups: for each sample the number of its group; nil where each stands for itself.
  ///   - seed: of the random choice.
  public func divided(
    holdingOut share: Double, groups: [Int]? = nil, seed: UInt64 = 0
  ) -> (training: SubsetSource, heldOut: SubsetSource) {
    precondition((0...1).contains(share), "a share is within 0 … 1; got \(share)")
    let groups = groups ?? Array(0..<count)
    precondition(
      groups.count == count, "every sample has a group; got \(groups.count) for \(count) samples")
    var sizes: [Int: Int] = [:]
    for group in groups { sizes[group, default: 0] += 1 }
    var generator = PhiloxGenerator(seed: seed)
    let order = sizes.keys.sorted().map { (key: generator.next(), group: $0) }
      .sorted { ($0.key, $0.group) < ($1.key, $1.group) }
    let wanted = share * Double(count)
    var heldOut: Set<Int> = []
    var taken = 0
    for (_, group) in order {
      let isLast = heldOut.count == order.count - 1
      if Double(taken) >= wanted || (isLast && share < 1 && order.count > 1) { break }
      heldOut.insert(group)
      taken += sizes[group] ?? 0
    }
    let (kept, held) = (
      groups.indices.filter { !heldOut.contains(groups[$0]) },
      groups.indices.filter { heldOut.contains(groups[$0]) }
    )
    return (SubsetSource(self, indices: kept), SubsetSource(self, indices: held))
  }
}
