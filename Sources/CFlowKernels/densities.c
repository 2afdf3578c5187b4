// Densities with independent columns: log-density and derivatives of those that need special
// functions, distribution function and quantile of all. Double precision inside.
//
// Parameters are vectors with one scalar per column, positive ones by their logarithm:
//   Gaussian, Laplace, logistic  location, log scale
//   Student's t                  location, log scale, log degrees of freedom
//   uniform                      low, high
//   gamma                        log concentration, log rate
//   beta                         log alpha, log beta
#include "kernels/table.h"
#include "special.h"
#include <float.h>

static double get(fk_type type, const void *in, int64_t i) {
  return type == FK_FLOAT ? (double)((const float *)in)[i] : ((const double *)in)[i];
}

// Finite numbers stay finite.
static void put(fk_type type, void *out, int64_t i, double x) {
  if (type == FK_DOUBLE)
    ((double *)out)[i] = x;
  else
    ((float *)out)[i] = (float)(fabs(x) < INFINITY && fabs(x) > FLT_MAX ? copysign(FLT_MAX, x) : x);
}

// What the rows of one column share.
typedef struct {
  double p[3];      // the parameters, without logarithms
  double constant;  // terms of the log-density that no row changes
  double factor;    // of fk_gamma_factor, fk_beta_factor
  double slope[3];  // terms of the derivatives by the parameters that no row changes
} column;

static column column_of(fk_type type, fk_family family, const void *const parameters[3], int64_t d,
                        bool derivatives) {
  column c = {{0}, 0, 0, {0}};
  double raw[3] = {0};
  for (int i = 0; i < 3; i++)
    if (parameters[i]) raw[i] = get(type, parameters[i], d);
  const bool plain = family == FK_UNIFORM, located = family <= FK_STUDENT_T;
  for (int i = 0; i < 3; i++) c.p[i] = plain || (located && i == 0) ? raw[i] : exp(raw[i]);
  switch (family) {
  case FK_STUDENT_T:
    c.constant = fk_student_constant(c.p[2]) - raw[1];
    if (derivatives) c.slope[2] = fk_student_constant_slope(c.p[2]);
    break;
  case FK_UNIFORM: c.constant = -log(c.p[1] - c.p[0]); break;
  case FK_GAMMA:
    c.constant = raw[0];
    c.factor = fk_gamma_constant(c.p[0]);
    if (derivatives) c.slope[0] = raw[1] - fk_digamma(c.p[0]);
    break;
  case FK_BETA:
    c.factor = fk_beta_constant(c.p[0], c.p[1]);
    if (derivatives) {
      const double both = fk_digamma(c.p[0] + c.p[1]);
      c.slope[0] = both - fk_digamma(c.p[0]);
      c.slope[1] = both - fk_digamma(c.p[1]);
    }
    break;
  default: break;
  }
  return c;
}

static bool is_outside(fk_family family, const column *c, double x) {
  switch (family) {
  case FK_UNIFORM: return x < c->p[0] || x > c->p[1];
  case FK_GAMMA: return x <= 0 || x == INFINITY;
  case FK_BETA: return x <= 0 || x >= 1;
  default: return fabs(x) == INFINITY;
  }
}

// (x - location) / scale, held where its square is finite.
static double standardized(const column *c, double x) {
  const double z = (x - c->p[0]) / c->p[1];
  return z > 1e150 ? 1e150 : (z < -1e150 ? -1e150 : z);
}

// The log-density of x within the support.
static double log_density(fk_family family, const column *c, double x) {
  switch (family) {
  case FK_STUDENT_T: {
    const double z = standardized(c, x), nu = c->p[2];
    return c->constant - 0.5 * (nu + 1) * log1p(z * z / nu);
  }
  case FK_GAMMA: {
    const double log_x = log(x), scaled = c->p[1] * x;
    return c->constant - log_x + fk_gamma_factor(c->p[0], c->factor, scaled, log(c->p[1]) + log_x);
  }
  case FK_BETA: {
    const double log_x = log(x), log_y = log1p(-x);
    return fk_beta_factor(c->p[0], c->p[1], c->factor, x, 1 - x, log_x, log_y) - log_x - log_y;
  }
  default: return x == x ? c->constant : x;
  }
}

// Its derivatives by x and by the parameters.
static double slopes(fk_family family, const column *c, double x, double by[3]) {
  const double a = c->p[0], b = c->p[1];
  switch (family) {
  case FK_STUDENT_T: {
    const double z = standardized(c, x), nu = c->p[2], u = z * z / nu, w = u / (1 + u);
    const double score = (nu + 1) * z / (nu + z * z);
    by[0] = score / b;
    by[1] = (nu + 1) * w - 1;
    by[2] = c->slope[2] - 0.5 * (nu * log1p(u) - (nu + 1) * w);
    return -by[0];
  }
  case FK_GAMMA:
    by[0] = a * (c->slope[0] + log(x));
    by[1] = a - b * x;
    return (a - 1) / fmax(x, DBL_MIN) - b;
  case FK_BETA:
    by[0] = a * (c->slope[0] + log(x));
    by[1] = b * (c->slope[1] + log1p(-x));
    return (a - 1) / fmax(x, DBL_MIN) - (b - 1) / (1 - x);
  default: return 0;
  }
}

// The columns in turn, so that a column's constants are worked out once.
static column *columns_of(fk_type type, fk_family family, int64_t n,
                          const void *const parameters[3], bool derivatives) {
  column *all = fk_allocate(sizeof(column) * (size_t)n);
  for (int64_t d = 0; d < n; d++) all[d] = column_of(type, family, parameters, d, derivatives);
  return all;
}

