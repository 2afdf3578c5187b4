internal import CFlowKernels

/// A counter-based random number generator: Philox 4×32-10 (Salmon et al., SC 2011).
///
/// Its state is a seed, a stream and a position, so that it can be saved, forked into independent
/// streams and set to any place. Integers, uniforms and normals are the same bits on every platform.
public struct PhiloxGenerator: RandomNumberGenerator, Hashable, Sendable, Codable {
  /// The key.
  public let seed: UInt64
  /// The sequence among those of one seed.
  public let stream: UInt64
  /// The number of blocks used so far.
  public private(set) var position: UInt64

  /// A generator at the start of a stream.
  public init(seed: UInt64, stream: UInt64 = 0) {
    self.seed = seed
    self.stream = stream
    position = 0
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let words = block(advance(by: 1))
    return UInt64(words.0) << 32 | UInt64(words.1)
  }

  /// An independent generator for a numbered purpose; this one does not move.
  ///
  /// The stream of the fork is a mix of this stream, its position and the index.
  public func forked(_ index: UInt64) -> PhiloxGenerator {
    var mixed = stream &+ 0x9e37_79b9_7f4a_7c15 &* (index &+ 1)
    mixed ^= position &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return PhiloxGenerator(seed: seed, stream: mixed ^ (mixed >> 31))
  }

  /// Reserves blocks and returns the first of them.
  mutating func advance(by blocks: Int) -> UInt64 {
    let first = position
    position &+= UInt64(blocks)
    return first
  }

  private func block(_ index: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
    var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words) { bytes in
      guard let base = bytes.bindMemory(to: UInt32.self).baseAddress else { return }
      fk_philox(seed, stream, index, base)
    }
    return words
  }
}

extension Tensor {
  /// Draws by a kernel; side by side where an element is a function of its place alone.
  private static func drawn(
    _ shape: [Int], _ generator: inout PhiloxGenerator, sideBySide: Bool = false,
    _ fill: (fk_type, UInt64, UInt64, UInt64, Int64, UnsafeMutableRawPointer?) -> Void
  ) -> Tensor {
    let storage = Storage(Shape(shape), Scalar.scalarKind)
    let first = generator.advance(by: storage.count)
    let (seed, stream, count) = (generator.seed, generator.stream, storage.count)
    let run = sideBySide ? 8_192 : Swift.max(1, count)
    Workers.run((count + run - 1) / run, threads: Workers.count) { index in
      let start = index * run
      fill(
        storage.type, seed, stream, first &+ UInt64(start), Int64(Swift.min(run, count - start)),
        storage.pointer + start * storage.kind.size)
    }
    return Tensor(storage)
  }

  /// Independent uniform draws, in [lower, upper).
  public static func uniform(
    _ shape: [Int], in bounds: Range<Scalar> = 0..<1, using generator: inout PhiloxGenerator
  ) -> Tensor {
    let unit = drawn(shape, &generator, sideBySide: true, fk_random_uniform)
    if bounds == 0..<1 { return unit }
    // Rounding may reach the upper bound, which does not belong to the range.
    return unit.scaled(by: bounds.upperBound - bounds.lowerBound, plus: bounds.lowerBound)
      .clipped(to: bounds.lowerBound...bounds.upperBound.nextDown)
  }

  /// Independent draws from the standard normal distribution.
  public static func normal(_ shape: [Int], using generator: inout PhiloxGenerator) -> Tensor {
    drawn(shape, &generator, sideBySide: true, fk_random_normal)
  }

  /// Independent draws from the standard Laplace distribution, density e^−|x| / 2.
  public static func laplace(_ shape: [Int], using generator: inout PhiloxGenerator) -> Tensor {
    drawn(shape, &generator, sideBySide: true, fk_random_laplace)
  }

  /// Independent draws from the gamma distribution of rate 1, density x^(α−1) e^−x / Γ(α).
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - alpha: the shape parameter α > 0.
  ///   - generator: the source of randomness.
  public static func gamma(
    _ shape: [Int], alpha: Double, using generator: inout PhiloxGenerator
  ) -> Tensor {
    precondition(
      alpha > 0 && alpha.isFinite,
      "a gamma distribution has a positive, finite shape parameter; got \(alpha)")
    return drawn(shape, &generator) { type, seed, stream, first, count, out in
      fk_random_gamma(type, seed, stream, first, count, alpha, out)
    }
  }

  /// Independent draws from the standard logistic distribution, density e^−x / (1 + e^−x)².
  public static func logistic(_ shape: [Int], using generator: inout PhiloxGenerator) -> Tensor {
    drawn(shape, &generator, sideBySide: true, fk_random_logistic)
  }

  /// Independent draws from gamma distributions of rate 1, each with a shape parameter of its own.
  ///
  /// Draws below the smallest normal number, which small shape parameters give, are that number;
  /// draws of a parameter that is not positive and finite are NaN.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - concentration: the shape parameters, positive; broadcast to `shape`.
  ///   - generator: the source of randomness.
  public static func gamma(
    _ shape: [Int], concentration: Tensor, using generator: inout PhiloxGenerator
  ) -> Tensor {
    let alpha = concentration.detached.broadcast(to: shape)
    return drawn(shape, &generator) { type, seed, stream, first, count, out in
      fk_random_gamma_each(type, seed, stream, first, count, alpha.storage.pointer, out)
    }
  }

  /// Independent draws from beta distributions, density x^(α−1) (1−x)^(β−1) / B(α, β), within (0, 1).
  ///
  /// Draws of a parameter that is not positive and finite are NaN.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - alpha: the parameters α, positive; broadcast to `shape`.
  ///   - beta: the parameters β, positive; broadcast to `shape`.
  ///   - generator: the source of randomness.
  public static func beta(
    _ shape: [Int], alpha: Tensor, beta: Tensor, using generator: inout PhiloxGenerator
  ) -> Tensor {
    let a = alpha.detached.broadcast(to: shape)
    let b = beta.detached.broadcast(to: shape)
    return drawn(shape, &generator) { type, seed, stream, first, count, out in
      fk_random_beta_each(
        type, seed, stream, first, count, a.storage.pointer, b.storage.pointer, out)
    }
  }

  /// Independent draws from Student's t distributions of location 0 and scale 1.
  ///
  /// Draws of infinitely many degrees of freedom are normal; of such that are not positive, NaN.
  ///
  /// - Parameters:
  ///   - shape: the shape of the tensor.
  ///   - degreesOfFreedom: positive; broadcast to `shape`.
  ///   - generator: the source of randomness.
  public static func studentT(
    _ shape: [Int], degreesOfFreedom: Tensor, using generator: inout PhiloxGenerator
  ) -> Tensor {
    let nu = degreesOfFreedom.detached.broadcast(to: shape)
    return drawn(shape, &generator) { type, seed, stream, first, count, out in
      fk_random_student_each(type, seed, stream, first, count, nu.storage.pointer, out)
    }
  }
}
