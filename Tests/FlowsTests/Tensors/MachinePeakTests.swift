import Flows
import Testing

@Suite("The machine's limits")
struct MachinePeakTests {
  @Test("have a positive, finite rate for any number of threads", arguments: [1, 2, 3])
  func rates(threads: Int) {
    let operations = MachinePeak.floatOperationsPerSecond(threads: threads)
    #expect(operations > 0 && operations.isFinite)
    for bytes in [threads, 100_003, 1 << 22] {
      let rate = MachinePeak.copyBytesPerSecond(threads: threads, bytes: bytes)
      #expect(rate > 0 && rate.isFinite)
    }
  }
}
