import Flows

/// How the flow of a likelihood is built: masked affine couplings on a standard Gaussian.
public struct KeypointFlow: Hashable, Sendable, Codable {
  /// Which joints have a flow of their own, and what it sees.
  public enum Sharing: Hashable, Sendable, Codable {
    /// One flow for all joints, as published.
    case shared
    /// One flow for each joint.
    case perJoint
    /// One flow that sees so many features of the image, or of whatever the network knows.
    case features(Int)
  }

  /// How the networks of the couplings start.
  public enum Initialization: String, Hashable, Sendable, Codable {
    /// Weights and biases uniform in ±1/√fan-in, as in the authors' models.
    ///
    /// Published networks see all D columns, those that are transformed as zeros; these see only the
    /// columns that pass, so that their first layer starts in ±1/√passed instead of ±1/√D.
    case pyTorch
    /// Weights Xavier-uniform with gain 0.01, biases as above, as in mmpose: nearly the same for all
    /// inputs, each coupling moving and scaling by an eighth at most.
    case xavier
  }

  /// The number of couplings.
  public var layers: Int
  /// Widths of the hidden layers of each network.
  public var hidden: [Int]
  /// Which joints share it.
  public var sharing: Sharing
  /// How its networks start.
  public var initialization: Initialization

  /// A flow; the defaults are those of the paper: six couplings of networks D→64→64→D.
  public init(
    layers: Int = 6, hidden: [Int] = [64, 64], sharing: Sharing = .shared,
    initialization: Initialization = .pyTorch
  ) {
    self.layers = layers
    self.hidden = hidden
    self.sharing = sharing
    self.initialization = initialization
    if let problem { preconditionFailure(problem) }
  }

  var problem: String? {
    if layers < 2 { return "a flow needs two couplings to move every axis; got \(layers)" }
    if !hidden.allSatisfy({ $0 > 0 }) { return "widths are positive; got \(hidden)" }
    if case .features(let count) = sharing, count < 1 {
      return "a flow that sees features sees at least one; got \(count)"
    }
    return nil
  }

  var featureCount: Int {
    if case .features(let count) = sharing { count } else { 0 }
  }

  /// A fresh flow of 2 or 3 columns: the masks alternate between [0, 1] and [1, 0], or [0, 0, 1] and
  /// [1, 1, 0], where 1 passes a column.
  func made<Scalar: TensorScalar>(dimension: Int, using generator: inout PhiloxGenerator)
    -> NormalizingFlow<Scalar>
  {
    let initializer: Initializer =
      initialization == .xavier ? .xavierUniform(gain: 0.01) : .pyTorch
    let first = (0..<dimension).map { $0 == dimension - 1 }
    let couplings: [any Flow<Scalar>] = (0..<layers).map { layer in
      AffineCoupling(
        dimension: dimension, mask: .given(layer % 2 == 0 ? first : first.map { !$0 }),
        contextDimension: featureCount, hidden: hidden, activation: .leakyReLU(slope: 0.01),
        networks: .separate, scale: .tanh(bound: 1), initializer: initializer,
        outputInitializer: initializer, using: &generator)
    }
    return NormalizingFlow(
      base: Gaussian(dimension: dimension), flow: Composition(dimension: dimension, couplings))
  }
}
