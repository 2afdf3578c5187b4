internal import CFlowKernels

// Inverses of the small matrices of Gaussian densities, worked out in `Double`.

extension Tensor {
  /// The inverse of a lower triangular matrix `[n, n]`; what stands above the diagonal is not read.
  func inverseOfLowerTriangle() -> Tensor {
    let x = storage
    let (n, columns) = x.shape.matrix("what is inverted")
    precondition(n == columns, "an inverse is that of a square matrix; got the shape \(shape)")
    let tape = x.activeTape
    let result = Storage(x.shape, x.kind, tape: tape)
    fk_invert_lower(x.type, Int64(n), x.pointer, result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      // The derivative of any inverse M: −MᵀGMᵀ.
      let transposed = Tensor(result.detached).transposed()
      tape.add((-transposed.matmul(Tensor(g)).matmul(transposed)).storage, to: x.node)
    }
    return Tensor(result)
  }

  /// For A `[n, r]` and C = I + AᵀA: M = A·C⁻¹, `[n, r]`, and log det C, of rank 0.
  ///
  /// C is never rounded to `Scalar`, in which its inverse would be lost where the columns of A are
  /// nearly collinear; no singular value of M exceeds ½.
  func dividedByCapacitance() -> (quotient: Tensor, logDeterminant: Tensor) {
    let x = storage
    let (n, r) = x.shape.matrix("what is divided by I + AᵀA")
    let tape = x.activeTape
    let quotient = Storage(x.shape, x.kind, tape: tape)
    let logDeterminant = Storage(Shape(), x.kind, tape: tape)
    var value = 0.0
    fk_capacitance(x.type, Int64(n), Int64(r), x.pointer, quotient.pointer, &value)
    fk_fill(x.type, 1, value, logDeterminant.pointer)
    tape?.record { tape in
      let gQuotient = tape.takeGradient(of: quotient.node)
      let gLog = tape.takeGradient(of: logDeterminant.node)
      if gQuotient == nil && gLog == nil { return }
      let gx = Storage(x.shape, x.kind)
      fk_capacitance_backward(
        x.type, Int64(n), Int64(r), x.pointer, gQuotient?.pointer,
        gLog.map { Double(Tensor($0).scalar) } ?? 0, gx.pointer)
      tape.add(gx, to: x.node)
    }
    return (Tensor(quotient), Tensor(logDeterminant))
  }

  /// The lower Cholesky factor L of a matrix, L·Lᵀ = matrix; nil where it is not positive definite.
  func choleskyFactor() -> Tensor? {
    let x = storage
    let result = Storage(x.shape, x.kind)
    let succeeded = fk_cholesky(x.type, Int64(x.shape[0]), x.pointer, result.pointer)
    return succeeded ? Tensor(result) : nil
  }
}
