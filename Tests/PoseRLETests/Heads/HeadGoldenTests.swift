import FlowChecks
import Flows
import PoseRLE
import Testing

@Suite("Published heads against PyTorch")
struct HeadGoldenTests {
  static let layouts = ReleasedLayout.allCases

  private func outputs<S: TensorScalar>(
    _ golden: HeadGolden, _ layout: ReleasedLayout, _: S.Type, tolerance: Double
  ) throws -> [String?] {
    let weights = try ReleasedWeights<S>(golden.file)
    #expect(weights.layout == layout)
    let output = weights.head(Tensor<S>(try golden["features"]))
    #expect(output.shear == nil)
    let (mean, logit) = (try golden["mean"], try golden["scale_logit"])
    // In the other convention x and y lie half a crop away.
    let half = Tensor<Double>(mean.shape[2] == 2 ? [0.5, 0.5] : [0.5, 0.5, 0])
    let isCentered = layout == .released2D || layout == .released3D
    let other =
      isCentered
      ? weights.head(in: CornerOrigin.self) : weights.head(in: Centered.self)
    let own = isCentered ? weights.head(in: Centered.self) : weights.head(in: CornerOrigin.self)
    #expect(own.coordinates.bias == weights.head.coordinates.bias)
    let features = Tensor<S>(try golden["features"])
    return [
      deviation("mean", found: output.mean, expected: Tensor(mean), tolerance: tolerance),
      deviation("logit", found: output.scaleLogit, expected: Tensor(logit), tolerance: tolerance),
      deviation(
        "other convention", found: Tensor<Double>(other(features).mean),
        expected: isCentered ? mean + half : mean - half, tolerance: tolerance),
    ]
  }

  @Test("outputs", arguments: layouts)
  func outputs(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    for problem in try outputs(golden, layout, Double.self, tolerance: 1e-12)
      + outputs(golden, layout, Float.self, tolerance: 1e-5)
    {
      #expect(problem == nil)
    }
  }

