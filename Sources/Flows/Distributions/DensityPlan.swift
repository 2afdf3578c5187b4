internal import CFlowKernels

/// A density as the list of kernel calls that it comes down to: couplings and permutations toward
/// latent space, then independent columns.
///
/// It is what the built-in step of maximum likelihood runs, without a tape.
struct DensityPlan {
  /// One map toward latent space.
  enum Step {
    case coupling(CouplingPass)
    /// Column i becomes column `order[i]` of what came before; the gradient goes back by `inverse`.
    case permutation(order: IndexList, inverse: IndexList)
  }

  let kind: ScalarKind
  let dimension: Int
  let contextDimension: Int
  /// From data to latent.
  let steps: ContiguousArray<Step>
  let family: fk_family
  /// Of the latent density, `[dimension]` each.
  let location: Storage
  let logScale: Storage

  /// Every network once, in the order of the steps.
  var networks: [PreparedNetwork] {
    steps.flatMap { step -> [PreparedNetwork] in
      guard case .coupling(let pass) = step else { return [] }
      return [pass.first] + (pass.second.map { [$0] } ?? [])
    }
  }
}

/// A flow that may come down to one step of a plan.
protocol PlannedFlow<Scalar>: Flow {
  /// Nil where it does not.
  var latentStep: DensityPlan.Step? { get }
}

/// A density that may come down to a plan.
protocol PlannedDensity<Scalar>: Distribution {
  /// Nil where it does not.
  var densityPlan: DensityPlan? { get }
}

extension AffineCoupling: PlannedFlow {
  var latentStep: DensityPlan.Step? { pass(.toLatent).map { .coupling($0) } }
}

extension AdditiveCoupling: PlannedFlow {
  var latentStep: DensityPlan.Step? { pass(.toLatent).map { .coupling($0) } }
}

extension NormalizingFlow: PlannedDensity {
  var densityPlan: DensityPlan? {
    guard standardization == nil, contextStandardization == nil,
      let base = base as? any LocationScaleDistribution<Scalar>,
      base.dimension == dimension
    else { return nil }
    var steps: ContiguousArray<DensityPlan.Step> = []
    for flow in flow.flows.reversed() {
      guard flow.dimension == dimension,
        let step = (flow as? any PlannedFlow<Scalar>)?.latentStep
      else { return nil }
      steps.append(step)
    }
    let columns = base.parameters
    return DensityPlan(
      kind: Scalar.scalarKind, dimension: dimension, contextDimension: contextDimension,
      steps: steps, family: type(of: base).family.kernel, location: columns.location.storage,
      logScale: columns.logScale.storage)
  }
}
