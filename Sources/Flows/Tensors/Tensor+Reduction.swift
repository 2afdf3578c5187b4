internal import CFlowKernels

extension Tensor {
  /// The sum over some axes, which are removed unless kept as 1.
  ///
  /// Runs of 1,024 are added in `Scalar`, their totals in `Double`.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let normalized = Set(axes.map { storage.shape.normalized(axis: $0) })
    var kept = storage.shape
    for axis in normalized { kept[axis] = 1 }
    let x = storage
    let result = Storage(kept, x.kind, tape: x.activeTape)
    fk_fill(result.type, Int64(result.count), 0, result.pointer)
    x.shape.extents.withPointer { extents in
      kept.strides(broadcastTo: x.shape).withPointer { strides in
        fk_add_strided(x.type, Int64(x.shape.rank), extents, strides, x.pointer, result.pointer)
      }
    }
    if let tape = result.tape {
      tape.record { tape in
        guard let g = tape.takeGradient(of: result.node) else { return }
        tape.add(Tensor(g).broadcast(to: x.shape).storage, to: x.node)
      }
    }
    if keepingAxes { return Tensor(result) }
    let remaining = x.shape.array.enumerated().filter { !normalized.contains($0.offset) }
    return Tensor(result).reshaped(to: Shape(remaining.map(\.element)))
  }

  /// The sum over one axis.
  public func sum(axis: Int, keepingAxis: Bool = false) -> Tensor {
    sum(axes: [axis], keepingAxes: keepingAxis)
  }

  /// The sum of all scalars, of rank 0.
  public func sum() -> Tensor { sum(axes: Array(0..<rank)) }

  /// The mean over some axes.
  public func mean(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let total = sum(axes: axes, keepingAxes: keepingAxes)
    return total * (Scalar(Swift.max(1, total.count)) / Scalar(Swift.max(1, count)))
  }

  /// The mean over one axis.
  public func mean(axis: Int, keepingAxis: Bool = false) -> Tensor {
    mean(axes: [axis], keepingAxes: keepingAxis)
  }

  /// The mean of all scalars, of rank 0.
  public func mean() -> Tensor { mean(axes: Array(0..<rank)) }

  /// The mean squared distance from the mean, over one axis (divided by n, not n − 1).
  public func variance(axis: Int, keepingAxis: Bool = false) -> Tensor {
    let centred = self - mean(axis: axis, keepingAxis: true)
    return centred.squared().mean(axis: axis, keepingAxis: keepingAxis)
  }

  /// The maximum over one axis; the gradient goes to the first scalar that attains it.
  public func max(axis: Int, keepingAxis: Bool = false) -> Tensor {
    let axis = storage.shape.normalized(axis: axis)
    let x = storage
    let (outer, length, inner) = x.shape.around(axis: axis)
    precondition(length > 0, "the maximum over an empty axis does not exist: shape \(shape)")
    let result = Storage(x.shape.replacing(axis: axis, with: 1), x.kind, tape: x.activeTape)
    var indices = [Int64](repeating: 0, count: result.count)
    fk_max_axis(
      x.type, Int64(outer), Int64(length), Int64(inner), x.pointer, result.pointer, &indices)
    if let tape = result.tape {
      tape.record { [indices] tape in
        guard let g = tape.takeGradient(of: result.node) else { return }
        let gradient = Storage.zeros(x.shape, x.kind)
        let from = g.pointer.assumingMemoryBound(to: Scalar.self)
        let to = gradient.pointer.assumingMemoryBound(to: Scalar.self)
        for o in 0..<outer {
          for i in 0..<inner {
            let at = o * inner + i
            to[(o * length + Int(indices[at])) * inner + i] = from[at]
          }
        }
        tape.add(gradient, to: x.node)
      }
    }
    let kept = Tensor(result)
    return keepingAxis ? kept : kept.squeezed(axis: axis)
  }

  /// The minimum over one axis; the gradient goes to the first scalar that attains it.
  public func min(axis: Int, keepingAxis: Bool = false) -> Tensor {
    -(-self).max(axis: axis, keepingAxis: keepingAxis)
  }

  /// log Σ eˣ over one axis, shifted by the maximum so that nothing overflows.
  ///
  /// Where the whole axis is −∞ it is −∞ with a gradient of zero.
  public func logSumExp(axis: Int, keepingAxis: Bool = false) -> Tensor {
    // Where the whole axis is −∞ the shift is 0, so that the result is −∞ and not NaN.
    let top = detached.max(axis: axis, keepingAxis: true)
    let shift = Tensor.select(where: top - top .== Tensor(0), top, else: Tensor(0))
    let sum = exp(self - shift).sum(axis: axis, keepingAxis: true)
    let isEmpty = sum .== Tensor(0)
    let logSum = log(Tensor.select(where: isEmpty, Tensor(1), else: sum))
    let result = Tensor.select(where: isEmpty, Tensor(-.infinity), else: logSum + shift)
    return keepingAxis ? result : result.squeezed(axis: axis)
  }
}
