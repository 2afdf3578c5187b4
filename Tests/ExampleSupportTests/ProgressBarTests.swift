import ExampleSupport
import Testing

/// A terminal, or a pipe, that keeps all text, with a clock that stands until it is moved.
private final class Recorder {
  var text = ""
  var time = 100.0
  var columns = 80

  func bar(
    total: Int, isTerminal: Bool, usesColor: Bool = false, silence: Double = 30
  ) -> ProgressBar {
    let output = ProgressOutput(
      isTerminal: isTerminal, usesColor: usesColor, columns: { self.columns },
      write: { self.text += $0 })
    return ProgressBar(total: total, output: output, silence: silence, clock: { self.time })
  }
}

@Suite("Progress bar")
struct ProgressBarTests {
  @Test("a terminal's line is redrawn in place")
  func terminal() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 200, isTerminal: true)
    recorder.time += 2
    bar.update(step: 50, message: "loss 1.25")
    #expect(
      recorder.text == "\r[######------------------] 25%  50/200  25.0/s  6s left  loss 1.25")
    recorder.text = ""
    recorder.time += 2
    bar.update(step: 200, message: "loss 1")
    let end = "\r[########################] 100%  200/200  50.0/s  in 4s  loss 1"
    // The line before was longer by three columns, which blanks must wipe out.
    #expect(recorder.text == end + "   ")
    recorder.text = ""
    bar.finish()
    #expect(recorder.text == end + "\n")
    bar.finish()
    #expect(recorder.text == end + "\n")
  }

  @Test("a terminal sees at most ten lines a second")
  func redrawRate() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 1000, isTerminal: true)
    for step in 1...1000 {
      recorder.time += 1.0 / 1024
      bar.update(step: step)
    }
    let redraws = recorder.text.count { $0 == "\r" }
    #expect(redraws >= 9 && redraws <= 10)
    bar.finish()
    #expect(recorder.text.hasSuffix("\n"))
    #expect(recorder.text.contains("1000/1000"))
  }

  @Test("a line never reaches the last column", arguments: [1, 10, 30, 43, 44, 60, 80])
  func narrowTerminal(columns: Int) {
    let recorder = Recorder()
    recorder.columns = columns
    var bar = recorder.bar(total: 200, isTerminal: true)
    for step in [20, 120, 180] {
      recorder.time += 1
      bar.update(step: step, message: String(repeating: "long ", count: 30))
    }
    bar.finish(message: "done")
    for line in recorder.text.split(whereSeparator: { $0 == "\r" || $0 == "\n" }) {
      #expect(line.count <= max(columns - 1, 1))
    }
  }

  @Test("colour is used only when allowed")
  func color() {
    for usesColor in [true, false] {
      let recorder = Recorder()
      var bar = recorder.bar(total: 4, isTerminal: true, usesColor: usesColor)
      recorder.time += 1
      bar.update(step: 2)
      #expect(recorder.text.contains("\u{1B}[32m") == usesColor)
      #expect(recorder.text.contains("\u{1B}") == usesColor)
    }
  }

  @Test("a pipe gets a whole line at every tenth and no control character")
  func pipe() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 1000, isTerminal: false, usesColor: true)
    for step in 1...1000 {
      recorder.time += 0.001
      bar.update(step: step, message: "loss\n\u{1B}[31m2")
    }
    bar.finish()
    let lines = recorder.text.split(separator: "\n")
    #expect(lines.count == 10)
    #expect(lines.first?.hasPrefix("10%  100/1000  ") == true)
    #expect(lines.last?.hasPrefix("100%  1000/1000  ") == true)
    #expect(recorder.text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 32 })
  }

  @Test("a pipe gets a line after long silence")
  func silence() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 1000, isTerminal: false, silence: 5)
    for step in 1...12 {
      recorder.time += 1
      bar.update(step: step)
    }
    #expect(
      recorder.text == """
        0%  5/1000  1.0/s  16m35s left
        1%  10/1000  1.0/s  16m30s left

        """)
  }

  @Test("work that ends early ends with a line of its own")
  func earlyEnd() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 100, isTerminal: false)
    recorder.time += 1
    bar.update(step: 10)
    recorder.time += 1
    bar.update(step: 15)
    bar.finish(message: "stopped")
    #expect(recorder.text.hasSuffix("15%  15/100  7.5/s  11s left  stopped\n"))
  }

  @Test("a last message is shown once")
  func lastMessage() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 2, isTerminal: false)
    recorder.time += 7200
    bar.update(step: 2, message: "best 3")
    bar.finish(message: "best 3")
    #expect(recorder.text == "100%  2/2  0.0/min  in 2h00m  best 3\n")
  }

  @Test("steps beyond the ends are clipped")
  func clipping() {
    let recorder = Recorder()
    var bar = recorder.bar(total: 10, isTerminal: true)
    bar.update(step: -5)
    recorder.time += 1
    bar.update(step: 50)
    #expect(recorder.text.contains("] 0%  0/10"))
    #expect(recorder.text.contains("] 100%  10/10"))
  }

  @Test("the monotonic clock starts near zero and moves on")
  func clock() {
    let clock = ProgressBar.monotonicClock()
    let first = clock()
    #expect(first >= 0 && first < 60)
    #expect(clock() >= first)
  }
}
