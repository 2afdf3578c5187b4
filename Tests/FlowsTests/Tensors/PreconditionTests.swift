import Flows
import Testing

/// Mistakes of the program end it with a message that names the shapes, in optimised code too.
///
/// Each test starts a process, so there are few.
@Suite("Preconditions")
struct PreconditionTests {
  private func expect(
    _ text: String, in result: ExitTest.Result?, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains(text), "\(message.prefix(300))", sourceLocation: sourceLocation)
  }

  @Test("shapes that cannot be broadcast")
  func broadcasting() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor<Float>.zeros([2, 3]) + Tensor<Float>.zeros([2, 4])
    }
    expect("shapes [2, 3] and [2, 4] cannot be broadcast: 3 meets 4", in: result)
  }

  @Test("matrices that do not fit")
  func product() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor<Float>.zeros([2, 3]).matmul(.zeros([4, 5]))
    }
    expect("a product of [2, 3] and [4, 5] does not exist", in: result)
  }

  @Test("an index outside a tensor")
  func index() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor<Float>.zeros([2, 3]).gathering([0, 3], axis: 1)
    }
    expect("lies outside axis 1 of the shape [2, 3]", in: result)
  }

  @Test("context of another width than a flow takes")
  func context() async {
    let density = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = PhiloxGenerator(seed: 1)
      let flow = NormalizingFlow<Float>.realNVP(
        dimension: 2, contextDimension: 3, using: &generator)
      _ = flow.logDensity(of: .zeros([5, 2]), context: .zeros([5, 2]))
    }
    expect("the context has the shape [5, 3]; got [5, 2]", in: density)
    let draws = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = PhiloxGenerator(seed: 1)
      let flow = NormalizingFlow<Float>.nice(dimension: 2, using: &generator)
      _ = flow.sample(4, context: .zeros([4, 1]), using: &generator)
    }
    expect("this flow takes no context; got context of shape [4, 1]", in: draws)
  }

  @Test("a change in place of a tensor that is being recorded")
  func inPlace() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = gradient(at: Tensor<Float>([1, 2])) { x in
        var y = x * 2
        y.withMutableScalars { $0[0] = 1 }
        return y.sum()
      }
    }
    expect("cannot change in place", in: result)
  }

  @Test("a loss that is not a single scalar")
  func loss() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = gradient(at: Tensor<Float>([1, 2])) { $0 }
    }
    expect("a loss is a single scalar; got a tensor of shape [2]", in: result)
  }

  @Test("a gamma distribution without a finite shape parameter")
  func gamma() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = PhiloxGenerator(seed: 1)
      _ = Tensor<Float>.gamma([1], alpha: .infinity, using: &generator)
    }
    expect("a positive, finite shape parameter; got inf", in: result)
  }
}
