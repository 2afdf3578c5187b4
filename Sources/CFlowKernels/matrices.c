// Small symmetric and triangular matrices, row-major, in double precision inside: factors and
// inverses for Gaussian densities, of which a batch needs one.
#include "kernels/table.h"

static double *widened(fk_type type, int64_t count, const void *in) {
  double *out = fk_allocate(sizeof(double) * (size_t)count);
  fk_convert(type, FK_DOUBLE, count, in, out);
  return out;
}

static void release(double *block, int64_t count) {
  fk_deallocate(block, sizeof(double) * (size_t)count);
}

// The lower factor in place, zeros above; false where the matrix is not positive definite.
static bool factorize(int64_t n, double *a) {
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double sum = a[i * n + j];
      for (int64_t k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
      if (i == j) {
        if (!(sum > 0 && sum < INFINITY)) return false;
        a[i * n + i] = sqrt(sum);
      } else {
        a[i * n + j] = sum / a[j * n + j];
      }
    }
    for (int64_t j = i + 1; j < n; j++) a[i * n + j] = 0;
  }
  return true;
}

static void invert_lower(int64_t n, const double *l, double *inverse) {
  memset(inverse, 0, sizeof(double) * (size_t)(n * n));
  for (int64_t i = 0; i < n; i++) {
    double *row = inverse + i * n;
    // Row i of the inverse from the rows above: contiguous, so that the inner loop vectorises.
    for (int64_t k = 0; k < i; k++)
      for (int64_t j = 0; j <= k; j++) row[j] -= l[i * n + k] * inverse[k * n + j];
    const double diagonal = 1 / l[i * n + i];
    for (int64_t j = 0; j < i; j++) row[j] *= diagonal;
    row[i] = diagonal;
  }
}

bool fk_cholesky(fk_type type, int64_t n, const void *matrix, void *factor) {
  double *a = widened(type, n * n, matrix);
  const bool succeeded = factorize(n, a);
  if (succeeded) fk_convert(FK_DOUBLE, type, n * n, a, factor);
  release(a, n * n);
  return succeeded;
}

void fk_invert_lower(fk_type type, int64_t n, const void *lower, void *out) {
  double *l = widened(type, n * n, lower), *inverse = fk_allocate(sizeof(double) * (size_t)(n * n));
  invert_lower(n, l, inverse);
  fk_convert(FK_DOUBLE, type, n * n, inverse, out);
  release(inverse, n * n);
  release(l, n * n);
}

void fk_invert_definite(fk_type type, int64_t n, const void *matrix, void *out,
                        double *log_determinant) {
  double *a = widened(type, n * n, matrix), *lower = fk_allocate(sizeof(double) * (size_t)(n * n));
  if (factorize(n, a)) {
    *log_determinant = 0;
    for (int64_t i = 0; i < n; i++) *log_determinant += 2 * log(a[i * n + i]);
    invert_lower(n, a, lower);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j <= i; j++) {
        double sum = 0;
        for (int64_t k = i; k < n; k++) sum += lower[k * n + i] * lower[k * n + j];
        a[i * n + j] = a[j * n + i] = sum;
      }
  } else {
    *log_determinant = NAN;
    for (int64_t i = 0; i < n * n; i++) a[i] = NAN;
  }
  fk_convert(FK_DOUBLE, type, n * n, a, out);
  release(lower, n * n);
  release(a, n * n);
}
