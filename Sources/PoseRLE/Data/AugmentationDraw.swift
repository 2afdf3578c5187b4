import Flows
import Foundation

/// What an augmentation does to one sample.
struct AugmentationDraw {
  var isMirrored = false
  /// Degrees.
  var rotation = 0.0
  /// Of the crop's width in the image.
  var widthFactor = 1.0
  /// As a share of the padded box.
  var shift = SIMD2<Double>.zero
  /// Whether the upper half of the body is preferred; nil where all of it is shown.
  var prefersUpper: Bool?
  var brightness = 0.0
  var contrast = 1.0
  var gain = SIMD3<Double>(repeating: 1)
  /// Pixels of the crop.
  var blur = 0.0
  /// As shares of the crop.
  var erased: (center: SIMD2<Double>, size: SIMD2<Double>)?

  /// Streams of a sample's generator.
  ///
  /// Numbers are never used again, since draws would change.
  private enum Purpose: UInt64 {
    case flip = 0
    case rotation, scale, shift, halfBody, brightness, contrast, gain, blur, erasing
  }

  /// - Parameters:
  ///   - augmentation: what is varied and how.
  ///   - generator: that of the sample.
  init(_ augmentation: Augmentation, using generator: PhiloxGenerator) {
    func stream(_ purpose: Purpose) -> PhiloxGenerator { generator.forked(purpose.rawValue) }
    func number(_ variation: Augmentation.Variation?, _ purpose: Purpose) -> Double? {
      guard let variation else { return nil }
      var own = stream(purpose)
      guard own.unit() < variation.probability else { return nil }
      return own.number(variation)
    }

    if augmentation.flipProbability > 0 {
      var own = stream(.flip)
      isMirrored = own.unit() < augmentation.flipProbability
    }
    rotation = number(augmentation.rotation, .rotation) ?? 0
    if let scale = number(augmentation.scale, .scale) {
      widthFactor = augmentation.scaledPart == .content ? 1 / scale : scale
    }
    if let variation = augmentation.shift {
      var own = stream(.shift)
      if own.unit() < variation.probability {
        shift.x = own.number(variation)
        shift.y = own.number(variation)
      }
    }
    if let halfBody = augmentation.halfBody {
      var own = stream(.halfBody)
      if own.unit() < halfBody.probability {
        prefersUpper = own.unit() < halfBody.upperProbability
      }
    }
    if augmentation.brightness > 0 {
      var own = stream(.brightness)
      brightness = own.signed(augmentation.brightness)
    }
    if augmentation.contrast > 0 {
      var own = stream(.contrast)
      contrast = 1 + own.signed(augmentation.contrast)
    }
    if augmentation.channelGain > 0 {
      var own = stream(.gain)
      for channel in 0..<3 { gain[channel] = 1 + own.signed(augmentation.channelGain) }
    }
    blur = number(augmentation.blur, .blur) ?? 0
    if let erasing = augmentation.erasing {
      var own = stream(.erasing)
      if own.unit() < erasing.probability {
        let area = own.number(.uniform(erasing.area))
        let aspect = exp(own.signed(log(2)))
        let center = SIMD2(own.unit(), own.unit())
        erased = (center, SIMD2((area * aspect).squareRoot(), (area / aspect).squareRoot()))
      }
    }
  }
}

extension PhiloxGenerator {
  /// Uniform in 0 ..< 1.
  fileprivate mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in ± bound.
  fileprivate mutating func signed(_ bound: Double) -> Double { (2 * unit() - 1) * bound }

  /// A number of a variation that takes place.
  fileprivate mutating func number(_ variation: Augmentation.Variation) -> Double {
    let (lower, upper) = (variation.bounds.lowerBound, variation.bounds.upperBound)
    switch variation.distribution {
    case .uniform: return lower + (upper - lower) * unit()
    case .truncatedNormal:
      // By rejection from the uniform distribution, which takes 1.17 draws.
      while true {
        let z = signed(1)
        if unit() < exp(-0.5 * z * z) { return (lower + upper) / 2 + (upper - lower) / 2 * z }
      }
    }
  }
}
