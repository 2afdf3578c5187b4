import Flows
import PoseRLE
import Testing

@Suite("Published weights in a loss")
struct ReleasedLossTests {
  @Test("give the loss of the published code", arguments: ReleasedLayout.allCases)
  func loss(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    let weights = try ReleasedWeights<Double>(golden.file)
    let loss = try #require(weights.loss)
    let prediction = weights.head(try golden["features"]).prediction
    var generator = PhiloxGenerator(seed: 2)
    let target =
      prediction.mean + prediction.scale * Tensor.normal(prediction.mean.shape, using: &generator)
    let labels = KeypointLabels(positions: target)
    let axes = Double(layout.dimension)
    // As the published code writes it: prediction minus label, and the flow as it stands in the file.
    let error = (prediction.mean - target) / prediction.scale
    let flow = try NormalizingFlow<Double>(rleWeights: golden.file, prefix: prefix(layout))
    let logFlow = flow.logDensity(of: error.reshaped(to: [-1, layout.dimension])).sum().scalar
    let logScale = log(prediction.scale).sum().scalar
    let slope = abs(error).sum().scalar
    let count = Double(error.count)
    let base =
      layout == .released2D || layout == .released3D
      ? slope * 0.5.squareRoot() + count * 0.918_938_533_204_672_7
      : slope + count * 0.693_147_180_559_945_3
    let expected = (2 * logScale + base - axes * logFlow) / Double(labels.count)
    #expect(Swift.abs(loss(prediction, labels).scalar - expected) < 1e-9 * Swift.abs(expected))
  }

  private func prefix(_ layout: ReleasedLayout) -> String {
    switch layout {
    case .released2D: "flow."
    case .released3D: "flow3d."
    case .mmpose: "head.loss_module.flow_model."
    case .mmposeLegacy: "keypoint_head.loss.flow_model."
    }
  }

  @Test("spread as the shear says", arguments: [2, 3])
  func spreads(dimension: Int) {
    let count = dimension * (dimension - 1) / 2
    let entries = [0.5, -0.25, 2.0]
    let prediction = KeypointPrediction(
      mean: Tensor<Double>.zeros([1, 1, dimension]),
      scale: Tensor<Double>([2, 3, 4]).slice(0..<dimension, axis: 0)
        .reshaped(to: [1, 1, dimension]),
      shear: Tensor(shape: [1, 1, count], scalars: Array(entries.prefix(count))))
    let found = KeypointSpreads<Centered, Double>(prediction).factor.scalars
    let expected = dimension == 2 ? [2, 0, 1.5, 3] : [2, 0, 0, 1.5, 3, 0, -1, 8, 4]
    #expect(found.count == expected.count)
    #expect(zip(found, expected).allSatisfy { Swift.abs($0 - $1) < 1e-14 })
  }
}
