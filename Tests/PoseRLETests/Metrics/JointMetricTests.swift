import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Errors of joints")
struct JointMetricTests {
  struct Alignment: Decodable {
    let kind: String
    let dimension: Int
    let p: [[Double]]
    let g: [[Double]]
    let plain: [Double]
    let root: [Double]
    let scale: [Double]
    let similarity: [Double]
  }

  struct PCK: Decodable {
    struct Row: Decodable {
      let limit: Double
      let joints: [Double]
      let mean: Double
    }
    let predicted: [[[Double]]]
    let target: [[[Double]]]
    let visible: [[Double]]
    let boxes: [[Double]]
    let counts: [Int]
    let expected: [Row]
    let area: Double
  }

  struct Reference: Decodable {
    let alignment: [Alignment]
    let pck: PCK
  }

  static let reference = Result {
    try MetricsFixture.decoded("metrics_expected.json", as: Reference.self)
  }

  @Test("distances equal NumPy's after every alignment")
  func alignments() throws {
    for item in try Self.reference.get().alignment {
      let expected: [(PoseAlignment, [Double])] = [
        (.none, item.plain), (.root(0), item.root), (.scale, item.scale),
        (.similarity, item.similarity),
      ]
      let size = item.g.joined().map(\.magnitude).max() ?? 1
      for (alignment, values) in expected {
        let table = try JointTable(
          distancesOf: Tensor(poses: [item.p]), to: Tensor(poses: [item.g]), aligned: alignment)
        let error = zip(table.values, values).map { abs($0 - $1) }.max() ?? .nan
        #expect(
          error <= 1e-12 * size + 1e-12 * (values.max() ?? 0),
          "\(item.kind), \(item.dimension)-D, \(alignment): \(error)")
        let mean = values.reduce(0, +) / Double(values.count)
        #expect(abs(table.mean - mean) <= 1e-12 * (size + mean))
      }
    }
  }

  @Test("a similarity transform is taken out, a reflection is not", arguments: [2, 3])
  func invariance(dimension: Int) throws {
    var generator = PhiloxGenerator(seed: 7)
    let target = Tensor<Double>.normal([20, 9, dimension], using: &generator)
    var turned = target
    turned.withMutableScalars { values in
      for point in stride(from: 0, to: values.count, by: dimension) {
        let (x, y) = (values[point], values[point + 1])
        values[point] = 3 * (0.6 * x - 0.8 * y) + 5
        values[point + 1] = 3 * (0.8 * x + 0.6 * y) - 2
        if dimension == 3 { values[point + 2] *= 3 }
      }
    }
    let same = try JointTable(distancesOf: turned, to: target, aligned: .similarity)
    #expect(same.values.allSatisfy { $0 < 1e-12 })
    var mirrored = target
    mirrored.withMutableScalars { values in
      for point in stride(from: 0, to: values.count, by: dimension) { values[point].negate() }
    }
    let other = try JointTable(distancesOf: mirrored, to: target, aligned: .similarity)
    #expect(other.mean > 0.1)
  }

  @Test("degenerate poses have finite errors", arguments: [2, 3])
  func degenerate(dimension: Int) throws {
    var generator = PhiloxGenerator(seed: 8)
    let target = Tensor<Double>.normal([1, 6, dimension], using: &generator)
    let point = Tensor<Double>.ones([1, 6, dimension])
    for alignment in [PoseAlignment.none, .root(0), .scale, .similarity] {
      for (p, g) in [(point, target), (target, point), (point, point)] {
        let table = try JointTable(distancesOf: p, to: g, aligned: alignment)
        #expect(table.values.allSatisfy { $0.isFinite })
      }
    }
    // A point can only be moved to the centre; a target that is a point is met exactly.
    let centred = try JointTable(distancesOf: point, to: target, aligned: .similarity)
    let centre = (0..<dimension).map { axis in
      (0..<6).reduce(0) { $0 + target[0, $1, axis] } / 6
    }
    for joint in 0..<6 {
      let square = (0..<dimension).reduce(0.0) {
        $0 + (target[0, joint, $1] - centre[$1]) * (target[0, joint, $1] - centre[$1])
      }
      #expect(abs(centred.values[joint] - square.squareRoot()) < 1e-12)
    }
    #expect(
      try JointTable(distancesOf: target, to: point, aligned: .similarity).mean < 1e-12)
  }

  @Test("joints without weight take no part")
  func weights() throws {
    var generator = PhiloxGenerator(seed: 9)
    let target = Tensor<Double>.normal([3, 8, 3], using: &generator)
    let predicted = target + Tensor<Double>.normal([3, 8, 3], using: &generator) * 0.1
    var hidden = target
    hidden.withMutableScalars { $0[3 * 5] = .nan }
    var weights = Tensor<Double>.ones([3, 8])
    weights.withMutableScalars { $0[5] = 0 }
    for alignment in [PoseAlignment.none, .root(0), .scale, .similarity] {
      let table = try JointTable(
        distancesOf: predicted, to: hidden, weights: weights, aligned: alignment)
      #expect(table.mean.isFinite)
      #expect(table.joints.map(\.count) == [3, 3, 3, 3, 3, 2, 3, 3])
    }
    #expect(throws: PoseError(.invalidData, "is not finite", path: "target[0, 5, 0]")) {
      try JointTable(distancesOf: predicted, to: hidden)
    }
    #expect(throws: PoseError.self) {
      try JointTable(distancesOf: predicted, to: hidden, weights: weights, aligned: .root(5))
    }
    let unseen = try JointTable(distancesOf: predicted, to: target, weights: weights * 0)
    #expect(unseen.mean.isNaN && unseen.poseMeans == [nil, nil, nil])
  }

  @Test("PCKh equals HRNet's formula")
  func headSizes() throws {
    let item = try Self.reference.get().pck
    let weights = Tensor(item.visible)
    let table = try JointTable(
      distancesOf: Tensor(poses: item.predicted), to: Tensor(poses: item.target), weights: weights,
      in: try JointTable.headSizes(ofBoxes: item.boxes))
    for row in item.expected {
      let hits = table.within(row.limit)
      #expect(hits.joints.map(\.count) == item.counts)
      #expect(zip(hits.joints, row.joints).allSatisfy { abs($0.mean - $1) < 1e-12 })
      #expect(abs(hits.excluding([6, 7]).mean - row.mean) < 1e-12)
    }
    let limits = (0...10).map { 0.05 * Double($0) }
    #expect(abs(table.excluding([6, 7]).areaUnderCurve(at: limits) - item.area) < 1e-12)
  }

  @Test("a distance on the threshold is a hit, and sizes must be lengths")
  func borders() throws {
    let target = Tensor<Double>.zeros([1, 2, 2])
    let predicted = Tensor(poses: [[[3.0, 4], [3, 4.001]]])
    let table = try JointTable(distancesOf: predicted, to: target, in: [10])
    #expect(table.within(0.5).values == [1, 0])
    for unit in [0, -1, .nan, .infinity] {
      let error = #expect(throws: PoseError.self) {
        try JointTable(distancesOf: predicted, to: target, in: [unit])
      }
      #expect(error?.path == "units[0]")
    }
    let error = #expect(throws: PoseError.self) {
      try JointTable.headSizes(ofBoxes: [[0, 0, 3, 4], [1, 1, 1, 1]])
    }
    #expect(error?.path == "boxes[1]")
    #expect(try JointTable.headSizes(ofBoxes: [[0, 0, 3, 4]]) == [3])
  }

  @Test("standard errors and intervals treat rows of an image together")
  func estimates() {
    let values = Tensor<Double>([[1, 2], [3, 6], [2, 2], [0, 8]])
    let table = JointTable(values)
    let alone = table.estimate()
    // Poses as images: residual sums of the means 1.5, 4.5, 2, 4 about 3, twice each.
    #expect(alone.value == 3)
    #expect(abs(alone.standardError - (4.0 / 3 * (9 + 9 + 4 + 4)).squareRoot() / 8) < 1e-14)
    let paired = table.estimate(images: [5, 5, 9, 9])
    #expect(paired.standardError < 1e-14)
    let interval = table.interval(Bootstrap(replicates: 200), images: [5, 5, 9, 9])
    #expect(interval.estimate == 3 && interval.lower == 3 && interval.upper == 3)
    let selected = table.selecting([3, 3, 1])
    #expect(selected.values == [0, 8, 0, 8, 3, 6] && selected.poseCount == 3)
    let means = Bootstrap(replicates: 200).interval(images: [0, 1, 2, 3]) { poses in
      table.selecting(poses).mean
    }
    #expect(means == table.interval(Bootstrap(replicates: 200)))
    let wide = table.interval(Bootstrap(replicates: 200))
    #expect(wide.lower < 3 && 3 < wide.upper)
  }
}
