// Small matrices, row-major, in double precision inside: factors and inverses for Gaussian
// densities, of which a batch needs one.
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

// The lower factor of C = I + A'A for A [n, r].
static bool factorize_capacitance(int64_t n, int64_t r, const double *a, double *c) {
  memset(c, 0, sizeof(double) * (size_t)(r * r));
  for (int64_t j = 0; j < r; j++) c[j * r + j] = 1;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < r; j++)
      for (int64_t k = 0; k <= j; k++) c[j * r + k] += a[i * r + j] * a[i * r + k];
  return factorize(r, c);
}

// Each row b becomes b C^-1, l being the lower factor of C.
static void solve_rows(int64_t n, int64_t r, const double *l, double *rows) {
  for (int64_t i = 0; i < n; i++) {
    double *b = rows + i * r;
    for (int64_t j = 0; j < r; j++) {
      for (int64_t k = 0; k < j; k++) b[j] -= l[j * r + k] * b[k];
      b[j] /= l[j * r + j];
    }
    for (int64_t j = r - 1; j >= 0; j--) {
      b[j] /= l[j * r + j];
      for (int64_t k = 0; k < j; k++) b[k] -= l[j * r + k] * b[j];
    }
  }
}

void fk_capacitance(fk_type type, int64_t n, int64_t r, const void *matrix, void *out,
                    double *log_determinant) {
  double *a = widened(type, n * r, matrix), *l = fk_allocate(sizeof(double) * (size_t)(r * r));
  if (factorize_capacitance(n, r, a, l)) {
    *log_determinant = 0;
    for (int64_t j = 0; j < r; j++) *log_determinant += 2 * log(l[j * r + j]);
    solve_rows(n, r, l, a);
  } else {
    *log_determinant = NAN;
    for (int64_t i = 0; i < n * r; i++) a[i] = NAN;
  }
  fk_convert(FK_DOUBLE, type, n * r, a, out);
  release(l, r * r);
  release(a, n * r);
}

// With W = M'G: (G - A W) C^-1 - M W', and 2 M g of the log-determinant.
void fk_capacitance_backward(fk_type type, int64_t n, int64_t r, const void *matrix,
                             const void *gradient, double g, void *out) {
  double *a = widened(type, n * r, matrix), *m = widened(type, n * r, matrix);
  double *l = fk_allocate(sizeof(double) * (size_t)(r * r));
  double *w = fk_allocate(sizeof(double) * (size_t)(r * r));
  double *result = fk_allocate(sizeof(double) * (size_t)(n * r));
  memset(w, 0, sizeof(double) * (size_t)(r * r));
  memset(result, 0, sizeof(double) * (size_t)(n * r));
  if (factorize_capacitance(n, r, a, l)) {
    solve_rows(n, r, l, m);
    if (gradient) {
      fk_convert(type, FK_DOUBLE, n * r, gradient, result);
      for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < r; k++)
          for (int64_t j = 0; j < r; j++) w[k * r + j] += m[i * r + k] * result[i * r + j];
      for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < r; k++)
          for (int64_t j = 0; j < r; j++) result[i * r + j] -= a[i * r + k] * w[k * r + j];
      solve_rows(n, r, l, result);
    }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < r; j++) {
        double sum = 2 * g * m[i * r + j];
        for (int64_t k = 0; k < r; k++) sum -= m[i * r + k] * w[j * r + k];
        result[i * r + j] += sum;
      }
  } else {
    for (int64_t i = 0; i < n * r; i++) result[i] = NAN;
  }
  fk_convert(FK_DOUBLE, type, n * r, result, out);
  release(result, n * r);
  release(w, r * r);
  release(l, r * r);
  release(m, n * r);
  release(a, n * r);
}
