import Foundation
import Testing

@testable import Flows

/// A switch that the parts of a test share.
private final class Switch: @unchecked Sendable {
  private let lock = NSLock()
  private var value = false
  var isOn: Bool {
    get { lock.withLock { value } }
    set { lock.withLock { value = newValue } }
  }
}

/// The identity, until it is switched to give NaN.
private struct Poison: Flow {
  typealias Scalar = Float
  let isOn: Switch
  var dimension: Int { 2 }

  private func spoiled(_ x: Tensor<Float>) -> Transformed<Float> {
    Transformed(value: isOn.isOn ? x * .nan : x, logDet: .zeros([x.shape[0]]))
  }
  func forward(_ z: Tensor<Float>, context: Tensor<Float>?) -> Transformed<Float> { spoiled(z) }
  func inverse(_ x: Tensor<Float>, context: Tensor<Float>?) -> Transformed<Float> { spoiled(x) }
  mutating func visitParameters<V: ParameterVisitor<Float>>(_ visitor: inout V) {}
}

@Suite("Fits that stop being finite")
struct NonFiniteTests {
  private func flow(_ isOn: Switch) -> NormalizingFlow<Float> {
    var flow = smallFlow()
    flow.flow = Composition(dimension: 2, flow.flow.flows + [Poison(isOn: isOn)])
    return flow
  }

  private func options(steps: Int, validationFraction: Double) -> FitOptions {
    FitOptions {
      $0.steps = steps
      $0.batchSize = 64
      $0.validationInterval = 10
      $0.validationFraction = validationFraction
      $0.learningRate = .constant(1e-3)
      $0.nonFiniteLimit = 4
    }
  }

  /// Trains 25 good steps and then only bad ones.
  private func spoiledFit(validationFraction: Double) throws -> (NormalizingFlow<Float>, FitReport)
  {
    let isOn = Switch()
    var spoiled = flow(isOn)
    let report = try spoiled.fit(
      GaussianRows(400, seed: 61).rows,
      options: options(steps: 200, validationFraction: validationFraction)
    ) { progress in
      isOn.isOn = progress.step >= 25
      return true
    }
    isOn.isOn = false
    return (spoiled, report)
  }

  @Test("keep the best validated weights")
  func validated() throws {
    let (spoiled, report) = try spoiledFit(validationFraction: 0.25)
    #expect(report.stopReason == .nonFinite)
    #expect(report.steps == 29)
    #expect(report.skippedSteps == 4)
    #expect(report.bestStep == 20)
    var good = flow(Switch())
    try good.fit(
      GaussianRows(400, seed: 61).rows, options: options(steps: 20, validationFraction: 0.25))
    #expect(allTensors(spoiled) == allTensors(good))
  }

  @Test("keep the weights from before where nothing is held out")
  func notValidated() throws {
    let (spoiled, report) = try spoiledFit(validationFraction: 0)
    #expect(report.stopReason == .nonFinite)
    #expect(report.bestValidationLoss == nil)
    var good = flow(Switch())
    try good.fit(
      GaussianRows(400, seed: 61).rows, options: options(steps: 20, validationFraction: 0))
    #expect(allTensors(spoiled) == allTensors(good))
  }

  @Test("fail where no step was finite")
  func never() {
    let isOn = Switch()
    isOn.isOn = true
    #expect(
      errorText {
        var spoiled = flow(isOn)
        try spoiled.fit(
          GaussianRows(400, seed: 61).rows, options: options(steps: 9, validationFraction: 0.25))
      }
        == "no training step had a finite loss and gradient; check the data for extreme values")
  }
}
