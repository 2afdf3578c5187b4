#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A density with a threshold: says of rows how unusual they are, and which are anomalous.
///
/// ```swift
/// let detector = try AnomalyDetector(flow, heldOut: validation, falseAlarmRate: 0.01)
/// let flags = detector.isAnomalous(rows)
/// ```
///
/// The score of a row is −log p, in nats. The rate holds for rows like the held-out ones, which
/// must not have been trained on; see ``AnomalyThreshold``.
public struct AnomalyDetector<Density: Distribution>: Sendable {
  /// The density of ordinary rows.
  public let density: Density
  /// The score that ordinary rows rarely exceed.
  public let threshold: AnomalyThreshold

  /// A detector from its parts.
  public init(_ density: Density, threshold: AnomalyThreshold) {
    self.density = density
    self.threshold = threshold
  }

  /// A detector whose false-alarm rate is set by held-out rows.
  ///
  /// - Parameters:
  ///   - density: the density of ordinary rows.
  ///   - rows: ordinary rows that the density was not trained on, `[n, dimension]`.
  ///   - context: `[n, contextDimension]` for a conditional density.
  ///   - falseAlarmRate: the share α of ordinary rows that may be called anomalous.
  /// - Throws: ``FlowsError``: as ``AnomalyThreshold/init(heldOutScores:falseAlarmRate:)``.
  public init(
    _ density: Density, heldOut rows: Tensor<Density.Scalar>,
    context: Tensor<Density.Scalar>? = nil, falseAlarmRate: Double
  ) throws {
    self.density = density
    threshold = try AnomalyThreshold(
      heldOutScores: Self.scores(density, rows, context), falseAlarmRate: falseAlarmRate)
  }

  /// −log p of each row, in nats; ∞ where the density is 0 or a number is not finite.
  public func scores(of x: Tensor<Density.Scalar>, context: Tensor<Density.Scalar>? = nil)
    -> [Double]
  {
    Self.scores(density, x, context)
  }

  /// Whether each row is anomalous: its score exceeds the threshold.
  public func isAnomalous(_ x: Tensor<Density.Scalar>, context: Tensor<Density.Scalar>? = nil)
    -> [Bool]
  {
    scores(of: x, context: context).map(threshold.isExceeded(by:))
  }

  /// The p-value of each row; see ``AnomalyThreshold/pValue(ofScore:)``.
  public func pValues(of x: Tensor<Density.Scalar>, context: Tensor<Density.Scalar>? = nil)
    -> [Double]
  {
    scores(of: x, context: context).map(threshold.pValue(ofScore:))
  }

  private static func scores(
    _ density: Density, _ x: Tensor<Density.Scalar>, _ context: Tensor<Density.Scalar>?
  ) -> [Double] {
    density.logDensities(of: x, context: density.contextRows(context, count: x.shape[0])).map {
      -$0
    }
  }
}

extension AnomalyDetector: Codable {
  private enum CodingKeys: CodingKey {
    case density, threshold
  }

  /// Reads a detector of a density of built-in types.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let text = try container.decode(String.self, forKey: .density)
    threshold = try container.decode(AnomalyThreshold.self, forKey: .threshold)
    do {
      guard let bytes = Data(base64Encoded: text) else {
        throw FlowsError(.malformedFile, "expected a safetensors file in base64")
      }
      density = try Density(SafetensorsFile(bytes: Array(bytes)))
    } catch let error as FlowsError {
      throw DecodingError.dataCorruptedError(
        forKey: .density, in: container, debugDescription: error.description)
    }
  }

  /// Writes the density as a safetensors file in base64, and the threshold.
  ///
  /// Throws ``FlowsError`` where the density cannot be saved.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let bytes = try density.safetensors().bytes()
    try container.encode(Data(bytes).base64EncodedString(), forKey: .density)
    try container.encode(threshold, forKey: .threshold)
  }
}
