import Flows
import PoseRLE

/// What a report shows of a sample: the image where it is small, else the part around the person.
///
/// Photographs would make the page large and the person tiny.
struct ReportView {
  let picture: ReportPicture
  private let crop: Crop?

  /// The longest side of what is shown, in pixels.
  private static let side = 256

  init(_ sample: KeypointSample, padding: Double) throws {
    let image = sample.image
    guard max(image.width, image.height) > Self.side else {
      picture = ReportPicture(image)
      crop = nil
      return
    }
    let (width, height) = (sample.box.z, sample.box.w)
    let scale = Double(Self.side) / max(width, height)
    let size = CropSize(
      width: max(16, Int((scale * width).rounded())),
      height: max(16, Int((scale * height).rounded())))
    let crop = try Crop(
      x: sample.box.x, y: sample.box.y, width: width, height: height, size: size, padding: padding)
    let plain = ImageInput(
      size: size, channels: image.channels,
      mean: Array(repeating: 0, count: image.channels),
      deviation: Array(repeating: 1, count: image.channels))
    let values = image.cropped([crop], to: plain)
    let bytes = values.withScalars { scalars in
      scalars.map { UInt8(Swift.min(255, Swift.max(0, (255 * $0).rounded()))) }
    }
    picture = ReportPicture(
      width: size.width, height: size.height, channels: image.channels, bytes: bytes)
    self.crop = crop
  }

  /// Where a point of the image is in the picture.
  func place(_ point: SIMD2<Double>) -> SIMD2<Double> { crop?.toCrop(point) ?? point }

  /// A prediction in pixels of the image, in those of the picture.
  func seen(_ prediction: ReportPrediction) -> ReportPrediction {
    guard let crop else { return prediction }
    let scale = Double(crop.size.width) / crop.extent.x
    return ReportPrediction(
      likelihood: prediction.likelihood, joints: prediction.joints.map(place),
      regions: prediction.regions.map { regions in
        regions.map { ReportRegion(level: $0.level, curves: $0.curves.map { $0.map(place) }) }
      },
      spread: prediction.spread.map { scale * $0 })
  }
}
