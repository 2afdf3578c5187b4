internal import CSystemLibraries

/// Inflates deflate streams (RFC 1951) with the system's zlib, which is found at run time.
enum Inflater {
  /// Whether zlib is on this system.
  static var isAvailable: Bool { csl_has_zlib() }

  /// The bytes that a raw deflate stream stands for.
  ///
  /// - Parameters:
  ///   - bytes: The stream.
  ///   - count: How many bytes to make; no more memory is taken.
  ///   - isWhole: Whether the stream must end there. Otherwise the bytes are only its beginning.
  ///   - isAvailable: Whether zlib may be used.
  /// - Throws: ``FlowsError``: `unsupported` without zlib, `malformedFile` for a broken stream.
  static func inflate(
    _ bytes: ArraySlice<UInt8>, count: Int, isWhole: Bool = true,
    isAvailable: Bool = Inflater.isAvailable
  ) throws -> [UInt8] {
    guard isAvailable else { throw failure(CSL_INFLATE_NO_LIBRARY, count) }
    var outcome = CSL_INFLATE_DONE
    // The standard library must not write to the storage that all empty arrays share.
    let inflated = [UInt8](unsafeUninitializedCapacity: max(count, 1)) { buffer, initialized in
      outcome = bytes.withUnsafeBytes { source in
        csl_inflate(source.baseAddress, source.count, buffer.baseAddress, count, isWhole)
      }
      initialized = outcome == CSL_INFLATE_DONE ? count : 0
    }
    if outcome != CSL_INFLATE_DONE { throw failure(outcome, count) }
    return inflated
  }

  private static func failure(_ outcome: csl_inflate_result, _ count: Int) -> FlowsError {
    let declared = "the declared \(counted(count, "byte"))"
    switch outcome {
    case CSL_INFLATE_NO_LIBRARY:
      return FlowsError(
        .unsupported,
        "the data is compressed, and zlib, which would inflate it, is not on this system; install "
          + "the package zlib1g (Debian, Ubuntu) or zlib (Homebrew), or save without compression")
    case CSL_INFLATE_NO_MEMORY:
      return FlowsError(.unsupported, "there is too little memory to inflate the data")
    case CSL_INFLATE_TRUNCATED:
      return FlowsError(.malformedFile, "the compressed data ends too early")
    case CSL_INFLATE_SHORT:
      return FlowsError(.malformedFile, "the compressed data holds less than \(declared)")
    case CSL_INFLATE_LONG:
      return FlowsError(.malformedFile, "the compressed data holds more than \(declared)")
    case CSL_INFLATE_TRAILING:
      return FlowsError(.malformedFile, "the compressed data ends before its declared end")
    default:
      return FlowsError(.malformedFile, "the compressed data is not valid")
    }
  }
}
