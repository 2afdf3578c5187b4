import Testing

@testable import Flows

@Suite("NumPy files")
struct NumPyFileTests {
  private func decode<S: TensorScalar>(_ golden: String, as type: S.Type) throws -> Tensor<S> {
    try NumPyFile.decode(bytes(base64: golden))
  }

  @Test("reads floating-point tables in every order and version")
  func tables() throws {
    let goldens = [
      NumPyGolden.float64, NumPyGolden.float32, NumPyGolden.float64BigEndian,
      NumPyGolden.float64Fortran, NumPyGolden.version2, NumPyGolden.version3,
    ]
    for golden in goldens {
      let double = try decode(golden, as: Double.self)
      #expect(double.shape == [2, 3])
      #expect(double.scalars == [1.5, -2, 3, 4, 5.25, -6])
      let float = try decode(golden, as: Float.self)
      #expect(float.shape == [2, 3])
      #expect(float.scalars == [1.5, -2, 3, 4, 5.25, -6])
    }
  }

  @Test("reads half precision")
  func half() throws {
    let values = try decode(NumPyGolden.float16, as: Float.self).scalars
    #expect(values == [1.5, -2, 0x1p-24, 65504, .infinity, 0])
    #expect(values.last?.sign == .minus)
    let big = try decode(NumPyGolden.float16BigEndian, as: Double.self).scalars
    #expect(big == [0.333251953125, -1])
    let nan = ElementType.float16.decode([0x01, 0x7E, 0xFF, 0x03], as: Double.self)
    #expect(nan[0].isNaN)
    #expect(nan[1] == 1023 * 0x1p-24)
  }

  @Test("reads bytes as bytes, in rows whatever their order")
  func unsignedBytes() throws {
    var golden = try bytes(base64: NumPyGolden.uint8)
    #expect(try NumPyFile.decodeBytes(&golden) == [3] && golden == [0, 1, 255])
    let text = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}"
    var file = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8)
    file += [0, 10, 1, 11, 2, 12]
    #expect(try NumPyFile.decodeBytes(&file) == [2, 3] && file == [0, 1, 2, 10, 11, 12])
    var floats = try bytes(base64: NumPyGolden.float32)
    let error = #expect(throws: FlowsError.self) { try NumPyFile.decodeBytes(&floats) }
    #expect(error?.kind == .unsupported && error?.message.contains("float32") == true)
  }

  @Test("reads whole numbers")
  func integers() throws {
    let signed: [(String, Double, Double)] = [
      (NumPyGolden.int8, -128, 127), (NumPyGolden.int16, -32_768, 32_767),
      (NumPyGolden.int32, -0x1p31, 0x1p31 - 1), (NumPyGolden.int64, -0x1p63, 0x1p63),
    ]
    for (golden, low, high) in signed {
      #expect(try decode(golden, as: Double.self).scalars == [low, -1, 0, high])
    }
    let unsigned: [(String, Double)] = [
      (NumPyGolden.uint8, 255), (NumPyGolden.uint16, 65_535), (NumPyGolden.uint32, 0x1p32 - 1),
      (NumPyGolden.uint64, 0x1p64),
    ]
    for (golden, high) in unsigned {
      #expect(try decode(golden, as: Double.self).scalars == [0, 1, high])
    }
    #expect(try decode(NumPyGolden.int32BigEndian, as: Float.self).scalars == [-2, 65_536])
    let truth = try decode(NumPyGolden.bool, as: Float.self)
    #expect(truth.shape == [2, 2])
    #expect(truth.scalars == [1, 0, 0, 1])
  }

  @Test("rounds 64-bit numbers to Float once")
  func roundsOnce() {
    // Just above halfway between two values of Float; rounding to Double first would lose that.
    let value: Int64 = (1 << 60) + (1 << 36) + 1
    let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0)[...] }
    #expect(ElementType.int64.decode(bytes, as: Float.self) == [0x1p60 + 0x1p37])
  }

  @Test("reads scalars, empty tables and column-major order of three axes")
  func shapes() throws {
    let scalar = try decode(NumPyGolden.scalar, as: Double.self)
    #expect(scalar.shape.isEmpty)
    #expect(scalar.scalars == [2.5])
    let empty = try decode(NumPyGolden.empty, as: Double.self)
    #expect(empty.shape == [0, 3])
    let three = try decode(NumPyGolden.fortranThreeAxes, as: Float.self)
    #expect(three.shape == [2, 3, 4])
    #expect(three.scalars == (0..<24).map { Float($0) })
  }

  @Test("writes the bytes that NumPy writes")
  func writesGolden() throws {
    let scalars = [1.5, -2, 3, 4, 5.25, -6]
    let table = Tensor(shape: [2, 3], scalars: scalars)
    #expect(try NumPyFile.encode(table) == bytes(base64: NumPyGolden.float64))
    let single = Tensor(shape: [2, 3], scalars: scalars.map { Float($0) })
    #expect(try NumPyFile.encode(single) == bytes(base64: NumPyGolden.float32))
    let scalar = Tensor(shape: [], scalars: [2.5])
    #expect(try NumPyFile.encode(scalar) == bytes(base64: NumPyGolden.scalar))
    let empty = Tensor(shape: [0, 3], scalars: [Double]())
    #expect(try NumPyFile.encode(empty) == bytes(base64: NumPyGolden.empty))
  }

  @Test("round trip through a file", arguments: 0...6)
  func roundTrip(rank: Int) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.npy"
      let shape = Array([2, 3, 1, 2, 4, 2].prefix(rank))
      let count = shape.reduce(1, *)
      let tensor = Tensor(shape: shape, scalars: (0..<count).map { Double($0) / 7 })
      try NumPyFile.write(tensor, to: path)
      let read = try NumPyFile.read(path, as: Double.self)
      #expect(read.shape == tensor.shape)
      #expect(read.scalars == tensor.scalars)
    }
  }

  @Test("round trip of values that are easily lost")
  func awkward() throws {
    func check<S: TensorScalar>(_ type: S.Type) throws {
      let values = awkwardValues(S.self)
      let bytes = try NumPyFile.encode(Tensor(shape: [values.count], scalars: values))
      expectSame(try NumPyFile.decode(bytes, as: S.self).scalars, values)
      // Double holds every Float.
      let wide = try NumPyFile.decode(bytes, as: Double.self).scalars
      expectSame(wide, values.map { Double($0) })
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("names the file in errors")
  func namesFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.npy"
      #expect(
        errorText { try NumPyFile.read(path, as: Float.self) } == "\(path): the file does not exist"
      )
      try AtomicFile.write([], to: path)
      #expect(
        errorText { try NumPyFile.read(path, as: Float.self) }
          == "\(path): expected a NumPy file, which starts with \"\\x93NUMPY\", "
          + "found an empty file")
    }
  }
}
