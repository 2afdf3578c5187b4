import Foundation
import Testing

@testable import Flows

@Suite("Checkpoints")
struct CheckpointTests {
  private let data = GaussianRows(600, seed: 60).rows

  private func options(
    _ path: String?, every interval: FitCheckpoint.Interval = .steps(7), steps: Int = 120,
    _ change: (inout FitOptions) -> Void = { _ in }
  ) -> FitOptions {
    FitOptions {
      $0.steps = steps
      $0.batchSize = 64
      $0.validationInterval = 10
      $0.patience = nil
      $0.learningRate = .cosine(5e-3).warmingUp(over: 10)
      $0.averageDecay = 0.95
      $0.checkpoint = path.map { FitCheckpoint(path: $0, every: interval) }
      change(&$0)
    }
  }

  /// What a fit does, stopped by its callback after so many steps, or not at all.
  private typealias Fit = (
    _ flow: inout NormalizingFlow<Float>, _ options: FitOptions, _ stop: Int?
  ) throws -> FitReport

  private func table(_ weights: Tensor<Float>? = nil) -> Fit {
    { flow, options, stop in
      try flow.fit(data, weights: weights, options: options) { $0.step != stop }
    }
  }

  /// Stops a fit twice and runs it to its end; the result must be that of an undisturbed one.
  private func check(
    _ start: NormalizingFlow<Float> = smallFlow(), stops: [Int] = [1, 53],
    options change: @escaping (inout FitOptions) -> Void = { _ in }, fit: Fit
  ) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      var whole = start
      let expected = try fit(&whole, options(nil, change), nil)
      for stop in stops {
        var flow = start
        let report = try fit(&flow, options(path, change), stop)
        #expect(report.stopReason == .cancelled)
      }
      var flow = start
      let report = try fit(&flow, options(path, change), nil)
      #expect(report.resumedAtStep == stops.last)
      #expect(allTensors(flow) == allTensors(whole))
      #expect("\(report.trainingCurve)" == "\(expected.trainingCurve)")
      #expect("\(report.validationCurve)" == "\(expected.validationCurve)")
      #expect(report.bestStep == expected.bestStep)
      #expect(report.steps == expected.steps)
      #expect(report.stopReason == expected.stopReason)
      #expect(report.skippedSteps == expected.skippedSteps)
      #expect(report.validationLogLikelihood == expected.validationLogLikelihood)
      // Once more: there is nothing left to do.
      var again = start
      let last = try fit(&again, options(path, change), nil)
      #expect(last.resumedAtStep == expected.steps)
      #expect("\(last.trainingCurve)" == "\(expected.trainingCurve)")
      #expect(allTensors(again) == allTensors(whole))
    }
  }

  @Test("resume a fit exactly", arguments: [Optimizer.adam(), .adamW(), .sgd(momentum: 0.9)])
  func resumes(_ optimizer: Optimizer) throws {
    try check(options: { $0.optimizer = optimizer }, fit: table())
  }

  @Test("resume a fit without an average, a validation or units")
  func plain() throws {
    try check(
      options: {
        $0.averageDecay = nil
        $0.validationFraction = 0
        $0.standardizes = false
        $0.learningRate = .constant(1e-4)
      }, fit: table())
  }

  @Test("resume early stopping where it was")
  func earlyStopping() throws {
    let few = GaussianRows(80, seed: 45).rows
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      func options(_ path: String?) -> FitOptions {
        self.options(path, every: .steps(10), steps: 5_000) {
          $0.patience = 3
          $0.learningRate = .constant(0.02)
        }
      }
      var whole = smallFlow()
      let expected = try whole.fit(few, options: options(nil))
      #expect(expected.stopReason == .earlyStopping)
      // Stopped just before: the count of vain validations must come back.
      var flow = smallFlow()
      let stop = expected.steps - 1
      try flow.fit(few, options: options(path)) { $0.step != stop }
      let report = try flow.fit(few, options: options(path))
      #expect(report.stopReason == .earlyStopping)
      #expect(report.steps == expected.steps)
      #expect(allTensors(flow) == allTensors(whole))
    }
  }

  @Test("resume what data have started")
  func preparedLayers() throws {
    var generator = PhiloxGenerator(seed: 61)
    let start = NormalizingFlow<Float>.nice(
      dimension: 2, layers: 2, hidden: [8], using: &generator)
    try check(start, options: { $0.standardizes = false }, fit: table())
  }

  @Test("resume weighted rows, with batches of weight 0 among them")
  func weights() throws {
    let weights = Tensor<Float>((0..<600).map { $0 < 550 ? 0 : Float($0 % 3) })
    try check(options: { $0.batchSize = 4 }, fit: table(weights))
  }

  @Test("resume reverse KL")
  func reverseKL() throws {
    try check { flow, options, stop in
      try flow.fit(
        toLogDensity: { -($0.squared() * 0.7).sum(axis: 1) }, options: options
      ) { $0.step != stop }
    }
  }

  @Test("resume a stream")
  func stream() throws {
    let batches = (0..<9).map { Batch(data: GaussianRows(50, seed: UInt64(200 + $0)).rows) }
    try check { flow, options, stop in
      let stream = SequentialBatchStream(identity: "nine batches") {
        AnyIterator(batches.makeIterator())
      }
      return try flow.fit(
        batches: stream, validation: data, options: options
      ) { $0.step != stop }
    }
  }

  @Test("are refused where the fit is another, naming what differs")
  func otherFits() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      var flow = smallFlow()
      try flow.fit(data, options: options(path)) { $0.step < 20 }
      func text(
        _ data: Tensor<Float>, _ start: NormalizingFlow<Float> = smallFlow(),
        _ change: (inout FitOptions) -> Void = { _ in }
      ) -> String {
        errorText {
          var flow = start
          try flow.fit(data, options: options(path, change))
        }
      }
      let begin = "the checkpoint is of another fit, with "
      #expect(
        text(data) { $0.steps = 121 }.contains("\"steps\": \(begin)120 where this one has 121"))
      #expect(text(data) { $0.seed = 5 }.contains("\"seed\": \(begin)0 where this one has 5"))
      #expect(text(data) { $0.optimizer = .sgd() }.contains("\"optimizer\": \(begin)"))
      #expect(text(data + 1).contains("\"data\": \(begin)"))
      var generator = PhiloxGenerator(seed: 1)
      let wide = NormalizingFlow<Float>.realNVP(
        dimension: 2, layers: 4, hidden: [17], using: &generator)
      #expect(text(data, wide).contains("\"tensors\": \(begin)"))
      var laplace = smallFlow()
      laplace.base = Laplace(dimension: 2)
      #expect(
        text(data, laplace).contains(
          "\"architecture\": the checkpoint is of another fit, of a model"))
      var fitted = smallFlow()
      fitted.standardization = Standardization(scale: Tensor([2, 3]), shift: Tensor([0, 1]))
      #expect(text(data, fitted).contains("\"standardization.scale\": the checkpoint is of a fit"))
      var clipped = text(data) { $0.clipping = .norm(.infinity) }
      #expect(clipped.contains("\"clipping\": \(begin)"), "\(clipped)")
      clipped = text(data) { $0.seed = .max }
      #expect(clipped.contains("\"seed\": \(begin)"), "\(clipped)")
      #expect(
        errorText { try NormalizingFlow<Float>.load(from: path) }.contains("a checkpoint of a fit"))
      try smallFlow().save(to: path)
      #expect(
        text(data) == "\(path): expected a checkpoint of a fit; the file holds a model of kind "
          + "\"NormalizingFlow\"")
      // Beginning anew is said, not guessed.
      try flow.fit(data, options: options(path) { $0.checkpoint?.resumes = false })
      #expect(text(data) == "no error")
    }
  }

  @Test("of another target or validation are refused")
  func otherTargets() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      func reverse(_ label: String) -> String {
        errorText {
          var flow = smallFlow()
          try flow.fit(
            toLogDensity: { -$0.squared().sum(axis: 1) },
            options: options(path, steps: 5) { $0.checkpoint?.label = label })
        }
      }
      #expect(reverse("one") == "no error")
      #expect(reverse("one") == "no error")
      #expect(reverse("two").contains("\"data\": the checkpoint is of another fit"))
      let batches = [Batch(data: GaussianRows(64, seed: 5).rows)]
      let stream = SequentialBatchStream(identity: "one") { AnyIterator(batches.makeIterator()) }
      func validated(_ seed: UInt64?) -> String {
        errorText {
          var flow = smallFlow()
          try flow.fit(
            batches: stream, validation: seed.map { GaussianRows(50, seed: $0).rows },
            options: options(folder + "/stream", steps: 5))
        }
      }
      #expect(validated(6) == "no error")
      #expect(validated(6) == "no error")
      #expect(validated(7).contains("the checkpoint is of another fit"))
      #expect(validated(nil).contains("the checkpoint is of another fit"))
    }
  }

  @Test("with counts that make no sense are refused", arguments: ["sinceBest", "nonFiniteInARow"])
  func badCounts(_ key: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      var flow = smallFlow()
      try flow.fit(data, options: options(path)) { $0.step < 20 }
      let original = try SafetensorsFile(contentsOf: path)
      for count in ["\(Int.max)", "-1"] {
        var file = original
        file.metadata["flows.fit.state"] = file.metadata["flows.fit.state"]?.replacing(
          try Regex("\"\(key)\":[0-9]+"), with: "\"\(key)\":\(count)")
        #expect(file.metadata != original.metadata)
        try file.write(to: path)
        #expect(errorKind { try flow.fit(data, options: options(path)) } == .malformedFile)
      }
      var file = original
      file.metadata["flows.trainer.step"] = "\(Int.max)"
      try file.write(to: path)
      #expect(errorKind { try flow.fit(data, options: options(path)) } == .malformedFile)
    }
  }

  @Test("are left by a stream that fails, with the weights so far")
  func failingStream() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      struct Broken: BatchStream {
        let identity = "rows"
        let failsAt: Int
        func batch(at step: Int) throws -> Batch<Float> {
          if step == failsAt { throw FlowsError(.unreadableFile, "the disk is gone") }
          return Batch(data: GaussianRows(64, seed: UInt64(step)).rows)
        }
      }
      let kept = options(path, every: .minutes(.infinity), steps: 400)
      var flow = smallFlow()
      #expect(
        errorText { try flow.fit(batches: Broken(failsAt: 303), options: kept) }
          == "the disk is gone")
      #expect(allTensors(flow) != allTensors(smallFlow()))
      var resumed = smallFlow()
      let report = try resumed.fit(batches: Broken(failsAt: -1), options: kept)
      #expect(report.resumedAtStep == 303)
      var whole = smallFlow()
      try whole.fit(
        batches: Broken(failsAt: -1), options: options(nil, steps: 400))
      #expect(allTensors(resumed) == allTensors(whole))
    }
  }

  @Test("that are damaged are refused")
  func damaged() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      var flow = smallFlow()
      try flow.fit(data, options: options(path)) { $0.step < 20 }
      let bytes = try FileBytes.read(path)
      var mutator = Mutator(seed: 62, fragments: ["null", "-1", "1e999", "{}", "["])
      let counts = try mutator.feed([bytes], rounds: 300) { bytes in
        try AtomicFile.write(bytes, to: path)
        var flow = smallFlow()
        try flow.fit(data, options: options(path)) { _ in false }
      }
      #expect(counts.refused > 100)
    }
  }

  @Test("that cannot be written end the fit with the weights so far")
  func failingDisk() throws {
    try withTemporaryFolder { folder in
      let inner = folder + "/inner"
      try FileManager.default.createDirectory(
        atPath: inner, withIntermediateDirectories: false)
      let path = inner + "/fit.checkpoint"
      var flow = smallFlow()
      let text = errorText {
        try flow.fit(data, options: options(path, every: .steps(10))) { progress in
          if progress.step == 25 { try? FileManager.default.removeItem(atPath: inner) }
          return true
        }
      }
      #expect(text == "\(path): the folder \"\(inner)\" does not exist")
      #expect(allTensors(flow) != allTensors(smallFlow()))
      #expect(flow.standardization != nil)
    }
  }

  @Test("come as often as they are asked for")
  func schedule() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/fit.checkpoint"
      var found: Set<Int> = []
      var flow = smallFlow()
      try flow.fit(data, options: options(path, every: .steps(30))) { progress in
        if let file = try? SafetensorsFile(contentsOf: path),
          let step = file.metadata["flows.trainer.step"].flatMap({ Int($0) })
        {
          found.insert(step)
        }
        return true
      }
      #expect(found == [0, 30, 60, 90])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["fit.checkpoint"])
      var timed = smallFlow()
      found = []
      try timed.fit(
        data,
        options: options(path, every: .minutes(0)) { $0.checkpoint?.resumes = false }
      ) { progress in
        let file = try? SafetensorsFile(contentsOf: path)
        if let step = file?.metadata["flows.trainer.step"].flatMap({ Int($0) }) {
          found.insert(step)
        }
        return true
      }
      #expect(found == Set(1..<120))
      #expect(
        errorText { try timed.fit(data, options: options(path, every: .steps(0))) }
          == "\"checkpoint\": expected at least one step, got 0")
    }
  }

  @Test("of a trainer go on exactly")
  func trainerState() throws {
    func step(_ trainer: Trainer<Tensor<Double>>) -> StepResult {
      trainer.step(rows: 10, learningRate: 0.1) { x, range in
        ((x - Tensor([1, 2, 3])).squared() * Double(range.count)).sum()
      }
    }
    let first = Trainer(Tensor<Double>([4, 5, 6]), averageDecay: 0.9)
    for _ in 0..<5 { _ = step(first) }
    var file = SafetensorsFile()
    try first.state.add(to: &file)
    let second = Trainer(Tensor<Double>([0, 0, 0]), averageDecay: 0.9)
    try second.restore(TrainerState(from: SafetensorsFile(bytes: file.bytes())))
    for _ in 0..<3 { #expect(step(first).loss == step(second).loss) }
    #expect(first.model == second.model)
    #expect(first.averagedModel == second.averagedModel)
    let plain = Trainer(Tensor<Double>([0, 0, 0]))
    #expect(errorKind { try plain.restore(first.state) } == .modelMismatch)
    let longer = Trainer(Tensor<Double>([0, 0, 0, 0]), averageDecay: 0.9)
    #expect(errorKind { try longer.restore(first.state) } == .modelMismatch)
  }
}
