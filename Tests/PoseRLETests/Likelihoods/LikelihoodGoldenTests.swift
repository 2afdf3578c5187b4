import Flows
import Testing

@testable import PoseRLE

@Suite("Losses of keypoints agree with PyTorch")
struct LikelihoodGoldenTests {
  static let cases: [(name: String, likelihood: KeypointLikelihood)] = {
    func full(_ likelihood: KeypointLikelihood) -> KeypointLikelihood {
      var copy = likelihood
      copy.hasFullCovariance = true
      return copy
    }
    var omitted = KeypointLikelihood.residual
    omitted.normalization = .omitted
    var gaussianMMPose = KeypointLikelihood.residualMMPose
    gaussianMMPose.base = .gaussian
    return [
      ("l1", .l1), ("l2", .l2), ("laplace", .laplace), ("gaussian", .gaussian),
      ("direct", .direct), ("residual", omitted), ("residualExact", .residual), ("basic", .basic),
      ("laplaceFull", full(.laplace)), ("gaussianFull", full(.gaussian)),
      ("directFull", full(.direct)), ("residualFull", full(omitted)),
      ("residualReleased", .residualReleased), ("residualMMPose", .residualMMPose),
      ("residualMMPoseGaussian", gaussianMMPose),
    ]
  }()

  @Test("in value and gradients", arguments: [2, 3], cases.indices)
  func agreement(dimension: Int, index: Int) throws {
    let (name, likelihood) = Self.cases[index]
    for set in InstructionSet.available {
      try InstructionSet.with(set) {
        let float = try LikelihoodGolden<Float>(dimension: dimension).deviation(name, likelihood)
        let double = try LikelihoodGolden<Double>(dimension: dimension).deviation(name, likelihood)
        #expect(float < 1e-5, "\(name) in \(dimension)-D on \(set), Float: \(float)")
        // Published code adds 1e-9 to σ.
        let bound = likelihood.normalization.rawValue.hasPrefix("released") ? 1e-6 : 1e-11
        #expect(double < bound, "\(name) in \(dimension)-D on \(set), Double: \(double)")
      }
    }
  }

  @Test("where some joints lack a depth")
  func mixed() throws {
    let float = try LikelihoodGolden<Float>(dimension: 3)
      .deviation("mixed", .residualReleased, mixed: true)
    let double = try LikelihoodGolden<Double>(dimension: 3)
      .deviation("mixed", .residualReleased, mixed: true)
    #expect(float < 1e-5 && double < 1e-6, "\(float), \(double)")
  }

  @Test("in the normaliser of the residual")
  func normalizer() throws {
    let golden = try LikelihoodGolden<Double>(dimension: 2)
    let expected: Tensor<Double> = try golden.tensor("log_normalizer")
    let found = try golden.loss(.residual).logNormalizer(of: FlowUse(index: 0, isPlanar: false))
    #expect(
      Swift.abs(found.scalar - expected.scalar) < 1e-5 * Swift.abs(expected.scalar),
      "\(found), \(expected)")
  }

  @Test("and not where a weight differs")
  func power() throws {
    let golden = try LikelihoodGolden<Double>(dimension: 2)
    var released = KeypointLikelihood.residualReleased
    released.reduction = .meanOverJoints
    #expect(try golden.deviation("residualReleased", released) > 1e-3)
    #expect(try golden.deviation("residualReleased", .residualMMPose) > 1e-3)
  }
}
