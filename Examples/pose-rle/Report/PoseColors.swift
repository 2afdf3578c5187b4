import FlowCharts

/// The colours of limbs, apart from those of curves, and clear on dark and on bright pictures.
enum PoseColors {
  static func color(_ side: ReportSide) -> Color {
    switch side {
    case .left: Color(0xFFB000)
    case .right: Color(0x2BD0EC)
    case .middle: Color(0xFF7AC6)
    }
  }

  /// The line from a truth to what was predicted.
  static let miss = Color(0xFF4D4D)
}
