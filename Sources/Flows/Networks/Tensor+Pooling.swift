internal import CFlowKernels

extension Tensor {
  /// The largest value in each window of images `[n, height, width, channels]`, channel by channel.
  ///
  /// Padding counts as −∞. Of equal values the first one takes the derivative.
  ///
  /// - Precondition: no dilation or groups, and a padding of less than the kernel.
  public func maxPooled(_ geometry: ConvolutionGeometry) -> Tensor {
    let window = PoolingWindow(shape, geometry)
    let x = storage
    let tape = x.activeTape
    let y = Storage(Shape(window.outputShape), x.kind, tape: tape)
    let places =
      tape == nil
      ? nil
      : fk_allocate(Swift.max(1, y.count) * MemoryLayout<Int32>.size)?.bindMemory(
        to: Int32.self, capacity: y.count)
    let g = window
    fk_max_pool(
      x.type, g.images, g.height, g.width, g.channels, g.kernelY, g.kernelX, g.strideY, g.strideX,
      g.padY, g.padX, g.outHeight, g.outWidth, x.pointer, y.pointer, places)
    guard let tape, let places else { return Tensor(y) }
    let winners = PoolingPlaces(places, count: y.count)
    tape.record { tape in
      guard let gradient = tape.takeGradient(of: y.node) else { return }
      let target = tape.zeroedAccumulator(for: x.node, like: x)
      fk_max_pool_backward(
        x.type, g.images, g.height * g.width, g.outHeight * g.outWidth, g.channels,
        gradient.pointer, winners.pointer, target.pointer)
    }
    return Tensor(y)
  }

  /// The mean over each window of images `[n, height, width, channels]`, channel by channel.
  ///
  /// - Parameters:
  ///   - geometry: how the window moves, without dilation or groups.
  ///   - countsPadding: whether zeros of the padding count as pixels, as is PyTorch's default.
  public func averagePooled(_ geometry: ConvolutionGeometry, countsPadding: Bool = true) -> Tensor {
    let g = PoolingWindow(shape, geometry)
    let x = storage
    let tape = x.activeTape
    let y = Storage(Shape(g.outputShape), x.kind, tape: tape)
    fk_average_pool(
      x.type, g.images, g.height, g.width, g.channels, g.kernelY, g.kernelX, g.strideY, g.strideX,
      g.padY, g.padX, g.outHeight, g.outWidth, countsPadding, x.pointer, y.pointer)
    tape?.record { tape in
      guard let gradient = tape.takeGradient(of: y.node) else { return }
      let target = tape.zeroedAccumulator(for: x.node, like: x)
      fk_average_pool_backward(
        x.type, g.images, g.height, g.width, g.channels, g.kernelY, g.kernelX, g.strideY,
        g.strideX, g.padY, g.padX, g.outHeight, g.outWidth, countsPadding, gradient.pointer,
        target.pointer)
    }
    return Tensor(y)
  }

  /// The mean of each channel over all pixels: `[n, height, width, channels]` → `[n, channels]`.
  public func globallyAveraged() -> Tensor {
    precondition(
      rank == 4 && shape[1] * shape[2] > 0,
      "images have the shape [n, height, width, channels]; got \(shape)")
    let x = storage
    let (images, pixels, channels) = (
      Int64(shape[0]), Int64(shape[1] * shape[2]), Int64(shape[3])
    )
    let tape = x.activeTape
    let y = Storage(Shape(shape[0], shape[3]), x.kind, tape: tape)
    fk_global_average(x.type, images, pixels, channels, x.pointer, y.pointer)
    tape?.record { tape in
      guard let gradient = tape.takeGradient(of: y.node) else { return }
      let target = tape.zeroedAccumulator(for: x.node, like: x)
      fk_global_average_backward(
        x.type, images, pixels, channels, gradient.pointer, target.pointer)
    }
    return Tensor(y)
  }
}

/// Which pixels won, for as long as a recording needs it.
private final class PoolingPlaces {
  let pointer: UnsafeMutablePointer<Int32>
  private let count: Int

  init(_ pointer: UnsafeMutablePointer<Int32>, count: Int) {
    self.pointer = pointer
    self.count = count
  }

  deinit { fk_deallocate(pointer, Swift.max(1, count) * MemoryLayout<Int32>.size) }
}

/// The sizes of a pooling, checked.
private struct PoolingWindow {
  let images, height, width, channels: Int64
  let kernelY, kernelX, strideY, strideX, padY, padX: Int64
  let outHeight, outWidth: Int64

  var outputShape: [Int] { [Int(images), Int(outHeight), Int(outWidth), Int(channels)] }

  init(_ shape: [Int], _ geometry: ConvolutionGeometry) {
    precondition(
      shape.count == 4, "images have the shape [n, height, width, channels]; got \(shape)")
    precondition(
      geometry.dilation == 1 && geometry.groups == 1
        && geometry.padding.height < geometry.kernel.height
        && geometry.padding.width < geometry.kernel.width,
      "pooling has no dilation or groups, and a padding of less than the kernel; got \(geometry)")
    let size = geometry.outputSize(height: shape[1], width: shape[2])
    precondition(
      size.height > 0 && size.width > 0,
      "the window \(geometry.kernel) does not fit into images of \(shape[1]) × \(shape[2])")
    (images, height) = (Int64(shape[0]), Int64(shape[1]))
    (width, channels) = (Int64(shape[2]), Int64(shape[3]))
    (kernelY, kernelX) = (Int64(geometry.kernel.height), Int64(geometry.kernel.width))
    (strideY, strideX) = (Int64(geometry.stride.height), Int64(geometry.stride.width))
    (padY, padX) = (Int64(geometry.padding.height), Int64(geometry.padding.width))
    (outHeight, outWidth) = (Int64(size.height), Int64(size.width))
  }
}
