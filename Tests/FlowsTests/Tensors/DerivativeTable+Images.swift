import Flows

/// Convolutions of all kinds, by what they are called.
struct ConvolutionCase: Sendable, CustomStringConvertible {
  let description: String
  let height: Int
  let width: Int
  let inputs: Int
  let outputs: Int
  let geometry: ConvolutionGeometry

  init(
    _ description: String, _ height: Int, _ width: Int, _ inputs: Int, _ outputs: Int,
    _ geometry: ConvolutionGeometry
  ) {
    self.description = description
    (self.height, self.width, self.inputs, self.outputs) = (height, width, inputs, outputs)
    self.geometry = geometry
  }

  var weightShape: [Int] {
    [geometry.kernel.height, geometry.kernel.width, inputs / geometry.groups, outputs]
  }

  static let all: [ConvolutionCase] = [
    .init("1 × 1", 3, 4, 5, 7, .init(kernel: 1)),
    .init("1 × 1, stride 2", 5, 4, 18, 17, .init(kernel: 1, stride: 2)),
    .init("3 × 3", 5, 6, 4, 5, .init(kernel: 3, padding: 1)),
    .init("3 × 3 without padding", 5, 4, 3, 2, .init(kernel: 3)),
    .init("3 × 3, many channels", 4, 5, 33, 65, .init(kernel: 3, padding: 1)),
    .init("3 × 3, whole vectors", 4, 4, 32, 64, .init(kernel: 3, padding: 1)),
    .init("3 × 3, stride 2", 7, 6, 6, 8, .init(kernel: 3, stride: 2, padding: 1)),
    .init("3 × 3, stride 2, even image", 8, 8, 17, 16, .init(kernel: 3, stride: 2, padding: 1)),
    .init("stride 3", 10, 9, 3, 4, .init(kernel: 3, stride: 3, padding: 1)),
    .init("stride beyond the kernel", 9, 9, 4, 3, .init(kernel: 2, stride: 4)),
    .init("7 × 7 of one channel", 16, 13, 1, 8, .init(kernel: 7, stride: 2, padding: 3)),
    .init("7 × 7 of three channels", 12, 12, 3, 16, .init(kernel: 7, stride: 2, padding: 3)),
    .init(
      "uneven", 6, 9, 3, 4,
      .init(
        kernel: .init(height: 2, width: 5), stride: .init(height: 2, width: 3),
        padding: .init(height: 1, width: 2))),
    .init("dilated", 9, 8, 3, 5, .init(kernel: 3, padding: 2, dilation: 2)),
    .init("padding beyond the kernel", 2, 3, 2, 3, .init(kernel: 2, padding: 4)),
    .init("an image smaller than the kernel", 2, 1, 4, 4, .init(kernel: 5, padding: 2)),
    .init("groups", 5, 5, 6, 9, .init(kernel: 3, padding: 1, groups: 3)),
    .init("groups of whole vectors", 4, 4, 32, 32, .init(kernel: 3, padding: 1, groups: 2)),
    .init("depthwise", 6, 5, 19, 19, .init(kernel: 3, padding: 1, groups: 19)),
    .init(
      "depthwise, two for one, stride 2", 6, 7, 5, 10,
      .init(kernel: 3, stride: 2, padding: 1, groups: 5)),
  ]
}

extension DerivativeTable {
  mutating func addImages() {
    for one in ConvolutionCase.all {
      let weight = sample(one.weightShape, in: -0.4..<0.4, salt: 3)
      let images = sample([2, one.height, one.width, one.inputs])
      add("convolution, \(one)", images, weight, sample([one.outputs])) {
        convolution($0[0], weight: $0[1], bias: $0[2], geometry: one.geometry)
      }
      let size = one.geometry.outputSize(height: one.height, width: one.width)
      // What the windows do not reach is made by extra rows and columns.
      let reached = one.geometry
      let extra = ConvolutionGeometry.Pair(
        height: one.height + 2 * reached.padding.height
          - reached.dilation.height * (reached.kernel.height - 1) - 1
          - (size.height - 1) * reached.stride.height,
        width: one.width + 2 * reached.padding.width
          - reached.dilation.width * (reached.kernel.width - 1) - 1
          - (size.width - 1) * reached.stride.width)
      add(
        "transposed convolution, \(one)", sample([2, size.height, size.width, one.outputs]),
        weight, sample([one.inputs])
      ) {
        transposedConvolution(
          $0[0], weight: $0[1], bias: $0[2], geometry: one.geometry, extra: extra)
      }
    }
    let three = ConvolutionGeometry(kernel: 3, padding: 1)
    for activation in Self.activations {
      add(
        "convolution, \(activation), residual", sample([2, 3, 4, 3]),
        sample([3, 3, 3, 5], in: -0.5..<0.5), sample([5]), sample([2, 3, 4, 5])
      ) {
        convolution(
          $0[0], weight: $0[1], bias: $0[2], geometry: three, residual: $0[3],
          activation: activation)
      }
      add(
        "batch normalisation, \(activation), residual", sample([3, 2, 4, 5]), sample([5]),
        sample([5]), sample([3, 2, 4, 5])
      ) {
        batchNormalization(
          $0[0], scale: $0[1], shift: $0[2], residual: $0[3], activation: activation
        ).value
      }
    }
    add("convolution of itself", sample([1, 4, 4, 3]), sample([3, 3, 3, 3], in: -0.5..<0.5)) {
      convolution($0[0], weight: $0[1], geometry: three, residual: $0[0])
    }
    add(
      "two convolutions of one weight", sample([1, 5, 4, 3]), sample([3, 3, 3, 3], in: -0.5..<0.5)
    ) {
      convolution(
        convolution($0[0], weight: $0[1], geometry: three), weight: $0[1], geometry: three)
    }
    for channels in [1, 3, 16, 33, 130] {
      add(
        "batch normalisation of \(channels)", sample([7, channels]), sample([channels]),
        sample([channels])
      ) {
        batchNormalization($0[0], scale: $0[1], shift: $0[2], epsilon: 1e-3).value
      }
    }
    add("batch normalisation, by x alone", sample([9, 4])) {
      batchNormalization($0[0], scale: .ones([4]), shift: .zeros([4])).value
    }
    let images = sample([2, 7, 6, 5])
    add("max pooling", images) {
      $0[0].maxPooled(ConvolutionGeometry(kernel: 3, stride: 2, padding: 1))
    }
    add("max pooling, uneven", images) {
      $0[0].maxPooled(
        ConvolutionGeometry(kernel: .init(height: 2, width: 3), stride: .init(height: 1, width: 2)))
    }
    for counts in [true, false] {
      add("average pooling, padding \(counts)", images) {
        $0[0].averagePooled(
          ConvolutionGeometry(kernel: 3, stride: 2, padding: 1), countsPadding: counts)
      }
    }
    add("global average", images) { $0[0].globallyAveraged() }
  }
}
