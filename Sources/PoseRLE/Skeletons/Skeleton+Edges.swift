extension Skeleton {
  /// A skeleton from the lines that a drawing of it has, as files name them.
  ///
  /// Where these are the names of ``coco17``, ``human17``, ``mpii16`` or ``lsp14``, in that order, it is that
  /// skeleton. Else each connected part hangs on its keypoint with the most lines (the first of
  /// them), and parents are found outwards from there; a line that closes a circle is left out.
  ///
  /// - Parameters:
  ///   - names: of the keypoints.
  ///   - edges: pairs of keypoints that are joined, counted from 0.
  ///   - flipPairs: pairs that swap in a mirror; if nil those whose names differ in nothing but
  ///     left and right (``flipPairs(ofNames:)``).
  /// - Precondition: indices are those of keypoints, and a keypoint is in at most one flip pair.
  public init(names: [String], edges: [[Int]], flipPairs: [[Int]]? = nil) {
    let known = [Skeleton.coco17, .human17, .mpii16, .lsp14].first { $0.names == names }
    if let known, flipPairs.map({ Self.isSame($0, known.flipPairs) }) ?? true {
      self = known
      return
    }
    self.init(
      names: names, parents: Self.parents(count: names.count, edges: edges),
      flipPairs: flipPairs ?? Self.flipPairs(ofNames: names))
  }

  /// Pairs of keypoints whose names differ in nothing but left and right.
  ///
  /// Left and right are those words anywhere in a name, in any case, or l and r set off by an
  /// underscore at its beginning or end.
  public static func flipPairs(ofNames names: [String]) -> [[Int]] {
    let lowercased = names.map { $0.lowercased() }
    var pairs: [[Int]] = []
    var paired: Set<Int> = []
    for (index, name) in lowercased.enumerated() {
      guard let other = mirrored(name), let partner = lowercased.firstIndex(of: other),
        paired.isDisjoint(with: [index, partner]), index != partner
      else { continue }
      paired.formUnion([index, partner])
      pairs.append([min(index, partner), max(index, partner)])
    }
    return pairs.sorted { $0[0] < $1[0] }
  }

  /// The name of the right one for that of the left one; nil where a name has no side or the other.
  private static func mirrored(_ name: String) -> String? {
    if name.contains("left") { return name.replacing("left", with: "right", maxReplacements: 1) }
    if name.hasPrefix("l_") { return "r_" + name.dropFirst(2) }
    if name.hasSuffix("_l") { return String(name.dropLast(2)) + "_r" }
    return nil
  }

  private static func isSame(_ a: [[Int]], _ b: [[Int]]) -> Bool {
    Set(a.map { $0.sorted() }) == Set(b.map { $0.sorted() })
  }

  private static func parents(count: Int, edges: [[Int]]) -> [Int?] {
    var neighbors = [[Int]](repeating: [], count: count)
    for edge in edges {
      precondition(
        edge.count == 2 && edge.allSatisfy(neighbors.indices.contains),
        "an edge joins two of the \(count) keypoints; got \(edge)")
      neighbors[edge[0]].append(edge[1])
      neighbors[edge[1]].append(edge[0])
    }
    var parents = [Int?](repeating: nil, count: count)
    var isReached = [Bool](repeating: false, count: count)
    let roots = (0..<count).sorted {
      (-neighbors[$0].count, $0) < (-neighbors[$1].count, $1)
    }
    for root in roots where !isReached[root] {
      isReached[root] = true
      var (queue, next) = ([root], 0)
      while next < queue.count {
        let joint = queue[next]
        next += 1
        for neighbor in neighbors[joint] where !isReached[neighbor] {
          isReached[neighbor] = true
          parents[neighbor] = joint
          queue.append(neighbor)
        }
      }
    }
    return parents
  }
}
