import ExampleSupport
import Foundation

/// A number with four digits or so.
func shortNumber(_ value: Double) -> String {
  if value == 0 { return "0" }
  if value == value.rounded() && abs(value) < 1e6 { return "\(Int(value))" }
  if abs(value) >= 1e6 || abs(value) < 1e-3 { return String(format: "%.3e", value) }
  let decimals = abs(value) >= 1000 ? 1 : abs(value) >= 100 ? 2 : abs(value) >= 10 ? 3 : 4
  return fixed(value, decimals)
}

/// A share in per cent.
func percent(_ share: Double) -> String {
  "\(fixed(100 * share, share < 0.1 ? 1 : 0)) %"
}
