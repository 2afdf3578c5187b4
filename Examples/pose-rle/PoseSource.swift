import ExampleSupport
import PoseRLE

/// Where images come from, as the command line says.
enum PoseSource {
  case generated(persons: Int)
  case packed(String, heldOut: Double)
  case annotated(String, images: String, padding: Double, heldOut: Double)

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let (data, annotations) = (
      arguments.optionalString("data"), arguments.optionalString("annotations")
    )
    switch (data, annotations) {
    case (nil, nil):
      if arguments.isGiven("images") { throw .missingOption("annotations") }
      self = .generated(persons: try arguments.int("persons", in: 16...1_000_000))
    case (let data?, nil): self = .packed(data, heldOut: try Self.heldOut(arguments))
    case (nil, let annotations?):
      self = .annotated(
        annotations, images: try arguments.string("images"),
        padding: try arguments.double("padding", in: 0.1...10), heldOut: try Self.heldOut(arguments)
      )
    default:
      throw .notExactlyOne(of: ["data", "annotations"], given: ["data", "annotations"])
    }
  }

  private static func heldOut(_ arguments: ParsedArguments) throws(ArgumentError) -> Double {
    try arguments.double("held-out", in: 0...0.9)
  }

  func load(seed: UInt64) throws -> PoseData {
    switch self {
    case .generated(let persons): try .generated(persons: persons, seed: seed)
    case .packed(let folder, let heldOut): try .packed(folder, heldOut: heldOut, seed: seed)
    case .annotated(let file, let images, let padding, let heldOut):
      try .annotated(
        file, images: images, padding: padding, heldOut: heldOut, seed: seed)
    }
  }
}
