// Special functions in double precision: log-gamma, digamma, the regularised incomplete gamma and
// beta functions, and the quantiles that invert them.
//
// Tails are computed as logarithms, so that neither end loses relative accuracy. The factors
// x^a e^-x / Gamma(a + 1) and x^a y^b / B(a, b) come from the saddle-point form (Loader, "Fast and
// accurate computation of binomial probabilities", 2000) where a power and a factorial, each huge,
// would cancel. Quantiles are roots of the log of a tail as a function of log x, or of log(x / y):
// that function is concave, so Newton's method converges from any start.
#include "kernels/table.h"
#include "special.h"

static const double half_log_two_pi = 0.91893853320467274178;

// log Gamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + stirling(x), for x >= 10.
static double stirling(double x) {
  const double f = 1 / (x * x);
  return (1.0 / 12 -
          f * (1.0 / 360 -
               f * (1.0 / 1260 -
                    f * (1.0 / 1680 - f * (1.0 / 1188 - f * (691.0 / 360360 - f / 156)))))) /
         x;
}

double fk_log_gamma(double x) {
  if (x >= 10 && x < INFINITY) return (x - 0.5) * log(x) - x + half_log_two_pi + stirling(x);
// Apple hides the reentrant form; its plain one is safe but for `signgam`, which is not read.
#if defined(__APPLE__)
  return lgamma(x);
#else
  int sign;
  return lgamma_r(x, &sign);
#endif
}

// Asymptotic series after shifting the argument above 10; reflection below 0.
double fk_digamma(double x) {
  double shift = 0;
  if (x <= 0) {
    if (x == floor(x)) return NAN;
    shift = -M_PI / tan(M_PI * x);
    x = 1 - x;
  }
  while (x < 10) {
    shift -= 1 / x;
    x += 1;
  }
  const double f = 1 / (x * x);
  const double series =
      f * (1.0 / 12 -
           f * (1.0 / 120 -
                f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132 - f * 691.0 / 32760)))));
  return shift + log(x) - 0.5 / x - series;
}

// Derivative of digamma: recurrence and asymptotic series.
double fk_trigamma(double x) {
  double shift = 0, sign = 1;
  if (x <= 0) {
    if (x == floor(x)) return NAN;
    const double s = M_PI / sin(M_PI * x);
    shift = s * s;
    sign = -1;
    x = 1 - x;
  }
  double sum = 0;
  while (x < 10) {
    sum += 1 / (x * x);
    x += 1;
  }
  const double f = 1 / (x * x);
  sum += 1 / x + f / 2 +
         f / x * (1.0 / 6 - f * (1.0 / 30 - f * (1.0 / 42 - f * (1.0 / 30 - f * 5.0 / 66))));
  return shift + sign * sum;
}

// log Gamma(a + 1/2) - log Gamma(a) - log(a)/2, whose terms cancel for large a.
static double half_step(double a) {
  if (a < 10) return fk_log_gamma(a + 0.5) - fk_log_gamma(a) - 0.5 * log(a);
  const double f = 1 / (a * a);
  return -(1.0 / 8 -
           f * (1.0 / 192 -
                f * (1.0 / 640 - f * (17.0 / 14336 - f * (31.0 / 18432 - f * 691.0 / 180224))))) /
         a;
}

double fk_student_constant(double nu) { return half_step(0.5 * nu) - half_log_two_pi; }

double fk_student_constant_slope(double nu) {
  const double a = 0.5 * nu, f = 1 / (a * a);
  if (a < 10) return a * (fk_digamma(a + 0.5) - fk_digamma(a)) - 0.5;
  return (1.0 / 8 -
          f * (1.0 / 64 -
               f * (1.0 / 128 - f * (17.0 / 2048 - f * (31.0 / 2048 - f * 691.0 / 16384))))) /
         a;
}

