// Roots of scalar equations, one for each row, in double precision inside: inverses of residual flows.
#include "kernels/table.h"

static double *widened(fk_type type, int64_t count, const void *in) {
  double *out = fk_allocate(sizeof(double) * (size_t)count);
  fk_convert(type, FK_DOUBLE, count, in, out);
  return out;
}

static void release(double *block, int64_t count) {
  fk_deallocate(block, sizeof(double) * (size_t)count);
}

// The root y of y + p tanh(q y + e) = t. For p q > -1 the left side grows with y, and the root lies in
// t -+ |p|. Newton's step is taken where it stays in what is left of that interval and at least
// halves the step before; else the interval is halved.
static double tanh_root(double t, double p, double q, double e) {
  double low = t - fabs(p), high = t + fabs(p), y = t, step = high - low;
  if (!(isfinite(low) && isfinite(high) && isfinite(q) && isfinite(e))) return NAN;
  for (int i = 0; i < 256; i++) {
    const double h = tanh(q * y + e), excess = (y - t) + p * h;
    const double s = 1 - h * h, slope = s * (1 + p * q) + h * h;
    // What rounding of y, t, the product and the argument of tanh comes to.
    const double noise =
        fabs(y) + fabs(t) + fabs(p * h) + fabs(p) * s * (fabs(q * y) + fabs(e));
    if (fabs(excess) <= 0x1p-52 * noise) return y;
    if (excess > 0) high = y;
    else low = y;
    double next = y - excess / slope;
    if (next > low && next < high && fabs(next - y) <= 0.5 * step) {
      step = fabs(next - y);
    } else {
      next = low + 0.5 * (high - low);
      step = 0.5 * (high - low);
    }
    if (next == y || next == low || next == high) return next;
    y = next;
  }
  return y;
}

void fk_tanh_root(fk_type type, int64_t n, const void *t, const void *p, const void *q,
                  const void *e, void *y) {
  double *ts = widened(type, n, t), *ps = widened(type, n, p), *qs = widened(type, n, q),
         *es = widened(type, n, e);
  for (int64_t i = 0; i < n; i++) ts[i] = tanh_root(ts[i], ps[i], qs[i], es[i]);
  fk_convert(FK_DOUBLE, type, n, ts, y);
  release(es, n);
  release(qs, n);
  release(ps, n);
  release(ts, n);
}

// Of F = y + p h - t = 0 with h = tanh(q y + e) and s = 1 - h^2:
// dy (1 + p q s) = dt - h dp - p s (y dq + de).
void fk_tanh_root_backward(fk_type type, int64_t n, const void *y, const void *p, const void *q,
                           const void *e, const void *g, void *const gradients[4]) {
  double *ys = widened(type, n, y), *ps = widened(type, n, p), *qs = widened(type, n, q),
         *es = widened(type, n, e), *gs = widened(type, n, g);
  for (int64_t i = 0; i < n; i++) {
    const double h = tanh(qs[i] * ys[i] + es[i]), s = 1 - h * h;
    const double by_t = gs[i] / ((1 + ps[i] * qs[i]) * s + h * h), by_e = -by_t * ps[i] * s;
    gs[i] = by_t;
    ps[i] = -by_t * h;
    qs[i] = by_e * ys[i];
    es[i] = by_e;
  }
  double *const results[4] = {gs, ps, qs, es};
  for (int k = 0; k < 4; k++)
    if (gradients[k]) fk_convert(FK_DOUBLE, type, n, results[k], gradients[k]);
  release(gs, n);
  release(es, n);
  release(qs, n);
  release(ps, n);
  release(ys, n);
}
