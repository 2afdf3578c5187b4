import Flows
import Testing

@Suite("Convolutions")
struct ConvolutionTests {
  /// Index by index, as the definition says.
  private func naive(_ x: Tensor<Double>, _ w: Tensor<Double>, _ g: ConvolutionGeometry)
    -> NaiveArray
  {
    let (images, weights) = (NaiveArray(x), NaiveArray(w))
    let size = g.outputSize(height: x.shape[1], width: x.shape[2])
    let (inputs, outputs) = (w.shape[2], w.shape[3])
    return NaiveArray([x.shape[0], size.height, size.width, outputs]) { index in
      let group = index[3] / (outputs / g.groups)
      var sum = 0.0
      for ky in 0..<g.kernel.height {
        for kx in 0..<g.kernel.width {
          let y = index[1] * g.stride.height - g.padding.height + ky * g.dilation.height
          let x = index[2] * g.stride.width - g.padding.width + kx * g.dilation.width
          guard (0..<images.shape[1]).contains(y), (0..<images.shape[2]).contains(x) else {
            continue
          }
          for c in 0..<inputs {
            sum += images[[index[0], y, x, group * inputs + c]] * weights[[ky, kx, c, index[3]]]
          }
        }
      }
      return sum
    }
  }

  @Test("are the sum over the window", arguments: ConvolutionCase.all)
  func definition(_ one: ConvolutionCase) {
    let x = sample([2, one.height, one.width, one.inputs])
    let w = sample(one.weightShape, in: -0.4..<0.4)
    let expected = naive(x, w, one.geometry)
    for set in InstructionSet.available {
      let (double, single) = InstructionSet.with(set) {
        (
          convolution(x, weight: w, geometry: one.geometry),
          convolution(Tensor<Float>(x), weight: Tensor<Float>(w), geometry: one.geometry)
        )
      }
      let problem = expected.difference(from: double, tolerance: 1e-12)
      #expect(problem == nil, "\(set): \(problem ?? "")")
      let inFloat = expected.difference(from: Tensor<Double>(single), tolerance: 2e-5)
      #expect(inFloat == nil, "\(set), Float: \(inFloat ?? "")")
    }
  }

  @Test("give the same bits for any number of threads")
  func threads() {
    let before = Workers.count
    defer { Workers.count = before }
    let model = Inputs<Float>(tensors: [
      Tensor(sample([5, 14, 11, 32])), Tensor(sample([3, 3, 32, 48])), Tensor(sample([48])),
    ])
    let geometry = ConvolutionGeometry(kernel: 3, stride: 2, padding: 1)
    var results: [[[Float]]] = []
    for threads in 1...3 {
      Workers.count = threads
      let derivative = gradient(at: model) { model in
        let y = convolution(model.tensors[0], weight: model.tensors[1], geometry: geometry)
        return batchNormalization(
          y, scale: model.tensors[2], shift: model.tensors[2], activation: .relu
        ).value.squared().sum()
      }
      results.append(derivative.tensors.map(\.scalars))
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test("with a normalisation folded in are the same map")
  func folding() {
    var generator = PhiloxGenerator(seed: 3)
    var convolution = Convolution<Double>(
      inputs: 3, outputs: 6, geometry: ConvolutionGeometry(kernel: 3, padding: 1),
      using: &generator)
    convolution.bias = sample([6])
    var normalization = BatchNormalization<Double>(channels: 6)
    normalization.scale = sample([6])
    normalization.shift = sample([6], salt: 1)
    normalization.runningMean = sample([6], salt: 2)
    normalization.runningVariance = sample([6], in: 0.2..<3)
    let x = sample([2, 5, 4, 3])
    let residual = sample([2, 5, 4, 6])
    let plain = normalization(convolution(x), residual: residual, activation: .relu)
    let folded = convolution.folding(normalization)(x, residual: residual, activation: .relu)
    #expect(abs(plain - folded).reshaped(to: [-1]).max(axis: 0).scalar < 1e-13)
  }

  @Test("of a batch have mean 0 and variance 1 after normalisation")
  func normalized() {
    let x = sample([4, 3, 5, 7], in: 9..<12)
    let (y, mean, variance) = batchNormalization(
      x, scale: .ones([7]), shift: .zeros([7]), epsilon: 0)
    let rows = y.reshaped(to: [60, 7])
    #expect(abs(rows.mean(axis: 0)).reshaped(to: [-1]).max(axis: 0).scalar < 1e-12)
    #expect(abs(rows.squared().mean(axis: 0) - 1).reshaped(to: [-1]).max(axis: 0).scalar < 1e-12)
    #expect(
      abs(mean - x.reshaped(to: [60, 7]).mean(axis: 0)).reshaped(to: [-1]).max(axis: 0).scalar
        < 1e-12)
    #expect(variance.scalars.allSatisfy { $0 > 0 })
  }

  @Test("of single precision keep a variance of 1 beside a mean of 10,000")
  func largeMean() {
    let x = Tensor<Float>(sample([4_096, 3], in: -1.7320508..<1.7320508) + 10_000)
    let (_, _, variance) = batchNormalization(x, scale: .ones([3]), shift: .zeros([3]))
    for value in variance.scalars { #expect((value - 1).magnitude < 0.1) }
    let exact = Tensor<Double>(x)
    let expected = (exact - exact.mean(axis: 0)).squared().mean(axis: 0)
    for (value, expected) in zip(variance.scalars, expected.scalars) {
      #expect((Double(value) - expected).magnitude < 1e-3)
    }
  }
}
