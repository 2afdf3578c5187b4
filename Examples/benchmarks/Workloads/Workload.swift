import ExampleSupport
import Flows

/// One thing that is timed.
struct Workload {
  /// Does the work so many times.
  typealias Body = (_ repeats: Int) -> Void

  /// What it is called, which `--filter` looks at.
  let name: String
  /// The number of columns.
  let dimension: Int
  /// The number of rows of a step, those of all threads together.
  let batch: Int
  /// Threads that the work uses.
  let threads: Int
  /// The kernels to use; nil for those in use.
  var instructionSet: InstructionSet?
  /// True where it takes so long that it runs only when it is asked for.
  var isLarge = false
  /// Steps that are taken each time.
  var stepsPerRun = 1
  /// What the batch is counted in.
  var unit = RateUnit.rows
  /// What one run costs, which says what its rate is a fraction of.
  let cost: Cost
  /// Makes all that the work needs, when its turn comes.
  let prepare: () -> Body

  /// The same work on another number of threads, or with the kernels of another instruction set.
  func with(threads: Int? = nil, instructionSet: InstructionSet? = nil) -> Workload {
    Workload(
      name: name, dimension: dimension, batch: batch, threads: threads ?? self.threads,
      instructionSet: instructionSet ?? self.instructionSet, isLarge: isLarge,
      stepsPerRun: stepsPerRun, unit: unit, cost: cost, prepare: prepare)
  }
}

/// What is worked on.
enum RateUnit: String, Encodable {
  case rows
  case images

  /// A rate as people read it, without its unit.
  func text(_ perSecond: Double) -> String {
    self == .rows ? fixed(perSecond / 1e6, 3) : fixed(perSecond, perSecond < 1_000 ? 1 : 0)
  }

  /// What such a number counts.
  var name: String { self == .rows ? "Mrow/s" : "images/s" }
}

/// What one run of a workload costs.
enum Cost {
  /// Floating-point operations in products: those that are executed, and those of the same model
  /// where every network has all columns as inputs and outputs, as published code computes it.
  case products(executed: Double, dense: Double?)
  /// Bytes that have to be read and written, and the size of what is read and written each time: a
  /// copy of as much is the limit.
  case traffic(bytes: Double, buffer: Int)
}
