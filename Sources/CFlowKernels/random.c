// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011). Element i of a draw is a
// function of (seed, stream, first + i) alone. Compiled without contraction and without calls to
// libm (but for sqrt, which IEEE 754 rounds correctly), so that uniforms and normals are the same
// bits on every platform.
#include "portable.h"

#pragma STDC FP_CONTRACT OFF

void fk_philox(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4]) {
  uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
  uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

// In the open interval (0, 1): 52 bits and a half, so neither end is reached.
static double open_uniform(const uint32_t w[2]) {
  const uint64_t bits = ((uint64_t)w[0] << 32 | w[1]) >> 12;
  return ((double)bits + 0.5) * 0x1p-52;
}

static double uniform_at(uint64_t seed, uint64_t stream, uint64_t block) {
  uint32_t w[4];
  fk_philox(seed, stream, block, w);
  return open_uniform(w);
}

double fk_portable_log(double x) { return fk_portable_log_inline(x); }

static double ratio(const double *p, const double *q, int n, double r) {
  double a = 0, b = 0;
  for (int i = n - 1; i >= 0; i--) {
    a = a * r + p[i];
    b = b * r + q[i];
  }
  return a / b;
}

const double fk_normal_centre[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
     2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3}};
const double fk_normal_tail[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9}};

const uint64_t fk_places_of_four[16] = {
    0x0, 0x0, 0x1, 0x10000, 0x2, 0x20000, 0x20001, 0x200010000,
    0x3, 0x30000, 0x30001, 0x300010000, 0x30002, 0x300020000, 0x300020001, 0x3000200010000};