// log B(a, b) for a <= b.
static double log_beta_ordered(double a, double b) {
  if (b < 10) return fk_log_gamma(a) + fk_log_gamma(b) - fk_log_gamma(a + b);
  const double n = a + b;
  if (a < 10)
    return fk_log_gamma(a) - (b - 0.5) * log1p(a / b) - a * log(n) + a + stirling(b) - stirling(n);
  return -(a - 0.5) * log1p(b / a) - b * log1p(a / b) - 0.5 * log(b) + half_log_two_pi +
         stirling(a) + stirling(b) - stirling(n);
}

double fk_log_beta(double a, double b) {
  return a <= b ? log_beta_ordered(a, b) : log_beta_ordered(b, a);
}

// log(1 + t) - t for |t| <= 1/2, which cancels near 0.
static double log1p_minus(double t) {
  const double r = t / (2 + t), y = r * r;
  double series = 0;
  for (int k = 41; k >= 3; k -= 2) series = series * y + 1.0 / k;
  return r * (2 * y * series - t);
}

// m - a - a log(m / a), where m = a (1 + t) and log_ratio = log(m / a).
static double deviance(double a, double t, double log_ratio) {
  return fabs(t) < 0.5 ? -a * log1p_minus(t) : a * (t - log_ratio);
}

double fk_gamma_constant(double a) {
  return a < 10 ? -fk_log_gamma(a + 1) : -stirling(a) - half_log_two_pi - 0.5 * log(a);
}

double fk_gamma_factor(double a, double constant, double x, double log_x) {
  if (a < 10) return a * log_x - x + constant;
  return constant - deviance(a, (x - a) / a, log_x - log(a));
}

double fk_beta_constant(double a, double b) {
  if (a < 10 || b < 10) return -fk_log_beta(a, b);
  const double n = a + b;
  return stirling(n) - stirling(a) - stirling(b) - half_log_two_pi + 0.5 * log(a * (b / n));
}

double fk_beta_factor(double a, double b, double constant, double x, double y, double log_x,
                      double log_y) {
  if (a < 10 || b < 10) return a * log_x + b * log_y + constant;
  const double n = a + b, d = b * x - a * y;
  return constant - deviance(a, d / a, log_x - log(a / n)) -
         deviance(b, -d / b, log_y - log(b / n));
}

typedef struct {
  double log_lower, log_upper;
  // log of the density of log x, or of log(x / y).
  double log_density;
} tails;

// log(1 - e^l) for l <= 0.
static double log_complement(double l) {
  return l > -0.69314718055994530942 ? log(-expm1(l)) : log1p(-exp(l));
}

static tails tails_of(bool is_lower, double log_tail, double log_density) {
  const double l = log_tail < 0 ? log_tail : 0, other = log_complement(l);
  const tails t = {is_lower ? l : other, is_lower ? other : l, log_density};
  return t;
}

enum { terms = 1000000 };
static const double tiny = 1e-300, converged = 1e-17;

// log(erfc(h)/2 + c e^(-h^2)) for h >= 0.
static double log_corrected_tail(double h, double c) {
  const double square = h * h;
  if (h < 25) return log(0.5 * erfc(h) + c * exp(-square));
  const double f = 0.5 / square, series = 1 - f * (1 - 3 * f * (1 - 5 * f * (1 - 7 * f)));
  return log(series * 0.28209479177387814347 / h + c) - square;
}

// The uniform expansion for large a (Temme, SIAM J. Math. Anal. 10, 1979), two terms.
static tails large_gamma_tails(double a, double x, double log_x, double log_density) {
  const double t = (x - a) / a, half_square = deviance(a, t, log_x - log(a)) / a;
  const double eta = copysign(sqrt(2 * half_square), t);
  const double bracket = fabs(eta) < 1e-4 ? eta / 12 - 1.0 / 3 : 1 / t - 1 / eta;
  const double h = fabs(eta) * sqrt(0.5 * a), c = bracket / sqrt(2 * M_PI * a);
  return tails_of(t < 0, log_corrected_tail(h, t < 0 ? -c : c), log_density);
}

