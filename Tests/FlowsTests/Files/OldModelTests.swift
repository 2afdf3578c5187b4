import FlowChecks
import Foundation
import Testing

@testable import Flows

/// Models that the first version of the format wrote, with rows and their log-densities.
///
/// They are never written anew: a change that cannot read them needs a new version of the format. The
/// log-densities are those of the stored weights in `Double`.
@Suite("Old model files")
struct OldModelTests {
  private func file(_ name: String) throws -> SafetensorsFile {
    let url = try #require(
      Bundle.module.url(
        forResource: name, withExtension: "safetensors", subdirectory: "OldModels"))
    return try SafetensorsFile(contentsOf: url.path)
  }

  private func compare<S: TensorScalar>(_ name: String, as type: S.Type, tolerance: Double) throws {
    let model = try NormalizingFlow<S>(file(name))
    let values = try file(name + ".values")
    let rows: Tensor<S> = try values.tensor("rows")
    let context: Tensor<S>? =
      values.names.contains("context") ? try values.tensor("context") : nil
    #expect(model.contextDimension == context?.shape[1] ?? 0)
    let expected: Tensor<Double> = try values.tensor("logDensity")
    let found = Tensor<Double>(model.logDensity(of: rows, context: context))
    #expect(
      deviation(name, found: found, expected: expected, tolerance: tolerance) == nil)
  }

  @Test(
    "load and give the log-densities that were stored with them",
    arguments: ["realNVP", "nice", "rle", "nested", "laplace"])
  func logDensities(name: String) throws {
    try compare(name, as: Double.self, tolerance: 1e-12)
    try compare(name, as: Float.self, tolerance: 2e-5)
  }

  @Test("hold parts of every kind between them")
  func kinds() throws {
    let text = try ["realNVP", "nice", "rle", "nested", "laplace"].map {
      try #require(file($0).metadata["flows.model"])
    }.joined()
    for kind in [
      "AffineCoupling", "AdditiveCoupling", "ActNorm", "Permutation", "Standardization",
      "Composition", "Inverted", "Gaussian", "Laplace", "standardizedContext",
    ] {
      #expect(text.contains("\"\(kind)\""), "\(kind)")
    }
  }
}