const uint8_t fk_count_of_four[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

// Wichura, Algorithm AS 241 (Applied Statistics 37, 1988), PPND16: about 1e-16 relative.
double fk_normal_quantile(double p) {
  static const double E[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                              1.78482653991729133580e0,  2.96560571828504891230e-1,
                              2.65321895265761230930e-2, 1.24266094738807843860e-3,
                              2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static const double F[8] = {1,                          5.99832206555887937690e-1,
                              1.36929880922735805310e-1,  1.48753612908506148525e-2,
                              7.86869131145613259100e-4,  1.84631831751005468180e-5,
                              1.42151175831644588870e-7,  2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (fabs(q) <= 0.425)
    return q * ratio(fk_normal_centre[0], fk_normal_centre[1], 8, 0.180625 - q * q);
  const double tail = q < 0 ? p : 1 - p;
  if (!(tail > 0)) return q < 0 ? -INFINITY : INFINITY;
  const double r = sqrt(-fk_portable_log(tail));
  const double x = r <= 5 ? ratio(fk_normal_tail[0], fk_normal_tail[1], 8, r - 1.6)
                          : ratio(E, F, 8, r - 5);
  return q < 0 ? -x : x;
}

static void put(fk_type type, void *out, int64_t i, double x) {
  if (type == FK_FLOAT)
    ((float *)out)[i] = (float)x;
  else
    ((double *)out)[i] = x;
}

void fk_random_uniform(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                       void *out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t w[4];
    fk_philox(seed, stream, first + (uint64_t)i, w);
    // In [0, 1): as many bits as the type holds, so that 1 is never rounded to.
    put(type, out, i,
        type == FK_FLOAT ? (double)(w[0] >> 8) * 0x1p-24
                         : (double)(((uint64_t)w[0] << 32 | w[1]) >> 11) * 0x1p-53);
  }
}

// Standard Laplace by inversion: density exp(-|x|) / 2.
void fk_random_laplace(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                       void *out) {
  for (int64_t i = 0; i < n; i++) {
    const double u = uniform_at(seed, stream, first + (uint64_t)i);
    put(type, out, i, u < 0.5 ? fk_portable_log(2 * u) : -fk_portable_log(2 * (1 - u)));
  }
}

// Standard logistic by inversion: log(u / (1 - u)).
void fk_random_logistic(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                        void *out) {
  for (int64_t i = 0; i < n; i++) {
    const double u = uniform_at(seed, stream, first + (uint64_t)i);
    put(type, out, i, fk_portable_log(u) - fk_portable_log(1 - u));
  }
}

// Marsaglia and Tsang (2000), for a shape of at least 1. Attempt a of element i reads block first +
// i under a seed mixed with a, so that elements stay independent of one another. exp and log come
// from libm: gamma draws are the same on one platform, not bit for bit across platforms.
static double gamma_at(uint64_t seed, uint64_t stream, uint64_t block, double shape) {
  const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (uint64_t attempt = 0;; attempt++) {
    uint32_t w[4];
    fk_philox(seed ^ 0x9e3779b97f4a7c15u * (attempt + 1), stream, block, w);
    const double z = fk_normal_quantile(open_uniform(w)), u = open_uniform(w + 2);
    const double v = 1 + c * z;
    if (v <= 0) continue;
    const double v3 = v * v * v;
    if (log(u) < 0.5 * z * z + d - d * v3 + d * log(v3)) return d * v3;
  }
}

void fk_random_gamma(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                     double shape, void *out) {
  for (int64_t i = 0; i < n; i++) {
    const uint64_t block = first + (uint64_t)i;
    // Below 1 the shape is raised by 1, which a power of a uniform undoes.
    double x = gamma_at(seed, stream, block, shape < 1 ? shape + 1 : shape);
    if (shape < 1) x *= exp(log(uniform_at(seed, stream, block)) / shape);
    put(type, out, i, x);
  }
}

// The logarithm, because draws of small shapes underflow. `purpose` separates the draws of one
// element from each other. NaN for a shape that is not positive and finite.
static double log_gamma_at(uint64_t seed, uint64_t purpose, uint64_t stream, uint64_t block,
                           double shape) {
  if (!(shape > 0 && shape < INFINITY)) return NAN;
  seed ^= purpose * 0xd1342543de82ef95u;
  const double x = log(gamma_at(seed, stream, block, shape < 1 ? shape + 1 : shape));
  return shape < 1 ? x + log(uniform_at(seed, stream, block)) / shape : x;
}

static double at(fk_type type, const void *in, int64_t i) {
  return type == FK_FLOAT ? (double)((const float *)in)[i] : ((const double *)in)[i];
}

static void put_between(fk_type type, void *out, int64_t i, double x, double low, double high) {
  put(type, out, i, x < low ? low : (x > high ? high : x));
}

static double smallest(fk_type type) { return type == FK_FLOAT ? 0x1p-126 : 0x1p-1022; }
static double below_one(fk_type type) { return type == FK_FLOAT ? 1 - 0x1p-24 : 1 - 0x1p-53; }
static double largest(fk_type type) { return type == FK_FLOAT ? 0x1p120 : 0x1p1000; }

void fk_random_gamma_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                          const void *shapes, void *out) {
  for (int64_t i = 0; i < n; i++) {
    const double x = exp(log_gamma_at(seed, 0, stream, first + (uint64_t)i, at(type, shapes, i)));
    put_between(type, out, i, x, smallest(type), largest(type));
  }
}

// G / (G + H) of two gamma draws.
void fk_random_beta_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                         const void *alphas, const void *betas, void *out) {
  for (int64_t i = 0; i < n; i++) {
    const uint64_t block = first + (uint64_t)i;
    const double g = log_gamma_at(seed, 0, stream, block, at(type, alphas, i));
    const double h = log_gamma_at(seed, 1, stream, block, at(type, betas, i));
    put_between(type, out, i, 1 / (1 + exp(h - g)), smallest(type), below_one(type));
  }
}

// A normal divided by the root of a mean square: Z / sqrt(G(nu/2) / (nu/2)).
void fk_random_student_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first,
                            int64_t n, const void *degrees, void *out) {
  for (int64_t i = 0; i < n; i++) {
    const uint64_t block = first + (uint64_t)i;
    const double half = 0.5 * at(type, degrees, i);
    // The mean square of so many is 1; in Float, degrees of freedom can have overflowed.
    const double log_square =
        half >= 1e15 ? 0 : log_gamma_at(seed, 0, stream, block, half) - log(half);
    uint32_t w[4];
    fk_philox(seed ^ 0xa0761d6478bd642fu, stream, block, w);
    const double x = fk_normal_quantile(open_uniform(w)) * exp(-0.5 * log_square);
    put_between(type, out, i, x, -largest(type), largest(type));
  }
}
