#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The learning rate as a function of the step, with an optional linear warm-up in front.
public struct LearningRateSchedule: Hashable, Sendable, Codable {
  /// What follows the warm-up.
  public enum Decay: Hashable, Sendable, Codable {
    /// Stays at the peak.
    case constant
    /// Is multiplied by a factor after every so many steps.
    case step(every: Int, factor: Double)
    /// Falls along half a cosine to a fraction of the peak at the last step
    /// (Loshchilov and Hutter, ICLR 2017, without restarts).
    case cosine(finalFraction: Double)
  }

  /// The highest rate.
  public var peak: Double
  /// What follows the warm-up.
  public var decay: Decay
  /// Steps over which the rate rises linearly to the peak.
  public var warmUpSteps: Int

  /// A schedule from its parts.
  public init(peak: Double, decay: Decay, warmUpSteps: Int = 0) {
    precondition(peak >= 0 && warmUpSteps >= 0, "a rate and a warm-up are not negative")
    self.peak = peak
    self.decay = decay
    self.warmUpSteps = warmUpSteps
  }

  /// One rate throughout.
  public static func constant(_ rate: Double) -> LearningRateSchedule {
    LearningRateSchedule(peak: rate, decay: .constant)
  }

  /// Multiplied by `factor` after every `every` steps.
  public static func step(_ rate: Double, every: Int, factor: Double = 0.1)
    -> LearningRateSchedule
  {
    LearningRateSchedule(peak: rate, decay: .step(every: every, factor: factor))
  }

  /// Half a cosine from `rate` to `finalFraction · rate`.
  public static func cosine(_ rate: Double, finalFraction: Double = 0) -> LearningRateSchedule {
    LearningRateSchedule(peak: rate, decay: .cosine(finalFraction: finalFraction))
  }

  /// The same schedule behind a linear warm-up.
  public func warmingUp(over steps: Int) -> LearningRateSchedule {
    LearningRateSchedule(peak: peak, decay: decay, warmUpSteps: steps)
  }

  /// The rate of a step, counted from 0, in a run of `total` steps.
  public func rate(at step: Int, of total: Int) -> Double {
    if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps + 1) }
    let after = step - warmUpSteps
    switch decay {
    case .constant: return peak
    case .step(let every, let factor):
      return peak * pow(factor, Double(after / Swift.max(1, every)))
    case .cosine(let finalFraction):
      let length = Swift.max(1, total - warmUpSteps - 1)
      let progress = Swift.min(1, Double(after) / Double(length))
      return peak * (finalFraction + (1 - finalFraction) * (1 + cos(Double.pi * progress)) / 2)
    }
  }
}
