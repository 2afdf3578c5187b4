extension ProgressBar {
  /// A rate with about three digits, per second or, when slow, per minute.
  static func rateText(_ stepsPerSecond: Double) -> String {
    switch stepsPerSecond {
    case 100...: "\(wholeText(stepsPerSecond))/s"
    case 1..<100: "\(tenthsText(stepsPerSecond))/s"
    default: "\(tenthsText(stepsPerSecond * 60))/min"
    }
  }

  /// A time as seconds, minutes and seconds, or hours and minutes.
  static func timeText(_ seconds: Double) -> String {
    // Beyond a thousand days the number says nothing and might not fit an integer.
    guard seconds < 86_400_000 else { return "very long" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m\(twoDigits(whole % 60))s" }
    return "\(whole / 3600)h\(twoDigits(whole % 3600 / 60))m"
  }

  private static func wholeText(_ value: Double) -> String {
    value < 1e15 ? "\(Int(value.rounded()))" : "\(value)"
  }

  private static func tenthsText(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func twoDigits(_ value: Int) -> String {
    value < 10 ? "0\(value)" : "\(value)"
  }
}
