extension ElementType {
  /// Converts stored elements to scalars.
  ///
  /// Values that `S` cannot hold exactly are rounded to the nearest; floating-point values beyond
  /// the range of `S` become infinite.
  func decode<S: TensorScalar>(
    _ bytes: ArraySlice<UInt8>, bigEndian: Bool = false, as type: S.Type
  ) -> [S] {
    // The two concrete calls let the compiler build loops without generic calls per element.
    if S.self == Float.self,
      let scalars = array(convert(bytes, bigEndian, to: Float.self), as: S.self)
    {
      return scalars
    }
    if S.self == Double.self,
      let scalars = array(convert(bytes, bigEndian, to: Double.self), as: S.self)
    {
      return scalars
    }
    return convert(bytes, bigEndian, to: S.self)
  }

  private func convert<S: TensorScalar>(
    _ bytes: ArraySlice<UInt8>, _ bigEndian: Bool, to type: S.Type
  ) -> [S] {
    switch self {
    case .bool: load(bytes, bigEndian) { (word: UInt8) in word == 0 ? 0 : 1 }
    case .uint8: load(bytes, bigEndian) { (word: UInt8) in S(word) }
    case .int8: load(bytes, bigEndian) { (word: UInt8) in S(Int8(bitPattern: word)) }
    case .uint16: load(bytes, bigEndian) { (word: UInt16) in S(word) }
    case .int16: load(bytes, bigEndian) { (word: UInt16) in S(Int16(bitPattern: word)) }
    case .float16: load(bytes, bigEndian) { (word: UInt16) in S(Self.half(word)) }
    case .bfloat16:
      load(bytes, bigEndian) { (word: UInt16) in S(Float(bitPattern: UInt32(word) << 16)) }
    case .uint32: load(bytes, bigEndian) { (word: UInt32) in S(word) }
    case .int32: load(bytes, bigEndian) { (word: UInt32) in S(Int32(bitPattern: word)) }
    case .float32: load(bytes, bigEndian) { (word: UInt32) in S(Float(bitPattern: word)) }
    case .uint64: load(bytes, bigEndian) { (word: UInt64) in S(word) }
    case .int64: load(bytes, bigEndian) { (word: UInt64) in S(Int64(bitPattern: word)) }
    case .float64: load(bytes, bigEndian) { (word: UInt64) in S(Double(bitPattern: word)) }
    }
  }

  @inline(__always)
  private func load<Word: FixedWidthInteger, S>(
    _ bytes: ArraySlice<UInt8>, _ bigEndian: Bool, _ scalar: (Word) -> S
  ) -> [S] {
    bytes.withUnsafeBytes { raw in
      let size = MemoryLayout<Word>.size
      let count = raw.count / size
      // The standard library writes to the storage that all empty arrays share.
      if count == 0 { return [] }
      return [S](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          let word = raw.loadUnaligned(fromByteOffset: index * size, as: Word.self)
          let native = bigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
          buffer.initializeElement(at: index, to: scalar(native))
        }
        initialized = count
      }
    }
  }

  /// Half precision by hand: the standard library has no `Float16` on every platform.
  private static func half(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x03FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// Appends scalars in the type ``storing(_:)`` names, little-endian.
  static func append<S: TensorScalar>(_ scalars: [S], to bytes: inout [UInt8]) {
    if let floats = array(scalars, as: Float.self) {
      appendWords(floats, to: &bytes) { $0.bitPattern }
    } else if let doubles = array(scalars, as: Double.self) {
      appendWords(doubles, to: &bytes) { $0.bitPattern }
    } else {
      appendWords(scalars, to: &bytes) { Double($0).bitPattern }
    }
  }

  private static func appendWords<S, Word: FixedWidthInteger>(
    _ scalars: [S], to bytes: inout [UInt8], _ word: (S) -> Word
  ) {
    let size = MemoryLayout<Word>.size
    let total = scalars.count * size
    if total == 0 { return }
    bytes += [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for (index, scalar) in scalars.enumerated() {
        raw.storeBytes(of: word(scalar).littleEndian, toByteOffset: index * size, as: Word.self)
      }
      initialized = total
    }
  }
}

/// The same array in code that does not know that both element types are one; nil if they are not.
///
/// A plain cast would try to convert element by element when the types differ.
func array<Source, Target>(_ array: [Source], as type: Target.Type) -> [Target]? {
  Source.self == Target.self ? array as Any as? [Target] : nil
}
