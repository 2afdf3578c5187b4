import Flows
import Foundation
import Testing

@Suite("Learning rate schedules")
struct LearningRateScheduleTests {
  private func expect(
    _ schedule: LearningRateSchedule, _ total: Int, _ expected: [(step: Int, rate: Double)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (step, rate) in expected {
      let found = schedule.rate(at: step, of: total)
      #expect(
        (found - rate).magnitude <= 1e-15, "step \(step): found \(found), expected \(rate)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("constant")
  func constant() {
    expect(.constant(0.1), 100, [(0, 0.1), (50, 0.1), (99, 0.1), (1_000, 0.1)])
  }

  @Test("in steps")
  func steps() {
    expect(
      .step(1, every: 10, factor: 0.5), 100,
      [(0, 1), (9, 1), (10, 0.5), (19, 0.5), (20, 0.25), (35, 0.125)])
  }

  @Test("along a cosine from the first step to the last")
  func cosine() {
    expect(.cosine(2), 101, [(0, 2), (25, 1 + 0.5.squareRoot()), (50, 1), (100, 0), (500, 0)])
    expect(.cosine(2, finalFraction: 0.1), 101, [(0, 2), (50, 1.1), (100, 0.2)])
    expect(.cosine(2), 1, [(0, 2)])
  }

  @Test("behind a warm-up that ends one step before the peak")
  func warmUp() {
    let schedule = LearningRateSchedule.cosine(1).warmingUp(over: 4)
    expect(schedule, 15, [(0, 0.2), (1, 0.4), (3, 0.8), (4, 1), (9, 0.5), (14, 0)])
    expect(.constant(3).warmingUp(over: 2), 10, [(0, 1), (1, 2), (2, 3), (9, 3)])
    expect(.step(1, every: 5).warmingUp(over: 2), 20, [(2, 1), (6, 1), (7, 0.1)])
  }

  @Test("survive coding")
  func coding() throws {
    let schedule = LearningRateSchedule.cosine(1e-3, finalFraction: 0.01).warmingUp(over: 7)
    let data = try JSONEncoder().encode(schedule)
    #expect(try JSONDecoder().decode(LearningRateSchedule.self, from: data) == schedule)
  }
}
