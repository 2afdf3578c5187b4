import Flows

/// How the normaliser log ∫ Q·G of a residual is computed for one value of the loss.
public enum KeypointNormalizer: Hashable, Sendable {
  /// As well as the integral can be had: for values to report, not for training.
  case exact
  /// By few nodes, as a step of training needs it; a generator of its own for each step keeps errors
  /// from adding up. See ``Flows/ResidualDensity/trainingNodes(using:)`` for what it costs.
  case nodes(PhiloxGenerator)
}

extension KeypointLoss {
  /// True where the loss divides by ∫ Q·G.
  public var hasNormalizer: Bool {
    likelihood.shape == .residual && likelihood.normalization == .exact
  }

  /// Σ of the weights of a batch times log ∫ Q·G, for each flow that its joints use.
  func weightedNormalizer(of labels: KeypointLabels<Scalar>, _ normalizer: KeypointNormalizer)
    -> Tensor<Scalar>
  {
    var sum = Tensor<Scalar>(0)
    for (use, weight) in flowUses(of: labels) {
      switch normalizer {
      case .exact: sum += Scalar(weight) * logNormalizer(of: use)
      case .nodes(let generator):
        let nodes = trainingNodes(of: use, using: generator)
        let terms = unnormalizedLogDensity(of: use, at: nodes.points) + nodes.logWeights
        sum += Scalar(weight) * terms.logSumExp(axis: 0)
      }
    }
    return sum
  }

  /// The nodes of all normalisers of a training step, to be cut into tiles like the rows of a batch.
  ///
  /// The gradient of W · log Σ exp(w_i + log QG(x_i)) is that of Σ W r_i log QG(x_i), with r_i the share of
  /// a node, constant: a sum over nodes.
  func normalizerNodes(of labels: KeypointLabels<Scalar>, using generator: PhiloxGenerator)
    -> NormalizerNodes<Scalar>
  {
    var result = NormalizerNodes<Scalar>()
    guard hasNormalizer else { return result }
    for (use, weight) in flowUses(of: labels) {
      let nodes = trainingNodes(of: use, using: generator)
      result.append(
        normalizerPart(of: use, weight: weight, points: nodes.points, logWeights: nodes.logWeights))
    }
    return result
  }

  /// W log Σ exp(w_i + log QG(x_i)) of one flow as a sum over nodes.
  func normalizerPart(
    of use: FlowUse, weight: Double, points: Tensor<Scalar>, logWeights: Tensor<Scalar>
  ) -> NormalizerNodes<Scalar>.Part {
    let terms = unnormalizedLogDensity(of: use, at: points)
    let sum = terms + logWeights
    let logNormalizer = sum.logSumExp(axis: 0)
    let shares = exp(sum - logNormalizer)
    // With this the sum over nodes has the value of the normaliser as well.
    let constant = logNormalizer.scalar - (shares * terms).sum().scalar
    return NormalizerNodes.Part(
      use: use, points: points, weights: shares * Scalar(weight), constant: constant)
  }

  /// The part of some nodes in the loss.
  func sum(of nodes: NormalizerNodes<Scalar>, in range: Range<Int>) -> Tensor<Scalar> {
    var sum = Tensor<Scalar>(0)
    for (part, places) in nodes.parts(in: range) {
      let terms = unnormalizedLogDensity(of: part.use, at: part.points[rows: places])
      sum += ((terms + part.constant) * part.weights.slice(places, axis: 0)).sum()
    }
    return sum
  }

  // MARK: - One flow

  /// For each flow that labelled joints use, the sum of their weights.
  private func flowUses(of labels: KeypointLabels<Scalar>) -> [(use: FlowUse, weight: Double)] {
    JointGroup.groups(of: labels, splitsJoints: flows.count > 1).map { group in
      let weight =
        group.weights.map { $0.reduce(0.0) { $0 + Double($1) } }
        ?? Double(labels.count * labels.joints)
      return (FlowUse(index: group.joint ?? 0, isPlanar: !group.hasDepth), weight)
    }
  }

  private func trainingNodes(of use: FlowUse, using generator: PhiloxGenerator) -> (
    points: Tensor<Scalar>, logWeights: Tensor<Scalar>
  ) {
    let flow = flow(use)
    let generator = generator.forked(UInt64(2 * use.index + (use.isPlanar ? 1 : 0)))
    func nodes<Q: Distribution<Scalar>>(_ base: Q) -> (
      points: Tensor<Scalar>, logWeights: Tensor<Scalar>
    ) {
      ResidualDensity(base: base, shape: flow).trainingNodes(using: generator)
    }
    return nodes(baseDensity(dimension: flow.dimension))
  }

  private func unnormalizedLogDensity(of use: FlowUse, at points: Tensor<Scalar>)
    -> Tensor<Scalar>
  {
    baseLogDensity(points) + flow(use).logDensity(of: points)
  }

  /// log ∫ Q·G of a flow, of rank 0.
  func logNormalizer(of use: FlowUse) -> Tensor<Scalar> {
    let flow = flow(use)
    func value<Q: Distribution<Scalar>>(_ base: Q) -> Tensor<Scalar> {
      ResidualDensity(base: base, shape: flow).logNormalizer()
    }
    return value(baseDensity(dimension: flow.dimension))
  }

  private func flow(_ use: FlowUse) -> NormalizingFlow<Scalar> {
    use.isPlanar ? planarFlows[use.index] : flows[use.index]
  }
}

/// One of the flows of a loss.
struct FlowUse: Hashable, Sendable {
  /// Among the flows of its kind.
  let index: Int
  /// Whether it is one of joints without depth.
  let isPlanar: Bool
}

/// Nodes of one or more normalisers, numbered through.
struct NormalizerNodes<Scalar: TensorScalar>: Sendable {
  struct Part: Sendable {
    let use: FlowUse
    let points: Tensor<Scalar>
    let weights: Tensor<Scalar>
    let constant: Scalar
  }

  private var parts: [Part] = []
  /// The number of nodes.
  private(set) var count = 0

  mutating func append(_ part: Part) {
    parts.append(part)
    count += part.points.shape[0]
  }

  /// What a range of nodes covers of each part.
  func parts(in range: Range<Int>) -> [(part: Part, places: Range<Int>)] {
    var start = 0
    var found: [(Part, Range<Int>)] = []
    for part in parts {
      let end = start + part.points.shape[0]
      let places = range.clamped(to: start..<end)
      if !places.isEmpty {
        found.append((part, places.lowerBound - start..<places.upperBound - start))
      }
      start = end
    }
    return found
  }
}
