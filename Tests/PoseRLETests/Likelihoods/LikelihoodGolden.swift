import Flows
import Foundation
import Testing

@testable import PoseRLE

/// Losses computed by PyTorch, as `make_likelihood_goldens.py` writes them.
struct LikelihoodGolden<Scalar: TensorScalar> {
  let file: SafetensorsFile
  let dimension: Int

  init(dimension: Int) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "likelihood\(dimension)d", withExtension: "safetensors",
        subdirectory: "Fixtures"))
    file = try SafetensorsFile(contentsOf: url.path)
    self.dimension = dimension
  }

  func tensor<S: TensorScalar>(_ name: String) throws -> Tensor<S> {
    try file.tensor(name, as: S.self)
  }

  func labels(mixed: Bool) throws -> KeypointLabels<Scalar> {
    KeypointLabels(
      positions: try tensor("target"), weights: try tensor("weight"),
      hasDepth: mixed ? try tensor("has_depth") : nil)
  }

  func loss(_ likelihood: KeypointLikelihood, mixed: Bool = false) throws -> KeypointLoss<Scalar> {
    var generator = PhiloxGenerator(seed: 0)
    var likelihood = likelihood
    likelihood.flow.hidden = [6, 6]
    var loss = KeypointLoss<Scalar>(
      likelihood, joints: 4, dimension: dimension, acceptsMissingDepth: mixed, using: &generator)
    if !loss.flows.isEmpty {
      loss.flows = [try NormalizingFlow(rleWeights: file, prefix: "flow.")]
    }
    if !loss.planarFlows.isEmpty {
      loss.planarFlows = [try NormalizingFlow(rleWeights: file, prefix: "planar.")]
    }
    return loss
  }

  /// The largest deviation of value and gradients from PyTorch's, each relative to 1 or, where that is
  /// larger, to the number itself.
  ///
  /// A normaliser is that of the nodes in the file.
  func deviation(_ name: String, _ likelihood: KeypointLikelihood, mixed: Bool = false) throws
    -> Double
  {
    let model = GoldenModel(
      mean: try tensor("mean"), logit: try tensor("logit"), shear: try tensor("shear"),
      loss: try loss(likelihood, mixed: mixed))
    let labels = try labels(mixed: mixed)
    var nodes = NormalizerNodes<Scalar>()
    if model.loss.hasNormalizer {
      nodes.append(
        model.loss.normalizerPart(
          of: FlowUse(index: 0, isPlanar: false), weight: 1, points: try tensor("nodes"),
          logWeights: try tensor("log_weights")))
    }
    let reduced = labels.reduced(by: likelihood.reduction)
    let (value, gradient) = valueAndGradient(at: model) { model in
      let prediction = KeypointPrediction(
        mean: model.mean, scaleLogit: model.logit,
        shear: likelihood.hasFullCovariance ? model.shear : nil)
      return model.loss.unnormalizedSum(prediction, reduced)
        + model.loss.sum(of: nodes, in: 0..<nodes.count)
    }
    var worst = 0.0
    func compare(_ found: Tensor<Scalar>, _ expected: Tensor<Double>) {
      #expect(found.shape == expected.shape)
      for (a, b) in zip(found.scalars, expected.scalars) {
        let difference = Swift.abs(Double(a) - b) / Swift.max(1, Swift.abs(b))
        worst = difference.isNaN ? .infinity : Swift.max(worst, difference)
      }
    }
    let known = Set(file.names)
    func expected(_ part: String, _ found: Tensor<Scalar>) throws -> Tensor<Double> {
      known.contains("\(name).\(part)")
        ? try tensor("\(name).\(part)") : .zeros(found.shape)
    }
    compare(Tensor([value]), try tensor("\(name).value"))
    compare(gradient.mean, try expected("mean", gradient.mean))
    compare(gradient.logit, try expected("logit", gradient.logit))
    compare(gradient.shear, try expected("shear", gradient.shear))
    for (found, part) in [(gradient.loss.flows, "flow"), (gradient.loss.planarFlows, "planar")] {
      for flow in found {
        // The gradients are stored as weights are, and are read as such.
        let golden = try NormalizingFlow<Double>(rleWeights: file, prefix: "\(name).\(part).")
        for (a, b) in zip(flow.flow.namedTensors, golden.flow.namedTensors) {
          compare(a.tensor, b.tensor)
        }
      }
    }
    return worst
  }
}

/// All that a loss has derivatives by.
struct GoldenModel<Scalar: TensorScalar>: Parameterized {
  var mean: Tensor<Scalar>
  var logit: Tensor<Scalar>
  var shear: Tensor<Scalar>
  var loss: KeypointLoss<Scalar>

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("mean", &mean)
    visitor.visit("logit", &logit)
    visitor.visit("shear", &shear)
    visitor.visit("loss", &loss)
  }
}
