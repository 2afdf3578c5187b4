/// A progress line for long work.
///
/// On a terminal one line is redrawn in place, at most ten times a second. Elsewhere whole lines
/// are written at about every tenth of the work, and in between after long silence, without any
/// control character.
public struct ProgressBar {
  private let total: Int
  private let output: ProgressOutput
  private let clock: () -> Double
  private let silence: Double
  private let startTime: Double
  private var step = 0
  private var message = ""
  private var lastTime = -Double.infinity
  private var lastTenth = 0
  private var drawnColumns = 0
  private var isFinished = false

  /// Starts a bar for a number of steps; the clock runs from here.
  ///
  /// `silence` is the longest time in seconds between two lines where there is no terminal, and
  /// `clock` gives seconds from any fixed moment.
  public init(
    total: Int, output: ProgressOutput = .standardError, silence: Double = 30,
    clock: @escaping () -> Double = ProgressBar.monotonicClock()
  ) {
    precondition(total > 0, "A progress bar needs at least one step, not \(total).")
    self.total = total
    self.output = output
    self.clock = clock
    self.silence = silence
    startTime = clock()
    if !output.isTerminal { lastTime = startTime }
  }

  /// A clock that counts seconds from now and never goes backwards.
  public static func monotonicClock() -> () -> Double {
    let origin = ContinuousClock.now
    return {
      let parts = (ContinuousClock.now - origin).components
      return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
  }

  /// Notes that the first `step` steps are done, with a short text such as the present loss.
  ///
  /// Most calls write nothing, so that it may be called after every step.
  public mutating func update(step: Int, message: String = "") {
    precondition(!isFinished, "A progress bar must not be updated after it has finished.")
    self.step = min(max(step, 0), total)
    self.message = message
    let now = clock()
    if output.isTerminal {
      if now - lastTime >= 0.1 {
        redraw(now)
        lastTime = now
      }
    } else {
      let tenth = Int((10 * Double(self.step) / Double(total)).rounded(.down))
      if tenth > lastTenth || now - lastTime >= silence {
        output.write(line(now).status + "\n")
        lastTenth = max(tenth, lastTenth)
        lastTime = now
      }
    }
  }

  /// Ends the line at the step reached, with a last message if one is given.
  ///
  /// Further calls do nothing.
  public mutating func finish(message: String? = nil) {
    guard !isFinished else { return }
    isFinished = true
    let isNews = message != nil && message != self.message
    if let message { self.message = message }
    let now = clock()
    if output.isTerminal {
      redraw(now)
      output.write("\n")
    } else if isNews || step < total || lastTenth < 10 {
      output.write(line(now).status + "\n")
    }
  }

  /// The bar's columns and the text beside it.
  private func line(_ now: Double) -> (bar: String, status: String) {
    let share = Double(step) / Double(total)
    let elapsed = now - startTime
    var status = "\(Int((100 * share).rounded(.down)))%  \(step)/\(total)"
    if elapsed > 0 && step > 0 {
      let rate = Double(step) / elapsed
      status += "  \(ProgressBar.rateText(rate))"
      status +=
        step < total
        ? "  \(ProgressBar.timeText(Double(total - step) / rate)) left"
        : "  in \(ProgressBar.timeText(elapsed))"
    }
    if !message.isEmpty {
      // A stray newline or escape in a message would break the line.
      status += "  " + String(message.map { ProgressBar.isControl($0) ? " " : $0 })
    }
    // A cell is full once its whole share of the steps is done.
    let cells = 24
    let filled = Int((share * Double(cells)).rounded(.down))
    let bar =
      String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled)
    return (bar, status)
  }

  /// Draws the line over the one before, padded with blanks to wipe out what was longer.
  private mutating func redraw(_ now: Double) {
    let (bar, status) = line(now)
    // The last column stays free, for some terminals wrap as soon as it is written.
    let available = max(output.columns() - 1, 1)
    var text: String
    var columns: Int
    if available >= bar.count + 2 + 16 {
      let shown = String(status.prefix(available - bar.count - 3))
      columns = bar.count + 3 + shown.count
      let painted = output.usesColor ? "\u{1B}[32m\(bar)\u{1B}[0m" : bar
      text = "[\(painted)] \(shown)"
    } else {
      text = String(status.prefix(available))
      columns = text.count
    }
    let padding = max(0, min(drawnColumns, available) - columns)
    text += String(repeating: " ", count: padding)
    drawnColumns = columns
    output.write("\r\(text)")
  }

  private static func isControl(_ character: Character) -> Bool {
    character.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }
}