void fk_column_density(fk_type type, fk_family family, int64_t rows, int64_t n, const void *x,
                       const void *const parameters[3], void *out) {
  column *all = columns_of(type, family, n, parameters, false);
  for (int64_t r = 0; r < rows; r++) {
    double sum = 0;
    bool outside = false;
    for (int64_t d = 0; d < n; d++) {
      const double value = get(type, x, r * n + d);
      if (is_outside(family, all + d, value))
        outside = true;
      else
        sum += log_density(family, all + d, value);
    }
    put(type, out, r, outside && sum == sum ? -INFINITY : sum);
  }
  fk_deallocate(all, sizeof(column) * (size_t)n);
}

void fk_column_density_backward(fk_type type, fk_family family, int64_t rows, int64_t n,
                                const void *x, const void *const parameters[3], const void *g,
                                void *gx, void *const gradients[3]) {
  column *all = columns_of(type, family, n, parameters, true);
  const size_t bytes = 3 * sizeof(double) * (size_t)n;
  double *sums = fk_allocate(bytes);
  memset(sums, 0, bytes);
  for (int64_t r = 0; r < rows; r++) {
    const double weight = get(type, g, r);
    // Rows of weight 0 add nothing, whatever their slopes.
    bool outside = weight == 0;
    for (int64_t d = 0; d < n && !outside; d++)
      outside = is_outside(family, all + d, get(type, x, r * n + d));
    for (int64_t d = 0; d < n; d++) {
      double by[3] = {0};
      const double slope =
          outside ? 0 : slopes(family, all + d, get(type, x, r * n + d), by);
      if (gx) put(type, gx, r * n + d, outside ? 0 : weight * slope);
      if (!outside)
        for (int i = 0; i < 3; i++) sums[3 * d + i] += weight * by[i];
    }
  }
  for (int i = 0; i < 3; i++)
    if (gradients[i])
      for (int64_t d = 0; d < n; d++)
        put(type, gradients[i], d, get(type, gradients[i], d) + sums[3 * d + i]);
  fk_deallocate(sums, bytes);
  fk_deallocate(all, sizeof(column) * (size_t)n);
}

static double cumulative(fk_family family, const column *c, double x) {
  const double z = (x - c->p[0]) / c->p[1];
  switch (family) {
  case FK_GAUSSIAN: return 0.5 * erfc(-z * M_SQRT1_2);
  case FK_LAPLACE: return z < 0 ? 0.5 * exp(z) : 1 - 0.5 * exp(-z);
  case FK_LOGISTIC: return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));
  case FK_STUDENT_T: return fk_student_cumulative(c->p[2], z);
  case FK_UNIFORM: {
    const double p = (x - c->p[0]) / (c->p[1] - c->p[0]);
    return p < 0 ? 0 : (p > 1 ? 1 : p);
  }
  case FK_GAMMA: return fk_gamma_cumulative(c->p[0], c->p[1] * x, false);
  default: return fk_beta_cumulative(c->p[0], c->p[1], x, false);
  }
}

static double quantile(fk_family family, const column *c, double p) {
  if (!(p >= 0 && p <= 1)) return NAN;
  double z;
  switch (family) {
  case FK_GAUSSIAN: z = fk_normal_quantile(p); break;
  case FK_LAPLACE: z = p < 0.5 ? log(2 * p) : -log(2 * (1 - p)); break;
  case FK_LOGISTIC:
    // log(p / (1 - p)), in the middle by its exact distance from 1.
    z = fabs(p - 0.5) < 0.25 ? log1p((2 * p - 1) / (1 - p)) : log(p / (1 - p));
    break;
  case FK_STUDENT_T: z = fk_student_quantile(c->p[2], p); break;
  case FK_UNIFORM: return p == 1 ? c->p[1] : c->p[0] + p * (c->p[1] - c->p[0]);
  case FK_GAMMA: return fk_gamma_quantile(c->p[0], p) / c->p[1];
  default: return fk_beta_quantile(c->p[0], c->p[1], p);
  }
  return c->p[0] + c->p[1] * z;
}

// Within the open support of a gamma or beta distribution, on whose ends a type can round.
static double held_inside(fk_type type, fk_family family, double x) {
  const double low = type == FK_FLOAT ? FLT_MIN : DBL_MIN;
  const double below_one = type == FK_FLOAT ? 1 - 0x1p-24 : 1 - 0x1p-53;
  const double high = family == FK_BETA ? below_one : (type == FK_FLOAT ? FLT_MAX : DBL_MAX);
  return x < low ? low : (x > high ? high : x);
}

void fk_column_map(fk_type type, fk_family family, bool inverse, int64_t rows, int64_t n,
                   const void *in, const void *const parameters[3], void *out) {
  column *all = columns_of(type, family, n, parameters, false);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t d = 0; d < n; d++) {
      const double value = get(type, in, r * n + d);
      double result =
          inverse ? quantile(family, all + d, value) : cumulative(family, all + d, value);
      if (inverse && value > 0 && value < 1 && (family == FK_GAMMA || family == FK_BETA))
        result = held_inside(type, family, result);
      if (type == FK_DOUBLE)
        ((double *)out)[r * n + d] = result;
      else
        ((float *)out)[r * n + d] = (float)result;
    }
  fk_deallocate(all, sizeof(column) * (size_t)n);
}
