import Flows

/// The loss of a batch with its gradients by the outputs of a network and by the flow, on all workers.
///
/// For heads that live elsewhere, such as a detector's keypoint branch: it computes μ and scales in
/// whatever framework it likes, and goes on backwards from the gradients that it is given here.
///
/// ```swift
/// let gradients = KeypointGradients(loss)                        // keeps its memory between steps
/// let step = gradients(mean: mean, scaleLogit: logits, labels)   // [n, joints, D] each
/// guard step.isFinite else { continue }                          // a batch that teaches nothing
/// // step.mean and step.scale go back to the head; step.loss holds the gradients of the flows
/// state.update(&loss, along: step.loss, learningRate: 1e-3)
/// gradients.move(to: loss)
/// ```
public final class KeypointGradients<Scalar: TensorScalar> {
  private let gradients: RowGradients<KeypointLoss<Scalar>>
  private var loss: KeypointLoss<Scalar>

  /// What a batch came to.
  public struct Step: Sendable {
    /// The reduced loss, in nats.
    public let value: Double
    /// Its gradient by μ, `[n, joints, D]`.
    public let mean: Tensor<Scalar>
    /// Its gradient by what was given of σ, the raw scale or log σ, `[n, joints, D]`.
    public let scale: Tensor<Scalar>
    /// Its gradient by the shear, where there is one.
    public let shear: Tensor<Scalar>?
    /// Its gradient by the features, where the flow sees any.
    public let features: Tensor<Scalar>?
    /// Its gradient by the flows: a loss whose tensors are derivatives.
    public let loss: KeypointLoss<Scalar>

    /// False where the value or a gradient is not finite: a step to skip.
    public var isFinite: Bool {
      value.isFinite && mean.isFinite && scale.isFinite && shear?.isFinite ?? true
        && features?.isFinite ?? true
        && (loss.flows + loss.planarFlows).allSatisfy {
          $0.flow.namedTensors.allSatisfy(\.tensor.isFinite)
        }
    }
  }

  /// Gradients at a loss, whose flows are copied.
  public init(_ loss: KeypointLoss<Scalar>, threads: Int = Workers.count) {
    gradients = RowGradients(loss, threads: threads)
    self.loss = loss
  }

  /// Moves to other flows of the same likelihood.
  public func move(to loss: KeypointLoss<Scalar>) {
    precondition(
      loss.likelihood == self.loss.likelihood && loss.joints == self.loss.joints
        && loss.dimension == self.loss.dimension,
      "the loss has the likelihood, joints and axes of the one that the gradients were made for")
    gradients.move(to: loss)
    self.loss = loss
  }

  /// The loss of a batch and its gradients, with σ = sigmoid of the raw scale.
  ///
  /// - Parameters:
  ///   - mean: μ, `[n, joints, D]`.
  ///   - scaleLogit: raw scales, `[n, joints, D]`.
  ///   - shear: where the likelihood has a full covariance.
  ///   - features: where the flow sees features.
  ///   - labels: what is true, with weights as given.
  ///   - generator: another one for each step; it places the nodes of normalisers.
  public func callAsFunction(
    mean: Tensor<Scalar>, scaleLogit: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    features: Tensor<Scalar>? = nil, _ labels: KeypointLabels<Scalar>,
    generator: PhiloxGenerator = PhiloxGenerator(seed: 0)
  ) -> Step {
    step(mean, scaleLogit, shear, features, labels, generator) {
      KeypointPrediction(mean: $0, scaleLogit: $1, shear: $2, features: $3)
    }
  }

  /// The loss of a batch and its gradients by μ, log σ and what else there is.
  ///
  /// For heads that make σ in a way of their own, e^r or softplus(r) for instance; parameters as for raw
  /// scales.
  public func callAsFunction(
    mean: Tensor<Scalar>, logScale: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    features: Tensor<Scalar>? = nil, _ labels: KeypointLabels<Scalar>,
    generator: PhiloxGenerator = PhiloxGenerator(seed: 0)
  ) -> Step {
    step(mean, logScale, shear, features, labels, generator) {
      KeypointPrediction(mean: $0, logScale: $1, shear: $2, features: $3)
    }
  }

  private typealias Input = Tensor<Scalar>

  private func step(
    _ mean: Input, _ scale: Input, _ shear: Input?, _ features: Input?,
    _ labels: KeypointLabels<Scalar>, _ generator: PhiloxGenerator,
    _ prediction: @Sendable (Input, Input, Input?, Input?) -> KeypointPrediction<Scalar>
  ) -> Step {
    // For its shapes whatever is given of σ will do.
    loss.check(
      KeypointPrediction(mean: mean, logScale: scale, shear: shear, features: features), labels)
    let labels = labels.reduced(by: loss.likelihood.reduction)
    let nodes = loss.normalizerNodes(of: labels, using: generator)
    let hasShear = shear != nil
    let (poses, joints) = (labels.count, labels.joints)
    let tilePoses = KeypointTiles.poses(batch: poses, joints: joints)
    let tiles = Swift.max(1, (poses + tilePoses - 1) / tilePoses)
    let inputs = [mean, scale] + [shear, features].compactMap(\.self)
    let (value, gradient, byInput) = gradients(inputs, tileRows: tilePoses) { loss, inputs, range in
      let sum = loss.unnormalizedSum(
        prediction(
          inputs[0], inputs[1], hasShear ? inputs[2] : nil,
          inputs.count > (hasShear ? 3 : 2) ? inputs[inputs.count - 1] : nil),
        labels[rows: range])
      guard nodes.count > 0 else { return sum }
      // The nodes are dealt out evenly to the tiles.
      let tile = range.lowerBound / tilePoses
      let own = nodes.count * tile / tiles..<nodes.count * (tile + 1) / tiles
      return own.isEmpty ? sum : sum + loss.sum(of: nodes, in: own)
    }
    return Step(
      value: value, mean: byInput[0], scale: byInput[1], shear: hasShear ? byInput[2] : nil,
      features: features == nil ? nil : byInput[byInput.count - 1], loss: gradient)
  }
}