// Tails of the gamma distribution of rate 1: the power series below the mean, Legendre's continued
// fraction above, by Lentz's method.
static tails gamma_tails(double a, double x, double log_x) {
  const double factor = fk_gamma_factor(a, fk_gamma_constant(a), x, log_x);
  const double log_density = factor + log(a);
  if (a > 1e9) return large_gamma_tails(a, x, log_x, log_density);
  if (x < a + 1) {
    double sum = 1, term = 1;
    for (int k = 1; k < terms; k++) {
      term *= x / (a + k);
      sum += term;
      if (!(term >= sum * converged && sum < INFINITY)) break;
    }
    return tails_of(true, factor + log(sum), log_density);
  }
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b, value = d;
  for (int k = 1; k < terms; k++) {
    const double numerator = -k * (k - a);
    b += 2;
    d = b + numerator * d;
    c = b + numerator / c;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    c = fabs(c) < tiny ? tiny : c;
    value *= c * d;
    if (!(fabs(c * d - 1) >= 2.3e-16)) break;
  }
  return tails_of(false, log_density + log(value), log_density);
}

// The continued fraction of the incomplete beta function for x below its mean a / (a + b), arranged
// so that 1 - x is never formed (DiDonato and Morris, Algorithm 708, ACM TOMS 18, 1992).
static double beta_fraction(double a, double b, double x, double y) {
  const double c = 1 + (a * y - b * x), c0 = b / a, c1 = 1 + 1 / a;
  double p = 1, s = a + 1, an = 0, bn = 1, an1 = 1, bn1 = c / c1, value = c1 / c;
  for (int k = 1; k < terms; k++) {
    const double t = k / a, w = k * (b - k) * x, e = a / s, f = (t + 1) / (c1 + 2 * t);
    const double alpha = p * (p + c0) * e * e * (w * x);
    const double beta = k + w / s + f * (c + k * (1 + y));
    p = 1 + t;
    s += 2;
    const double an2 = alpha * an + beta * an1, bn2 = alpha * bn + beta * bn1;
    const double last = value;
    value = an2 / bn2;
    if (!(fabs(value - last) > 2.3e-16 * value)) break;
    an = an1 / bn2;
    bn = bn1 / bn2;
    an1 = value;
    bn1 = 1;
  }
  return value;
}

static tails beta_tails(double a, double b, double x, double y, double log_x, double log_y) {
  const double factor = fk_beta_factor(a, b, fk_beta_constant(a, b), x, y, log_x, log_y);
  if (a * y >= b * x) return tails_of(true, factor + log(beta_fraction(a, b, x, y)), factor);
  return tails_of(false, factor + log(beta_fraction(b, a, y, x)), factor);
}

double fk_gamma_cumulative(double a, double x, bool upper) {
  if (!(a < INFINITY) || isnan(x)) return NAN;
  if (x <= 0) return upper;
  if (x == INFINITY) return !upper;
  const tails t = gamma_tails(a, x, log(x));
  return exp(upper ? t.log_upper : t.log_lower);
}

double fk_beta_cumulative(double a, double b, double x, bool upper) {
  if (!(a < INFINITY && b < INFINITY) || isnan(x)) return NAN;
  if (x <= 0) return upper;
  if (x >= 1) return !upper;
  const tails t = beta_tails(a, b, x, 1 - x, log(x), log1p(-x));
  return exp(upper ? t.log_upper : t.log_lower);
}

// From so many degrees of freedom on, Student's t distribution is the normal one in rounding.
static const double normal_from = 1e15;

