/// Which columns a coupling passes through unchanged, and which it transforms given those.
public enum CouplingMask: Hashable, Sendable, Codable {
  /// Every other column; an even index passes the odd columns and transforms 0, 2, 4 …
  case alternating(Int)
  /// Halves; an even index passes the second half and transforms the first ⌈D/2⌉ columns.
  case half(Int)
  /// One flag per column: true passes it through.
  case given([Bool])

  /// One flag per column: true passes it through.
  public func passes(dimension: Int) -> [Bool] {
    precondition(
      dimension >= 2,
      "a coupling needs at least 2 columns: one to pass and one to transform; for dimension 1 use "
        + "ActNorm (affine) or another elementwise flow")
    let flags: [Bool]
    switch self {
    case .alternating(let index): flags = (0..<dimension).map { ($0 + index % 2) % 2 != 0 }
    case .half(let index):
      let first = (dimension + 1) / 2
      flags = (0..<dimension).map { ($0 < first) != (index % 2 == 0) }
    case .given(let given): flags = given
    }
    precondition(
      flags.count == dimension, "the mask has \(flags.count) flags for \(dimension) columns")
    precondition(
      flags.contains(true) && flags.contains(false),
      "a coupling mask passes at least one column and transforms at least one; got \(flags)")
    return flags
  }
}

/// The two sets of columns of a coupling, in the form that kernels read.
struct CouplingColumns: Sendable {
  let passed: IndexList
  let transformed: IndexList

  init(_ mask: CouplingMask, dimension: Int) {
    let flags = mask.passes(dimension: dimension)
    passed = IndexList(flags.indices.filter { flags[$0] })
    transformed = IndexList(flags.indices.filter { !flags[$0] })
  }
}
