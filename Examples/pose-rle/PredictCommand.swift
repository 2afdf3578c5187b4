import ExampleSupport
import Flows
import Foundation
import PoseRLE

/// Predicts the pose in images and draws it over them.
struct PredictCommand: Command {
  static let options = CommandOptionGroup(
    "Prediction",
    [
      .flag(
        "predict",
        help: "Predict the pose in each IMAGE (JPEG or PNG) with --model, and draw it in --output."),
      .value(
        "box", "X,Y,W,H", help: "Where the person is, in pixels; the whole image by default."),
    ])
  static let sharedOptions: Set<String> = ["model", "output", "no-flip", "padding"]

  let images: [String]
  let box: SIMD4<Double>?
  let padding: Double
  let model: String
  let output: String
  /// As the model says where nil.
  let flipTest: Bool?
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    images = arguments.positionals
    guard !images.isEmpty else {
      throw .wrongArgumentCount(name: "IMAGE", expected: "at least 1", actual: 0)
    }
    model = try arguments.string("model")
    output = arguments.optionalString("output") ?? "pose-rle-output"
    flipTest = arguments.flag("no-flip") ? false : nil
    printsJSON = arguments.flag("json")
    guard let text = arguments.optionalString("box") else {
      (box, padding) = (nil, 1)
      return
    }
    let numbers = text.split(separator: ",").compactMap { Double($0) }
    guard numbers.count == 4, numbers.allSatisfy(\.isFinite), numbers[2] > 0, numbers[3] > 0 else {
      throw .notANumber(
        option: "box", value: text, expected: "four numbers x,y,width,height of a positive size")
    }
    box = SIMD4(numbers[0], numbers[1], numbers[2], numbers[3])
    padding = try arguments.double("padding", in: 0.1...10)
  }

  /// What `--json` prints of one joint.
  private struct Joint: Encodable {
    let name: String
    let x: Double
    let y: Double
    let scaleX: Double
    let scaleY: Double
    /// The calibrated intervals of 95 % along x and y.
    let intervalX: [Double]
    let intervalY: [Double]
    let score: Double
  }

  private struct Prediction: Encodable {
    let image: String
    let overlay: String
    let score: Double
    let keypoints: [Joint]
  }

  func run() throws {
    let predictor = PosePredictor(try PoseModel<Float>(contentsOf: model), flipTest: flipTest)
    try prepareFolder(output)
    var results: [Prediction] = []
    // No drawing takes the place of another one, or of an image that is still to be read.
    var taken = Set(images.map { URL(fileURLWithPath: $0).standardized.path })
    func overlay(of file: String) -> String {
      let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
      var (path, number) = ("\(output)/\(name)-pose.png", 2)
      while !taken.insert(URL(fileURLWithPath: path).standardized.path).inserted {
        path = "\(output)/\(name)-pose-\(number).png"
        number += 1
      }
      return path
    }
    for file in images {
      let image = try PixelImage(contentsOf: file)
      let box = box ?? SIMD4(0, 0, Double(image.width), Double(image.height))
      let pose = try predictor.predict(image, box: box, padding: padding)
      let overlay = overlay(of: file)
      try AtomicFile.write(pose.overlay(on: image), to: overlay)
      results.append(
        Prediction(
          image: file, overlay: overlay, score: pose.score,
          keypoints: pose.keypoints.map { keypoint in
            let interval = keypoint.density.interval(level: 0.95)
            return Joint(
              name: keypoint.name, x: keypoint.position.x, y: keypoint.position.y,
              scaleX: keypoint.scale.x, scaleY: keypoint.scale.y,
              intervalX: [interval.lower[0], interval.upper[0]],
              intervalY: [interval.lower[1], interval.upper[1]], score: keypoint.score)
          }))
    }
    if printsJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(results), as: UTF8.self))
      return
    }
    for result in results {
      print("\(result.image): score \(fixed(result.score, 3)), drawn in \(result.overlay)")
      for joint in result.keypoints {
        let name = joint.name + String(repeating: " ", count: max(1, 18 - joint.name.count))
        func range(_ interval: [Double]) -> String {
          "\(fixed(interval[0], 1)) … \(fixed(interval[1], 1))"
        }
        print(
          "  \(name)\(fixed(joint.x, 1)), \(fixed(joint.y, 1))  95 %: \(range(joint.intervalX)), "
            + "\(range(joint.intervalY))  score \(fixed(joint.score, 3))")
      }
    }
  }
}
