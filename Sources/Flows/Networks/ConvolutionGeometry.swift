/// How a window moves over images: its kernel, stride, padding, dilation and groups.
///
/// Along each axis, result pixel o sees the pixels o·stride − padding + i·dilation for i in
/// 0 ..< kernel; outside of the image there are zeros. So n pixels become
/// ⌊(n + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, as in PyTorch.
///
/// With G groups, group g of the results sees group g of the inputs alone; with as many groups as
/// inputs that is a depthwise convolution.
public struct ConvolutionGeometry: Hashable, Sendable, Codable {
  /// One number for each of the two axes of an image.
  public struct Pair: Hashable, Sendable, Codable, ExpressibleByIntegerLiteral {
    /// Along the rows' order, y.
    public var height: Int
    /// Along a row, x.
    public var width: Int

    /// Two numbers.
    public init(height: Int, width: Int) {
      self.height = height
      self.width = width
    }

    /// The same number along both axes.
    public init(_ both: Int) { self.init(height: both, width: both) }

    /// The same number along both axes.
    public init(integerLiteral value: Int) { self.init(value) }
  }

  /// The extent of the window in taps.
  public var kernel: Pair
  /// Pixels between two windows.
  public var stride: Pair
  /// Zeros around the image.
  public var padding: Pair
  /// Pixels between two taps.
  public var dilation: Pair
  /// Parts of the channels that do not see each other.
  public var groups: Int

  /// A geometry.
  ///
  /// - Precondition: kernel, stride, dilation and groups are positive and the padding is not negative.
  public init(
    kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: Int = 1
  ) {
    precondition(
      [kernel, stride, dilation].allSatisfy { $0.height > 0 && $0.width > 0 }
        && padding.height >= 0 && padding.width >= 0 && groups > 0,
      "kernel, stride, dilation and groups are positive and the padding is not negative; got "
        + "\(kernel), \(stride), \(dilation), \(groups), \(padding)")
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// The number of windows along an axis of so many pixels; 0 where there is none.
  static func windows(_ pixels: Int, kernel: Int, stride: Int, padding: Int, dilation: Int) -> Int {
    let room = pixels + 2 * padding - dilation * (kernel - 1) - 1
    return room < 0 ? 0 : room / stride + 1
  }

  /// Height and width of the result for images of a size.
  public func outputSize(height: Int, width: Int) -> (height: Int, width: Int) {
    (
      Self.windows(
        height, kernel: kernel.height, stride: stride.height, padding: padding.height,
        dilation: dilation.height),
      Self.windows(
        width, kernel: kernel.width, stride: stride.width, padding: padding.width,
        dilation: dilation.width)
    )
  }

  /// Height and width of what a transposed convolution makes of images of a size.
  ///
  /// (n − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + extra.
  func transposedSize(height: Int, width: Int, extra: Pair) -> (height: Int, width: Int) {
    (
      (height - 1) * stride.height - 2 * padding.height + dilation.height * (kernel.height - 1) + 1
        + extra.height,
      (width - 1) * stride.width - 2 * padding.width + dilation.width * (kernel.width - 1) + 1
        + extra.width
    )
  }
}