  private func gradients<S: TensorScalar>(
    _ golden: HeadGolden, _: S.Type, tolerance: Double
  ) throws -> [String?] {
    let head = try ReleasedWeights<S>(golden.file).head
    let features = Tensor<S>(try golden["features"])
    let byMean = Tensor<S>(try golden["weight_mean"])
    let byScale = Tensor<S>(try golden["weight_scale"])
    func loss(_ head: KeypointHead<S>, _ features: Tensor<S>) -> Tensor<S> {
      let output = head(features)
      return (byMean * output.mean + byScale * output.scaleLogit).sum()
    }
    let byHead = gradient(at: head) { loss($0, features) }
    let byFeatures = gradient(at: features) { loss(head, $0) }
    let found = [
      ("features", byFeatures),
      ("coordinates_weight", byHead.coordinates.weight.transposed()),
      ("coordinates_bias", try #require(byHead.coordinates.bias)),
      ("scales_weight", byHead.scales.weight.transposed()),
      ("scales_bias", try #require(byHead.scales.bias)),
    ]
    return try found.map { name, tensor in
      deviation(
        name, found: Tensor<Double>(tensor), expected: try golden["grad_" + name],
        tolerance: tolerance)
    }
  }

  @Test("gradients", arguments: layouts)
  func gradients(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    for problem in try gradients(golden, Double.self, tolerance: 1e-12)
      + gradients(golden, Float.self, tolerance: 1e-5)
    {
      #expect(problem == nil)
    }
  }

  /// Our density at (label − prediction) / σ is PyTorch's at (prediction − label) / σ.
  private func densities<S: TensorScalar>(
    _ golden: HeadGolden, _: S.Type, tolerance: Double
  ) throws -> [String?] {
    let weights = try ReleasedWeights<S>(golden.file)
    let difference = try golden["target"] - golden["mean"]
    let error = Tensor<S>(try difference / golden["scale"])
    let dimension = error.shape[2]
    let rows = error.reshaped(to: [-1, dimension])
    let planar = try #require(weights.planarFlow)
    var problems = [
      deviation(
        "planar", found: Tensor<Double>(planar.logDensity(of: rows[columns: 0..<2])),
        expected: try golden["log_planar"].flattened(), tolerance: tolerance)
    ]
    #expect((weights.spatialFlow != nil) == (dimension == 3))
    if let spatial = weights.spatialFlow {
      problems.append(
        deviation(
          "spatial", found: Tensor<Double>(spatial.logDensity(of: rows)),
          expected: try golden["log_spatial"].flattened(), tolerance: tolerance))
    }
    return problems
  }

  @Test("log-densities of the error, label minus prediction", arguments: layouts)
  func densities(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    for problem in try densities(golden, Double.self, tolerance: 1e-12)
      + densities(golden, Float.self, tolerance: 1e-5)
    {
      #expect(problem == nil)
    }
  }

  // To rounding: the networks' pieces are found from the other end.
  @Test("the mirror is exact", arguments: layouts)
  func mirror(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    func check<S: TensorScalar>(_: S.Type, tolerance: Double) throws {
      func distance(_ a: Tensor<S>, _ b: Tensor<S>) -> Double {
        zip(a.scalars, b.scalars).map { a, b in
          Double((a - b).magnitude) / max(1, Double(b.magnitude))
        }.max() ?? .nan
      }
      let weights = try ReleasedWeights<S>(golden.file)
      let prefixes = [
        ReleasedLayout.released2D: ["flow."], .released3D: ["flow2d.", "flow3d."],
        .mmpose: ["head.loss_module.flow_model."],
        .mmposeLegacy: ["keypoint_head.loss.flow_model."],
      ]
      let flows = [weights.planarFlow, weights.spatialFlow].compactMap(\.self)
      let names = try #require(prefixes[layout])
      #expect(flows.count == names.count)
      for (flow, prefix) in zip(flows, names) {
        let published = try NormalizingFlow<S>(rleWeights: golden.file, prefix: prefix)
        var generator = PhiloxGenerator(seed: 3)
        let x = Tensor<S>.normal([300, flow.dimension], using: &generator) * 3
        let density = flow.logDensity(of: x)
        #expect(distance(density, published.logDensity(of: -x)) < tolerance)
        #expect(distance(density, published.logDensity(of: x)) > 0.01)
        let z = Tensor<S>.normal([300, flow.dimension], using: &generator)
        #expect(distance(flow.toData(z).value, -published.toData(-z).value) < tolerance)
      }
    }
    try check(Double.self, tolerance: 1e-13)
    try check(Float.self, tolerance: 3e-6)
  }

  @Test("positions and covariances in the image", arguments: layouts)
  func decode(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    let crops = try golden.crops()
    let maps = try golden["maps"]
    for (row, crop) in crops.enumerated() {
      let map = crop.toCrop
      #expect(
        deviation(
          "map", found: [map.xx, map.xy, map.shift.x, map.yx, map.yy, map.shift.y],
          expected: maps[rows: row..<row + 1].scalars, tolerance: 1e-12) == nil)
    }
    let mean = try golden["mean"]
    let spreads = KeypointSpreads<Centered, Double>(scale: try golden["scale"])
    let inImage: KeypointPositions<ImagePixels, Double>
    let inTwoSteps: KeypointPositions<ImagePixels, Double>
    let back: Tensor<Double>
    switch layout {
    case .released2D, .released3D:
      let positions = KeypointPositions<Centered, Double>(mean)
      inImage = positions.inImage(crops)
      inTwoSteps = positions.inPixels(of: .standard).inImage(crops)
      back = inImage.normalized(by: crops, to: Centered.self).values
    case .mmpose, .mmposeLegacy:
      let positions = KeypointPositions<CornerOrigin, Double>(mean)
      inImage = positions.inImage(crops)
      inTwoSteps = positions.inPixels(of: .standard).inImage(crops)
      back =
        inImage.inCrops(crops).normalized(by: .standard, to: CornerOrigin.self).values
    }
    #expect(
      deviation(
        "image", found: inImage.values, expected: try golden["image"], tolerance: 1e-12) == nil)
    #expect(inTwoSteps == inImage)
    #expect(deviation("back", found: back, expected: mean, tolerance: 1e-12) == nil)
    let factor = spreads.inImage(crops)
    let inPlane = factor.covariance.slice(0..<2, axis: 2).slice(0..<2, axis: 3)
    // Entries off the diagonal are differences, so that the largest entry sets the scale.
    let covariance = try golden["covariance"]
    let scale = abs(covariance).max(axis: 3, keepingAxis: true).max(axis: 2, keepingAxis: true)
    #expect(
      deviation(
        "covariance", found: inPlane / scale, expected: covariance / scale, tolerance: 1e-13)
        == nil)
    let steps = spreads.converted(to: CornerOrigin.self).inPixels(of: .standard).inImage(crops)
    #expect(steps == factor)
    let returned = factor.inCrops(crops).normalized(by: .standard, to: Centered.self)
    #expect(
      deviation(
        "spread back", found: returned.factor, expected: spreads.factor, tolerance: 1e-12) == nil)
  }

  @Test("flip test", arguments: layouts)
  func flip(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    let weights = try ReleasedWeights<Double>(golden.file)
    let (plain, other) = (
      weights.head(try golden["features"]), weights.head(try golden["features_flipped"])
    )
    let (skeleton, expected) = (HeadGolden.skeleton, try golden["flip_mean"])
    // Averaged in its own convention and, after a change of it, in the other.
    func merged<Own: NormalizedFrame, Other: NormalizedFrame>(
      _: Own.Type, _: Other.Type, _ rule: FlipRule
    ) -> [Tensor<Double>] {
      let (a, b) = (
        KeypointPositions<Own, Double>(plain.mean), KeypointPositions<Own, Double>(other.mean)
      )
      let inOther = a.converted(to: Other.self).averaged(
        withFlipped: b.converted(), skeleton, rule: rule)
      return [
        a.averaged(withFlipped: b, skeleton, rule: rule).values,
        inOther.converted(to: Own.self).values,
      ]
    }
    let found =
      layout == .released2D || layout == .released3D
      ? merged(Centered.self, CornerOrigin.self, .released(cropWidth: 192))
      : merged(CornerOrigin.self, Centered.self, .mmpose(inputWidth: 192))
    for mean in found {
      #expect(deviation("mean", found: mean, expected: expected, tolerance: 1e-12) == nil)
    }
    let spreads = KeypointSpreads<Centered, Double>(scale: sigmoid(plain.scaleLogit))
      .averaged(withFlipped: .init(scale: sigmoid(other.scaleLogit)), skeleton)
    #expect(
      deviation(
        "scale", found: spreads.scale, expected: try golden["flip_scale"], tolerance: 1e-12) == nil)
  }

  @Test("scores", arguments: layouts)
  func scores(layout: ReleasedLayout) throws {
    let golden = try HeadGolden(layout)
    let scale = try golden["scale"]
    let joints = PoseScore.joints(scale: scale)
    let found = [
      ("joint_scores", joints), ("pose_scores", PoseScore.poses(scale: scale)),
      ("ranking", PoseScore.ranking(joints: joints, boxes: try golden["box_scores"])),
      ("ranking_annotated", PoseScore.ranking(joints: joints)),
    ]
    for (name, tensor) in found {
      #expect(
        deviation(name, found: tensor, expected: try golden[name], tolerance: 1e-14) == nil)
    }
  }
}
