import Flows

extension DerivativeTable {
  mutating func addReductions() {
    let a = sample([3, 4, 5])
    let matrix = sample([6, 9], salt: 1)
    let long = sample([2_500], salt: 2)
    let empty = sample([0, 3])

    add("sum()", a) { $0[0].sum() }
    add("sum(), long", long) { $0[0].sum() }
    add("sum(), empty", empty) { $0[0].sum() }
    add("sum(axes: [])", matrix) { $0[0].sum(axes: []) }
    add("sum(axes: [0, 2])", a) { $0[0].sum(axes: [0, 2]) }
    add("sum(axes: [0, 2]), kept", a) { $0[0].sum(axes: [0, 2], keepingAxes: true) }
    add("sum(axes: [1, -1])", a) { $0[0].sum(axes: [1, -1]) }
    add("sum(axis: 0)", matrix) { $0[0].sum(axis: 0) }
    add("sum(axis: 1)", matrix) { $0[0].sum(axis: 1) }
    add("sum(axis: -2), kept", a) { $0[0].sum(axis: -2, keepingAxis: true) }
    add("mean()", a) { $0[0].mean() }
    add("mean(axes: [0, 1])", a) { $0[0].mean(axes: [0, 1]) }
    add("mean(axis: -1), kept", matrix) { $0[0].mean(axis: -1, keepingAxis: true) }
    add("variance(axis: 0)", matrix) { $0[0].variance(axis: 0) }
    add("variance(axis: 1), kept", a) { $0[0].variance(axis: 1, keepingAxis: true) }
    add("max(axis: 0)", matrix) { $0[0].max(axis: 0) }
    add("max(axis: 1)", a) { $0[0].max(axis: 1) }
    add("max(axis: -1), kept", a) { $0[0].max(axis: -1, keepingAxis: true) }
    add("min(axis: 0), kept", matrix) { $0[0].min(axis: 0, keepingAxis: true) }
    add("min(axis: 1)", a) { $0[0].min(axis: 1) }
    add("logSumExp(axis: 0)", matrix) { $0[0].logSumExp(axis: 0) }
    add("logSumExp(axis: -1), kept", a) { $0[0].logSumExp(axis: -1, keepingAxis: true) }
    add("logSumExp, far from 0", matrix) { ($0[0] * 10 + 500).logSumExp(axis: 1) }
  }
}
