/// Densities of one kind that were fitted independently: their mean density, and how far they agree.
///
/// Where rows are plenty the members agree; where there were none, what each says is its own.
/// Disagreement is thereby a measure of what is not known for lack of data (epistemic), which no
/// single density tells.
public struct Ensemble<Member: Distribution>: Sendable {
  /// That of the members.
  public typealias Scalar = Member.Scalar

  /// The densities, at least one.
  public let members: [Member]

  /// An ensemble of densities with the same columns and context.
  public init(_ members: [Member]) {
    let problem = Mixture<Member.Scalar>.problem(with: members)
    precondition(problem == nil, problem ?? "")
    self.members = members
  }

  /// The mean of the densities, p(x) = 1/K Σ_k p_k(x), as a density to sample from, to score with and
  /// to ask all else.
  public var density: Mixture<Scalar> { Mixture(members) }
  /// The number of columns.
  public var dimension: Int { members[0].dimension }
  /// The number of context columns.
  public var contextDimension: Int { density.contextDimension }

  /// log 1/K Σ_k p_k(x | context) of each row, in nats: `[rows, dimension]` → `[rows]`.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil) -> Tensor<Scalar> {
    density.logDensity(of: x, context: context)
  }

  /// log p_k(x | context) of each row and member, in nats: `[rows, dimension]` → `[rows, members]`.
  public func memberLogDensities(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil)
    -> Tensor<Scalar>
  {
    .stacked(members.map { $0.logDensity(of: x, context: $0.own(context)) }, axis: 1)
  }

  /// The variance of log p_k(x | context) among the members, divided by K − 1, in nats²: `[rows]`.
  ///
  /// NaN where a member's density is 0. Its square root reads as an error of the log-density.
  ///
  /// - Precondition: there are at least two members.
  public func disagreement(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil) -> Tensor<Scalar> {
    precondition(members.count >= 2, "an ensemble of one member has no disagreement")
    let factor = Scalar(members.count) / Scalar(members.count - 1)
    return memberLogDensities(of: x, context: context).variance(axis: 1) * factor
  }

  /// Independent draws of the mean density `[count, dimension]`; context has `count` rows.
  public func sample(
    _ count: Int, context: Tensor<Scalar>? = nil, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    density.sample(count, context: context, using: &generator)
  }
}
