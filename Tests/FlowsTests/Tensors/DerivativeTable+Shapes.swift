import Flows

extension DerivativeTable {
  mutating func addShapes() {
    let a = sample([3, 4, 5])
    let matrix = sample([6, 4], salt: 1)
    let wide = sample([2, 4], salt: 2)
    let high = sample([3, 2], salt: 3)
    let six = sample([2, 1, 3, 2, 1, 2], salt: 4)
    let unit = sample([3, 1, 4], salt: 5)

    add("reshaped", a) { $0[0].reshaped(to: [6, -1]) }
    add("flattened", a) { $0[0].flattened() }
    add("expanded(axis: 0)", matrix) { $0[0].expanded(axis: 0) }
    add("expanded(axis: -1)", matrix) { $0[0].expanded(axis: -1) }
    add("squeezed", unit) { $0[0].squeezed(axis: 1) }
    add("broadcast", unit) { $0[0].broadcast(to: [2, 3, 5, 4]) }
    add("broadcast to the same", matrix) { $0[0].broadcast(to: [6, 4]) }
    add("permuted [2, 0, 1]", a) { $0[0].permuted([2, 0, 1]) }
    add("permuted [0, 2, 1]", a) { $0[0].permuted([0, 2, 1]) }
    add("permuted, six axes", six) { $0[0].permuted([5, 2, 0, 4, 3, 1]) }
    add("transposed", matrix) { $0[0].transposed() }
    add("slice, axis 0", a) { $0[0].slice(1..<3, axis: 0) }
    add("slice, axis 1", a) { $0[0].slice(1..<3, axis: 1) }
    add("slice, axis 2", a) { $0[0].slice(2..<5, axis: 2) }
    add("slice, empty", a) { $0[0].slice(2..<2, axis: 1) }
    add("rows 2..<5", matrix) { $0[0][rows: 2..<5] }
    add("overlapping slices", matrix) { $0[0][rows: 0..<4] * $0[0][rows: 2..<6] }
    add("gathering, axis 0, repeats", a) { $0[0].gathering([2, 0, 0, 2, 2], axis: 0) }
    add("gathering, axis 1, repeats", a) { $0[0].gathering([3, 3, 1], axis: 1) }
    add("gathering, last axis", a) { $0[0].gathering([4, 1], axis: -1) }
    add("gathering nothing", a) { $0[0].gathering([], axis: 1) }
    add("rows", matrix) { $0[0].rows([5, 5, 0]) }
    add("columns", matrix) { $0[0].columns([3, 1, 3]) }
    add("scattering, axis 0", matrix) { $0[0].scattering([2, 0, 2, 7, 1, 0], axis: 0, count: 8) }
    add("scattering, axis 1", a) { $0[0].scattering([1, 1, 0, 5], axis: 1, count: 6) }
    add("concatenated, axis 0", matrix, wide) { .concatenated([$0[0], $0[1]]) }
    add("concatenated, axis 1", high, unit) {
      .concatenated([$0[0], $0[1].squeezed(axis: 1), $0[0]], axis: 1)
    }
    add("concatenated, last axis", a) { .concatenated([$0[0], $0[0].squared()], axis: -1) }
    add("stacked, axis 0", wide) { .stacked([$0[0], exp($0[0])]) }
    add("stacked, axis 1", matrix) { .stacked([$0[0], $0[0].squared(), $0[0]], axis: 1) }
    add("stacked, last axis", high) { .stacked([$0[0], $0[0] * 3], axis: -1) }
    add("a view and its source", matrix) { $0[0].squared().flattened() * $0[0].flattened() }
  }
}
