import Flows

extension PoseModel {
  /// A published model: the code released with the paper, or mmpose's, in the plane.
  ///
  /// | | backbone | input | coordinates |
  /// | --- | --- | --- | --- |
  /// | released | `preact.` | ``ImageInput/released(_:)`` | centred |
  /// | mmpose 1.x, 0.x | `backbone.` | ``ImageInput/imageNet(_:)`` | corner, brought to centred |
  ///
  /// Where the file has a flow, the loss is the one that the model was trained with; else it is that
  /// likelihood with a fresh flow.
  ///
  /// - Parameters:
  ///   - file: `.pth` of PyTorch, or safetensors.
  ///   - skeleton: its keypoints.
  ///   - size: of its input.
  /// - Throws: ``PoseError`` that names the file, and the array that is missing or has another shape;
  ///   `unsupported` for joints in space, and for flows that a saved model could not get back.
  public init(
    released file: String, skeleton: Skeleton = .coco17, size: CropSize = .standard
  ) throws {
    self = try PoseError.translating(file) {
      let weights = try WeightsFile.open(file).stateDictionary
      let head = try ReleasedWeights<Scalar>(weights, joints: skeleton.count)
      guard head.layout.dimension == 2 else {
        throw PoseError(.unsupported, "this is a model of joints in space, not in the plane")
      }
      let isReleased = head.layout == .released2D
      let backbone = try ResNet<Scalar>(weights: weights.within(isReleased ? "preact" : "backbone"))
      var generator = PhiloxGenerator(seed: 0)
      let loss = head.loss
      let likelihood: KeypointLikelihood =
        loss?.likelihood ?? (isReleased ? .residualReleased : .residualMMPose)
      if let flow = head.planarFlow, !likelihood.flow.makes(flow) {
        throw PoseError(
          .unsupported,
          "the flow's masks do not alternate, its couplings differ, or its base is not the standard "
            + "Gaussian: such a flow could not be saved with the model")
      }
      let architecture = PoseArchitecture(
        skeleton: skeleton, input: isReleased ? .released(size) : .imageNet(size),
        backbone: backbone.configuration, likelihood: likelihood,
        normalizesFeatures: head.layout.normalizesFeatures)
      guard head.head.configuration.features == backbone.configuration.features else {
        throw PoseError(
          .modelMismatch,
          "the head sees \(head.head.configuration.features) features, the network makes "
            + "\(backbone.configuration.features)")
      }
      return PoseModel(
        architecture, backbone: backbone, head: head.head(in: Centered.self),
        loss: loss
          ?? KeypointLoss(likelihood, joints: skeleton.count, dimension: 2, using: &generator))
    }
  }

  /// Replaces the weights of the backbone by those of a file: torchvision's, those of a published model of
  /// RLE, or of a model that this library saved.
  ///
  /// - Throws: ``PoseError`` that names the file, and the array that is missing or has another shape.
  public mutating func loadBackbone(from file: String) throws {
    var copy = backbone
    try PoseError.translating(file) {
      let all = try WeightsFile.open(file)
      if all.contains("backbone.bn1.scale") {
        var reader = TensorReader<Scalar>(content: all.within("backbone"))
        copy.visitParameters(&reader)
        if let problem = reader.problem { throw problem }
        return
      }
      let weights = all.stateDictionary
      let prefix = ["preact", "backbone", "model.backbone"].first {
        weights.contains($0 + ".conv1.weight")
      }
      try copy.load(prefix.map { weights.within($0) } ?? weights)
    }
    backbone = copy
  }
}
