internal import CFlowKernels

// Inverses of the small matrices of Gaussian densities. They are worked out in `Double`, and their
// derivative is that of any inverse: −MᵀGMᵀ.

extension Tensor {
  /// The inverse of a lower triangular matrix `[n, n]`; what stands above the diagonal is not read.
  func inverseOfLowerTriangle() -> Tensor {
    inverted { type, n, matrix, out in fk_invert_lower(type, n, matrix, out) }
  }

  /// The inverse of a positive definite matrix `[n, n]`; NaN where it is not.
  func inverseOfPositiveDefinite() -> Tensor {
    inverted { type, n, matrix, out in
      var logDeterminant = 0.0
      fk_invert_definite(type, n, matrix, out, &logDeterminant)
    }
  }

  /// The logarithm of the determinant of a positive definite matrix `[n, n]`, of rank 0.
  func logDeterminantOfPositiveDefinite() -> Tensor {
    let x = storage
    let (n, columns) = x.shape.matrix("what has a determinant")
    precondition(n == columns, "a determinant is that of a square matrix; got the shape \(shape)")
    let inverse = Storage(x.shape, x.kind)
    var value = 0.0
    fk_invert_definite(x.type, Int64(n), x.pointer, inverse.pointer, &value)
    let tape = x.activeTape
    let result = Storage(Shape(), x.kind, tape: tape)
    fk_fill(x.type, 1, value, result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      tape.add(binary(FK_MUL, inverse, g), to: x.node)
    }
    return Tensor(result)
  }

  private func inverted(
    _ kernel: (fk_type, Int64, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
  ) -> Tensor {
    let x = storage
    let (n, columns) = x.shape.matrix("what is inverted")
    precondition(n == columns, "an inverse is that of a square matrix; got the shape \(shape)")
    let tape = x.activeTape
    let result = Storage(x.shape, x.kind, tape: tape)
    kernel(x.type, Int64(n), x.pointer, result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let transposed = Tensor(result.detached).transposed()
      tape.add((-transposed.matmul(Tensor(g)).matmul(transposed)).storage, to: x.node)
    }
    return Tensor(result)
  }

  /// The lower Cholesky factor L of a matrix, L·Lᵀ = matrix; nil where it is not positive definite.
  func choleskyFactor() -> Tensor? {
    let x = storage
    let result = Storage(x.shape, x.kind)
    let succeeded = fk_cholesky(x.type, Int64(x.shape[0]), x.pointer, result.pointer)
    return succeeded ? Tensor(result) : nil
  }
}
