import Foundation
import Testing

@testable import Flows

@Suite("Streams of batches")
struct BatchStreamTests {
  private func withRows(_ count: Int, _ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/rows.npy"
      let rows = Tensor<Float>((0..<count).map { [Float($0), -Float($0)] })
      try NumPyFile.write(rows, to: path)
      try body(path)
    }
  }

  @Test("visit each row of a file once in a pass", arguments: [1, 700, 32_868, 65_536, 70_001])
  func passes(_ count: Int) throws {
    try withRows(count) { path in
      let stream = try NumPyRowStream<Float>(path, batchSize: 64, seed: 4)
      #expect(stream.rowCount == count)
      #expect(stream.dimension == 2)
      let size = stream.batchSize
      // Windows of 32,768 rows, a short last one joined to the one before, each cut into batches.
      let steps =
        count == 70_001 ? 512 + (70_001 - 32_768) / 64 : count / size
      var passes: [[Float]] = []
      var seenInAnyPass: Set<Float> = []
      for pass in 0..<2 {
        var seen: [Float] = []
        for step in pass * steps..<(pass + 1) * steps {
          let rows = try stream.batch(at: step).data
          #expect(rows.shape == [size, 2])
          #expect(rows.columns([0]) == -rows.columns([1]))
          seen += rows.columns([0]).scalars
        }
        #expect(Set(seen).count == seen.count)
        #expect(seen.count == steps * size)
        passes.append(seen)
        seenInAnyPass.formUnion(seen)
      }
      // What one pass leaves out another does not.
      #expect(count - seenInAnyPass.count < (count > 1 ? size : 1))
      if count > 1 {
        #expect(passes[0] != passes[1])
        #expect(passes[0] != passes[0].sorted())
      }
    }
  }

  @Test("find any step again")
  func randomAccess() throws {
    try withRows(70_001) { path in
      let stream = try NumPyRowStream<Float>(path, batchSize: 100, seed: 4)
      let other = try NumPyRowStream<Float>(path, batchSize: 100, seed: 4)
      let steps = [0, 5, 327, 328, 699, 700, 1_500, 3]
      let expected = try steps.map { try stream.batch(at: $0).data }
      for (step, rows) in zip(steps, expected).reversed() {
        #expect(try other.batch(at: step).data == rows)
      }
      let seeded = try NumPyRowStream<Float>(path, batchSize: 100, seed: 5)
      #expect(try seeded.batch(at: 0).data != expected[0])
      #expect(seeded.identity != stream.identity)
      #expect(other.identity == stream.identity)
    }
  }

  @Test("name what is wrong with a file")
  func badFiles() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/rows.npy"
      func text() -> String { errorText { try NumPyRowStream<Float>(path) } }
      #expect(text() == "\(path): the file does not exist")
      try NumPyFile.write(Tensor<Float>([1, 2, 3]), to: path)
      #expect(text() == "\(path): expected rows and columns, found the shape [3]")
      try NumPyFile.write(Tensor<Float>.zeros([4, 2]), to: path)
      var bytes = try FileBytes.read(path)
      bytes.removeLast()
      try AtomicFile.write(bytes, to: path)
      #expect(text() == "\(path): the shape [4, 2] does not fit 31 bytes of data")
    }
  }

  @Test("begin again after the end of a sequence")
  func sequence() throws {
    let batches = (0..<3).map { Batch(data: Tensor<Float>(repeating: Float($0), shape: [1, 1])) }
    let stream = SequentialBatchStream(identity: "three") { AnyIterator(batches.makeIterator()) }
    func value(_ step: Int) throws -> Float { try stream.batch(at: step).data.scalars[0] }
    #expect(try (0..<8).map(value) == [0, 1, 2, 0, 1, 2, 0, 1])
    #expect(try [7, 4, 4, 0].map(value) == [1, 1, 1, 0])
    let empty = SequentialBatchStream<Float>(identity: "none") { AnyIterator { nil } }
    #expect(errorKind { try empty.batch(at: 0) } == .invalidData)
  }

  @Test("train as well as a table does")
  func fit() throws {
    let fresh = GaussianRows(4_000, seed: 63)
    try withTemporaryFolder { folder in
      let path = folder + "/rows.npy"
      try NumPyFile.write(GaussianRows(20_000, seed: 64).rows, to: path)
      let stream = try NumPyRowStream<Float>(path, batchSize: 256)
      let options = FitOptions {
        $0.steps = 400
        $0.learningRate = .cosine(5e-3).warmingUp(over: 10)
        $0.averageDecay = 0.95
        $0.patience = nil
      }
      var flow = smallFlow()
      let report = try flow.fit(
        batches: stream, validation: GaussianRows(500, seed: 65).rows, options: options)
      #expect(report.validationRows == 500)
      #expect(report.trainingRows == 0)
      let found = -flow.logLikelihood(of: fresh.rows).mean.value
      #expect(found - fresh.meanNLL < 0.02, "found \(found), truth \(fresh.meanNLL)")
    }
  }

  @Test("train without blocking as well")
  func asynchronous() async throws {
    let batches = (0..<5).map { Batch(data: GaussianRows(50, seed: UInt64(90 + $0)).rows) }
    let stream = SequentialBatchStream(identity: "five") { AnyIterator(batches.makeIterator()) }
    let options = FitOptions { $0.steps = 30 }
    var (first, second) = (smallFlow(), smallFlow())
    try await first.fit(batches: stream, options: options)
    func synchronous() throws { try second.fit(batches: stream, options: options) }
    try synchronous()
    #expect(allTensors(first) == allTensors(second))
  }

  @Test("with bad rows stop the fit, naming the batch")
  func badRows() {
    let good = Batch(data: GaussianRows(50, seed: 66).rows)
    var bad = good
    bad.data.withMutableScalars { $0[7] = .nan }
    let batches = Array(repeating: good, count: 20) + [bad]
    let stream = SequentialBatchStream(identity: "bad") { AnyIterator(batches.makeIterator()) }
    // Units come from the first 16,384 rows, which this short stream is too short for.
    let options = FitOptions {
      $0.steps = 15
      $0.validationInterval = 5
    }
    var flow = smallFlow()
    #expect(errorText { try flow.fit(batches: stream, options: options) } == "no error")
    let before = allTensors(flow)
    let text = errorText {
      try flow.fit(batches: stream, options: FitOptions { $0.steps = 40 })
    }
    #expect(
      text.contains("row 4, column 2 (\"data\"): expected a finite number, got nan"), "\(text)")
    #expect(allTensors(flow) == before)
  }
}