// With s = t^2 / nu, 1 / (1 + s) is beta distributed with nu/2 and 1/2.
double fk_student_cumulative(double nu, double t) {
  if (isnan(nu) || isnan(t)) return NAN;
  if (fabs(t) == INFINITY) return t > 0;
  if (t == 0) return 0.5;
  if (nu > normal_from) return 0.5 * erfc(-t * M_SQRT1_2);
  const double r = fabs(t) / sqrt(nu), s = r * r;
  const double log_s = 2 * log(r), log_sum = s < INFINITY ? log1p(s) : log_s;
  const double x = 1 / (1 + s), y = s < INFINITY ? s / (1 + s) : 1;
  const tails tail = beta_tails(0.5 * nu, 0.5, x, y, -log_sum, log_s - log_sum);
  const double half = 0.5 * exp(tail.log_lower);
  return t < 0 ? half : (half < 0.25 ? 1 - half : 0.5 + 0.5 * exp(tail.log_upper));
}

typedef struct {
  double a, b;
  bool is_beta;
} family;

static double softplus(double u) { return (u > 0 ? u : 0) + log1p(exp(-fabs(u))); }

// Tails at log x = u of the gamma, or at log(x / y) = u of the beta distribution.
static tails tails_at(family f, double u) {
  if (!f.is_beta) return gamma_tails(f.a, exp(u), u);
  return beta_tails(f.a, f.b, 1 / (1 + exp(-u)), 1 / (1 + exp(u)), -softplus(-u), -softplus(u));
}

// The root of the smaller tail, by Newton's method from u.
static double root(family f, double u, double p, double q) {
  const bool lower = p <= q;
  const double target = log(lower ? p : q);
  for (int i = 0; i < 200; i++) {
    const tails t = tails_at(f, u);
    const double tail = lower ? t.log_lower : t.log_upper;
    const double slope = (lower ? 1 : -1) * exp(t.log_density - tail);
    const double step = (target - tail) / slope;
    if (!(fabs(step) < INFINITY)) break;
    u += step;
    // The error that a step leaves is of the order of its square, on the scale of the spread.
    if (fabs(step) < 1e-9 && fabs(step * slope) < 1e-6) break;
    if (fabs(step) <= 4e-16 * fabs(u)) break;
  }
  return u;
}

double fk_gamma_quantile(double a, double p) {
  if (!(a < INFINITY && p >= 0 && p <= 1)) return NAN;
  if (p == 0) return 0;
  if (p == 1) return INFINITY;
  const family f = {a, 0, false};
  const double q = 1 - p;
  // Left of the root for the lower tail, right of it for the upper.
  double start = p <= q ? (log(p) + fk_log_gamma(a + 1)) / a : log(-log(q));
  if (a >= 1) {
    // Wilson and Hilferty: the cube root is nearly normal.
    const double w = 1 - 1 / (9 * a) + fk_normal_quantile(p) / (3 * sqrt(a));
    if (w > 0.1)
      start = log(a) + 3 * log(w);
    else if (p > q)
      start = log(a + 1);
  }
  return exp(root(f, start, p, q));
}

// log(x / (1 - x)), where p and q add up to 1.
static double beta_log_odds(double a, double b, double p, double q) {
  const family f = {a, b, true};
  const double log_beta = fk_log_beta(a, b);
  double start =
      p <= q ? (log(p) + log(a) + log_beta) / a : -(log(q) + log(b) + log_beta) / b;
  if (a >= 1 && b >= 1) start = log(a / b) + fk_normal_quantile(p) * sqrt(1 / a + 1 / b);
  return root(f, start, p, q);
}

double fk_beta_quantile(double a, double b, double p) {
  if (!(a < INFINITY && b < INFINITY && p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return p;
  return 1 / (1 + exp(-beta_log_odds(a, b, p, 1 - p)));
}

double fk_student_quantile(double nu, double p) {
  if (isnan(nu) || !(p >= 0 && p <= 1)) return NAN;
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p == 0.5) return 0;
  if (nu > normal_from) return fk_normal_quantile(p);
  const double both = 2 * (p < 0.5 ? p : 1 - p);
  const double u = beta_log_odds(0.5 * nu, 0.5, both, 1 - both);
  const double t = sqrt(nu) * exp(-0.5 * u);
  return p < 0.5 ? -t : t;
}
