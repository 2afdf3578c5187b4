internal import CImageKernels
import Flows

extension PixelImage {
  /// Crops of this image as a network takes them, `[crops, H, W, channels]`.
  ///
  /// A pixel of a crop is the bilinear sample at its centre, of the normalised image with zeros
  /// (that is the input's mean) around it, as `grid_sample(align_corners=False)` of PyTorch. Where a
  /// crop reduces the image by more than 1½, the image is first averaged over blocks of pixels, so
  /// that nothing aliases.
  ///
  /// - Precondition: every crop has the size of the input.
  public func cropped(_ crops: [Crop], to input: ImageInput) -> Tensor<Float> {
    var scratch = ik_scratch()
    defer { ik_release(&scratch) }
    let count = input.size.width * input.size.height * input.channels
    var result = Tensor<Float>.zeros([
      crops.count, input.size.height, input.size.width, input.channels,
    ])
    result.withMutableScalars { scalars in
      guard let base = scalars.baseAddress else { return }
      for (index, crop) in crops.enumerated() {
        warp(crop, to: input, ColorMap(input), &scratch, into: base + index * count)
      }
    }
    return result
  }

  /// Writes one crop of `input`'s size.
  func warp(
    _ crop: Crop, to input: ImageInput, _ colors: ColorMap, isMirrored: Bool = false,
    _ scratch: inout ik_scratch, into out: UnsafeMutablePointer<Float>
  ) {
    precondition(
      crop.size.width == input.size.width && crop.size.height == input.size.height,
      "a crop for an input of \(input.size.width) × \(input.size.height) has that size; got "
        + "\(crop.size.width) × \(crop.size.height)")
    precondition(
      bytes.count == width * height * channels,
      "an image of \(width) × \(height) × \(channels) has \(width * height * channels) bytes; got "
        + "\(bytes.count)")
    let map = crop.toImage
    let target = ik_crop(
      width: Int64(input.size.width), height: Int64(input.size.height),
      channels: Int64(input.channels),
      map: (map.xx, map.xy, map.shift.x, map.yx, map.yy, map.shift.y), gain: colors.gain,
      offset: colors.offset, mirrored: isMirrored)
    let isDone = bytes.withUnsafeBufferPointer { buffer in
      let image = ik_image(
        bytes: buffer.baseAddress, width: Int64(width), height: Int64(height),
        channels: Int64(channels))
      return withUnsafePointer(to: image) { image in
        withUnsafePointer(to: target) { ik_warp(image, $0, &scratch, out) }
      }
    }
    precondition(isDone, "there is not enough memory for a crop of \(width) × \(height) pixels")
  }
}

/// How bytes become numbers: channel c of byte b is gain_c · b + offset_c.
struct ColorMap {
  var gain: (Float, Float, Float)
  var offset: (Float, Float, Float)

  /// The input's normalisation after v → gain · (contrast · (v − mean) + mean + brightness), where
  /// v = b / 255.
  init(
    _ input: ImageInput, gain: SIMD3<Double> = SIMD3(repeating: 1), contrast: Double = 1,
    brightness: Double = 0
  ) {
    func numbers(_ channel: Int) -> (Float, Float) {
      let index = min(channel, input.channels - 1)
      let (mean, deviation) = (input.mean[index], input.deviation[index])
      let constant = gain[index] * (mean - contrast * mean + brightness) - mean
      return (
        Float(gain[index] * contrast / (255 * deviation)), Float(constant / deviation)
      )
    }
    let channels = (numbers(0), numbers(1), numbers(2))
    self.gain = (channels.0.0, channels.1.0, channels.2.0)
    offset = (channels.0.1, channels.1.1, channels.2.1)
  }
}
