import Flows

extension DerivativeTable {
  mutating func addArithmetic() {
    let a = sample([3, 4])
    let b = clearOfZero([3, 4], salt: 1)
    let row = clearOfZero([4], salt: 2)
    let column = clearOfZero([3, 1], salt: 3)
    let scalar = clearOfZero([], salt: 4)
    let positive = sample([3, 4], in: 0.3..<2, salt: 5)
    let cube = sample([2, 1, 4], salt: 6)
    let other = clearOfZero([5, 1], salt: 7)
    let empty = sample([0, 4])

    add("a + b", a, b) { $0[0] + $0[1] }
    add("a + row", a, row) { $0[0] + $0[1] }
    add("column + row", column, row) { $0[0] + $0[1] }
    add("a + scalar tensor", a, scalar) { $0[0] + $0[1] }
    add("cube + other", cube, other) { $0[0] + $0[1] }
    add("empty + row", empty, row) { $0[0] + $0[1] }
    add("a + a", a) { $0[0] + $0[0] }
    add("a - b", a, b) { $0[0] - $0[1] }
    add("row - a", row, a) { $0[0] - $0[1] }
    add("column - row", column, row) { $0[0] - $0[1] }
    add("a * b", a, b) { $0[0] * $0[1] }
    add("a * column", a, column) { $0[0] * $0[1] }
    add("cube * other", cube, other) { $0[0] * $0[1] }
    add("scalar tensor * a", scalar, a) { $0[0] * $0[1] }
    add("a * a", a) { $0[0] * $0[0] }
    add("a / b", a, b) { $0[0] / $0[1] }
    add("a / row", a, row) { $0[0] / $0[1] }
    add("row / column", row, column) { $0[0] / $0[1] }
    add("cube / other", cube, other) { $0[0] / $0[1] }
    add("b / b", b) { $0[0] / $0[0] }
    add("maximum", a, b) { .maximum($0[0], $0[1]) }
    add("maximum, broadcast", a, row) { .maximum($0[0], $0[1]) }
    add("minimum", a, b) { .minimum($0[0], $0[1]) }
    add("minimum, broadcast", column, row) { .minimum($0[0], $0[1]) }
    add("power(a, b)", positive, b) { .power($0[0], $0[1]) }
    add("power(a, b), broadcast", positive, row) { .power($0[0], $0[1]) }

    add("a + s", a) { $0[0] + 1.25 }
    add("s + a", a) { 1.25 + $0[0] }
    add("a - s", a) { $0[0] - 1.25 }
    add("s - a", a) { 1.25 - $0[0] }
    add("a * s", a) { $0[0] * -1.25 }
    add("s * a", a) { -1.25 * $0[0] }
    add("a / s", a) { $0[0] / -1.25 }
    add("s / a", b) { -1.25 / $0[0] }
    add("-a", a) { -$0[0] }
    add("+=, -=, *=, /=", a, b) { inputs in
      var x = inputs[0]
      x += inputs[1]
      x *= inputs[1]
      x -= inputs[0]
      x /= inputs[1]
      return x
    }

    let mask = Tensor<S>([[1, 0, 0, 1], [0, 1, 1, 1], [0, 0, 0, 0]])
    let line = Tensor<S>([1, 0, 0, 1])
    add("select", a, b) { .select(where: mask, $0[0], else: $0[1]) }
    add("select, broadcast", a, row) { .select(where: mask, $0[1], else: $0[0]) }
    add("select, mask broadcast", a, column) { .select(where: line, $0[0], else: $0[1]) }
    add("select, one tensor twice", a) { .select(where: line, $0[0], else: $0[0].squared()) }
  }
}
