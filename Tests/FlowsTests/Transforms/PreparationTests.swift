import FlowChecks
import Testing

@testable import Flows

@Suite("Data-dependent starts")
struct PreparationTests {
  private let data: Tensor<Double> = {
    var generator = PhiloxGenerator(seed: 1)
    return Tensor<Double>.normal([200, 3], using: &generator) * Tensor([0.1, 3, 70])
      + Tensor([5, -2, 1_000])
  }()

  private func problems(_ latent: Tensor<Double>) -> [String] {
    [
      deviation("mean", found: latent.mean(axis: 0), expected: .zeros([3]), tolerance: 1e-10),
      deviation(
        "variance", found: latent.variance(axis: 0), expected: .ones([3]), tolerance: 1e-10),
    ].compactMap(\.self)
  }

  private static let flows: [any Flow<Double>] = [
    ActNorm<Double>(dimension: 3),
    ActNorm<Double>(dimension: 3).inverted,
    ActNorm<Double>(dimension: 3).inverted.inverted,
    Composition(
      dimension: 3,
      [ActNorm<Double>(dimension: 3).inverted, Permutation<Double>.reversed(dimension: 3)]),
    Composition(
      dimension: 3,
      [
        Permutation<Double>([1, 2, 0]), ActNorm<Double>(dimension: 3),
        ActNorm<Double>(dimension: 3),
      ]
    ).inverted,
  ]

  @Test("give the latent side of the first data mean 0 and variance 1", arguments: 0..<5)
  func standardized(_ index: Int) {
    var flow = Self.flows[index]
    #expect(!problems(flow.inverse(data).value).isEmpty)
    flow.prepare(with: data, context: nil)
    #expect(problems(flow.inverse(data).value) == [])
    let prepared = flow.inverse(data).value
    flow.prepare(with: data + 7, context: nil)
    #expect(flow.inverse(data).value == prepared)
  }
}
