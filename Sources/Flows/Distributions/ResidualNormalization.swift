/// What a ``ResidualDensity`` does about the integral of its product.
public enum ResidualNormalization: Hashable, Sendable {
  /// It is computed and divided by: the density integrates to one.
  case exact
  /// It is left out, as in the published code of RLE.
  ///
  /// What remains is not a density: it does not integrate to one, and its values cannot be compared
  /// between models. Training on it fits base and shape each to the data as if it were alone, so that
  /// their product counts the data twice.
  case omitted
  /// Its logarithm is known, in nats; it is not trained.
  case given(Double)
}

extension ResidualNormalization: Codable {
  /// Reads "exact", "omitted" or a number.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Double.self) {
      self = .given(value)
      return
    }
    let name = try container.decode(String.self)
    switch name {
    case "exact": self = .exact
    case "omitted": self = .omitted
    default:
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected \"exact\", \"omitted\" or a number, found \"\(name)\"")
    }
  }

  /// Writes "exact", "omitted" or a number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .exact: try container.encode("exact")
    case .omitted: try container.encode("omitted")
    case .given(let logValue): try container.encode(logValue)
    }
  }
}
