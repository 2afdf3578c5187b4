import CFlowKernels
import Foundation
import Testing

@testable import Flows

@Suite("Philox")
struct PhiloxTests {
  /// Counter words are block (low, high), stream (low, high); key words are seed (low, high).
  ///
  /// Vectors: Random123, `kat_vectors`, philox4x32 with 10 rounds.
  static let vectors: [(seed: UInt64, stream: UInt64, block: UInt64, words: [UInt32])] = [
    (0, 0, 0, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (.max, .max, .max, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
      0x299f_31d0_a409_3822, 0x0370_7344_1319_8a2e, 0x85a3_08d3_243f_6a88,
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  @Test("gives the published words", arguments: 0..<3)
  func knownAnswers(_ index: Int) {
    let vector = Self.vectors[index]
    var words = [UInt32](repeating: 0, count: 4)
    fk_philox(vector.seed, vector.stream, vector.block, &words)
    #expect(words == vector.words, "\(words.map { String($0, radix: 16) })")
  }

  @Test("integers are the first two words of successive blocks")
  func integers() {
    var generator = PhiloxGenerator(seed: 0)
    #expect(generator.next() == 0x6627_e8d5_e169_c58d)
    #expect(generator.position == 1)
  }

  @Test("drawing in parts equals drawing at once", arguments: [1, 10, 13])
  func positions(_ first: Int) {
    typealias Draw = (Int, inout PhiloxGenerator) -> Tensor<Float>
    let draws: [(String, Draw)] = [
      ("uniform", { .uniform([$0], using: &$1) }), ("normal", { .normal([$0], using: &$1) }),
      ("laplace", { .laplace([$0], using: &$1) }),
      ("gamma", { .gamma([$0], alpha: 0.4, using: &$1) }),
    ]
    for (name, draw) in draws {
      var (a, b) = (PhiloxGenerator(seed: 5), PhiloxGenerator(seed: 5))
      let whole = draw(20, &a)
      let parts = Tensor.concatenated([draw(first, &b), draw(20 - first, &b)])
      #expect(whole == parts, "\(name)")
      #expect(a == b && a.position == 20)
    }
  }

  @Test("a saved generator goes on where it was")
  func coding() throws {
    var generator = PhiloxGenerator(seed: 7, stream: 9).forked(3)
    _ = generator.next()
    let data = try JSONEncoder().encode(generator)
    var restored = try JSONDecoder().decode(PhiloxGenerator.self, from: data)
    #expect(restored == generator && restored.next() == generator.next())
  }

  @Test("forks are different, reproducible and uncorrelated")
  func forks() {
    let parent = PhiloxGenerator(seed: 1)
    var moved = parent
    _ = moved.next()
    let streams =
      (0..<1_000).map { parent.forked($0).stream }
      + (0..<1_000).map { moved.forked($0).stream }
      + (0..<1_000).map { parent.forked(4).forked($0).stream }
    #expect(Set(streams).count == streams.count)
    #expect(parent.forked(2) == parent.forked(2) && parent.position == 0)
    let count = 10_000
    var generators = [parent, parent.forked(0), parent.forked(1), moved.forked(0)]
    let draws = generators.indices.map { Tensor<Double>.normal([count], using: &generators[$0]) }
    for i in draws.indices {
      for j in 0..<i {
        let correlation = (draws[i] * draws[j]).mean().scalar
        #expect(
          correlation.magnitude < 4 / Double(count).squareRoot(), "\(i), \(j): \(correlation)")
      }
    }
  }

  @Test("the first uniforms and normals have the same bits everywhere")
  func golden() {
    func hex(_ x: Tensor<Double>) -> [String] { x.scalars.map { String($0.bitPattern, radix: 16) } }
    func hex(_ x: Tensor<Float>) -> [String] { x.scalars.map { String($0.bitPattern, radix: 16) } }
    var generator = PhiloxGenerator(seed: 42)
    #expect(
      hex(Tensor<Double>.normal([4], using: &generator)) == [
        "3fd25ee4fdbb73d6", "4001fc56619bc882", "3fee03bf1037bc99", "3fe3923d3ae36ada",
      ])
    #expect(
      hex(Tensor<Float>.normal([4], using: &generator)) == [
        "bee64f86", "bef6dd30", "bf40f99b", "beb9c6c2",
      ])
    #expect(
      hex(Tensor<Double>.uniform([2], using: &generator)) == [
        "3fe1894a53844cb1", "3fd10bca18195c9e",
      ])
    #expect(hex(Tensor<Float>.uniform([2], using: &generator)) == ["3f064dde", "3ea794fe"])
    #expect(
      hex(Tensor<Double>.laplace([2], using: &generator)) == [
        "bfd1746f6a40ca1f", "bfea51d54e5905da",
      ])
  }

  @Test("the bits do not depend on the instruction set")
  func instructionSets() {
    let draws = InstructionSet.available.map { set in
      InstructionSet.with(set) {
        var generator = PhiloxGenerator(seed: 2)
        return Tensor<Double>.normal([50], using: &generator)
      }
    }
    #expect(draws.allSatisfy { $0 == draws[0] })
  }
}
