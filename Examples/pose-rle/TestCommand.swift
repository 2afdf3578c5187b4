import ExampleSupport
import Foundation
import PoseRLE

/// Measures a saved model on labelled images.
struct TestCommand: Command {
  static let options = CommandOptionGroup(
    "Test",
    [
      .value(
        "test", "DATA",
        help:
          "Labelled images to measure --model on: a folder of packed arrays (its split val or test, "
          + "if it has one), or annotations in COCO's format with --images. All of them count, also "
          + "those that the model was trained on."),
      .value("model", "FILE", help: "The model that is tested, or predicts."),
      .flag("no-flip", help: "Do not average with the prediction for the mirrored crop."),
    ])
  static let sharedOptions: Set<String> = ["images", "padding"]

  let data: String
  let images: String?
  let padding: Double
  let model: String
  /// As the model says where nil.
  let flipTest: Bool?
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    data = try arguments.string("test")
    model = try arguments.string("model")
    images = arguments.optionalString("images")
    padding = try arguments.double("padding", in: 0.1...10)
    flipTest = arguments.flag("no-flip") ? false : nil
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let model = try PoseModel<Float>(contentsOf: model)
    let source: any KeypointSource
    if let images {
      source = try COCOKeypointDataset(
        annotations: data, images: images, channels: model.architecture.input.channels,
        boxPadding: padding)
    } else {
      source = try PoseData.test(data)
    }
    guard source.skeleton.names == model.architecture.skeleton.names else {
      throw PoseError(
        .invalidData,
        "the model predicts \(model.architecture.skeleton.names), these images are labelled with "
          + "\(source.skeleton.names)", file: data)
    }
    let predictor = PosePredictor(model, flipTest: flipTest)
    let clock = ProgressBar.monotonicClock()
    let name = KeypointLikelihood.presets.first {
      var preset = $0.likelihood
      preset.reduction = model.architecture.likelihood.reduction
      return preset == model.architecture.likelihood
    }?.name
    var run = PoseRun(likelihood: name ?? "custom", seed: 0)
    run.weights = self.model
    run.evaluation = try CropPipeline(source, input: model.architecture.input, seed: 0)
      .evaluate(predictor)
    run.seconds = clock()
    run.imagesPerSecond = Double(source.count) / run.seconds
    let size = model.architecture.input.size
    if printsJSON {
      print(
        try PoseResults(
          data: "\(source.count) images of \(data)", backbone: self.model,
          cropSide: max(size.width, size.height), rows: [run]
        ).json())
    } else {
      print("\(source.count) images of \(data)\n\n" + PoseTable(runs: [run]).text)
    }
  }
}
