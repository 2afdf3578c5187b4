// Increasing Bernstein polynomials of degree n, each lane with its own coefficients. With u the
// place in the interval and all in units of it, f(u) = sum_j b_j B_j,n(u), whose coefficients grow
// by increments c_i > 0. By the basis one degree lower, which is all positive,
//   f = sum_i B_i,n-1 (b_i + u c_i),  f' = n sum_i B_i,n-1 c_i.
// The sum of the basis, which is 1, is divided out with its rounding.
//
// Linear tails: n - 2 parameters. The first and the last increment are 1/n, so that the slope there
// is 1, and the others share the rest, floor + (...) softmax(r). Learned tails: n + 1 parameters, a
// shift and n increments exp(r / (1 + |r / log floor|)) / n about the middle of the interval.

typedef struct {
  int64_t degree, stride;
  bool linear;
  T low, high, span, inverse_span;
  T end, floor, rest;       // linear: 1/n, the least share and what is shared
  T factor;                 // learned: 1 / log floor
  T basis[FK_MAX_DEGREE], lower_basis[FK_MAX_DEGREE];  // binomials over n - 1 and over n - 2
  const T *theta;
} FN(bernstein);

typedef struct {
  const FN(bernstein) * all;
  V *increments, *shares;   // linear: softmax; learned: d bounded / d raw
  V *powers, *values;       // of 1 - u; the basis of degree n - 1
  V first;                  // the coefficient at low
  V sum;                    // of increments
} FN(polynomial);

static FN(bernstein) FN(make_bernstein)(const struct fk_map *m, int64_t stride, const T *theta) {
  const double n = (double)m->parts;
  FN(bernstein) b = {
      .degree = m->parts,
      .stride = stride,
      .linear = m->tails == FK_TAILS_LINEAR,
      .low = (T)m->low,
      .high = (T)m->high,
      .span = (T)(m->high - m->low),
      .inverse_span = (T)(1 / (m->high - m->low)),
      .end = (T)(1 / n),
      .floor = (T)m->part_floor,
      .rest = (T)(1 - 2 / n - (n - 2) * m->part_floor),
      .factor = (T)(1 / log(m->slope_floor)),
      .theta = theta,
  };
  double upper = 1, lower = 1;
  for (int64_t i = 0; i < m->parts; i++) {
    b.basis[i] = (T)upper;
    b.lower_basis[i] = (T)lower;
    upper = upper * (n - 1 - (double)i) / (double)(i + 1);
    lower = lower * (n - 2 - (double)i) / (double)(i + 1);
  }
  return b;
}

FK_INLINE FN(polynomial) FN(polynomial_of)(const FN(bernstein) * b, int64_t lane, V *scratch) {
  const int64_t n = b->degree, stride = b->stride;
  FN(polynomial) p = {b, scratch, scratch + n, scratch + 2 * n, scratch + 3 * n, (V)(0), (V)(1)};
  const T *raw = b->theta + lane;
  if (b->linear) {
    p.increments[0] = p.increments[n - 1] = (V)(b->end);
    if (n == 2) return p;
    V most = LOAD(raw), sum = (V)(0);
    for (int64_t i = 1; i < n - 2; i++) most = FN(lanes_most)(most, LOAD(raw + i * stride));
    for (int64_t i = 0; i < n - 2; i++)
      sum += p.shares[i + 1] = FN(lanes_exp)(LOAD(raw + i * stride) - most);
    sum = 1 / sum;
    for (int64_t i = 1; i < n - 1; i++) {
      p.shares[i] *= sum;
      p.increments[i] = b->floor + b->rest * p.shares[i];
    }
    return p;
  }
  p.sum = (V)(0);
  for (int64_t i = 0; i < n; i++) {
    const V r = LOAD(raw + (i + 1) * stride);
    const V shrink = 1 / (1 + FN(lanes_abs)(r * b->factor));
    p.sum += p.increments[i] = FN(lanes_exp)(r * shrink) * b->end;
    p.shares[i] = shrink * shrink;
  }
  p.first = (T)0.5 * (1 - p.sum) + LOAD(raw) * b->inverse_span;
  return p;
}

// f and f'; the basis is left in `values` where it is to be kept.
FK_INLINE FN(evaluated) FN(polynomial_terms)(const FN(polynomial) * p, V u, const bool keep) {
  const int64_t n = p->all->degree;
  const V v = 1 - u;
  V power = (V)(1);
  for (int64_t i = 0; i < n; i++) {
    p->powers[i] = power;
    power *= v;
  }
  V sum = (V)(0), value = sum, slope = sum, coefficient = p->first;
  power = (V)(1);
  for (int64_t i = 0; i < n; i++) {
    const V own = p->all->basis[i] * power * p->powers[n - 1 - i], increment = p->increments[i];
    if (keep) p->values[i] = own;
    sum += own;
    value += own * (coefficient + u * increment);
    slope += own * increment;
    coefficient += increment;
    power *= u;
  }
  sum = 1 / sum;
  if (keep)
    for (int64_t i = 0; i < n; i++) p->values[i] *= sum;
  return (FN(evaluated)){value * sum, slope * (sum * (T)n)};
}

FK_INLINE FN(evaluated) FN(polynomial_value)(const void *context, V u) {
  return FN(polynomial_terms)(context, u, false);
}

static void FN(bernstein_map)(const struct fk_map *m, bool to_data, int64_t stride, const T *xs,
                              const T *theta, V *scratch, T *ys, T *log_slope) {
  const FN(bernstein) b = FN(make_bernstein)(m, stride, theta);
  const V low = (V)(b.low), high = (V)(b.high), zero = (V)(0), one = (V)(1);
  for (int64_t lane = 0; lane < stride; lane += FK_LANES) {
    const FN(polynomial) p = FN(polynomial_of)(&b, lane, scratch);
    const V x = LOAD(xs + lane);
    // What the ends of the interval become, and which of them x lies beyond.
    const V bottom = b.linear ? low : low + b.span * p.first;
    const V top = b.linear ? high : low + b.span * (p.first + p.sum);
    const V inner = FN(lanes_clip)(x, to_data ? bottom : low, to_data ? top : high);
    V u = (inner - low) * b.inverse_span;
    if (to_data) {
      const V guess = (u - p.first) / p.sum;
      u = FN(solve)(FN(polynomial_value), &p, u, zero, one, guess,
                    FK_EPSILON * (1 + FN(lanes_abs)(p.first) + p.sum));
      u = x < bottom ? zero : (x > top ? one : u);
    }
    const FN(evaluated) here = FN(polynomial_terms)(&p, u, false);
    V y = low + b.span * (to_data ? u : here.value);
    V change = FN(lanes_log)(here.slope);
    const V excess = x - inner;
    if (b.linear || to_data) y = FN(lanes_clip)(y, low, high);
    if (b.linear) {
      y = excess == 0 ? y : x;
      change = excess == 0 ? change : zero;
    } else {
      y += to_data ? excess / here.slope : excess * here.slope;
    }
    STORE(ys + lane, y);
    STORE(log_slope + lane, LOAD(log_slope + lane) + (to_data ? -change : change));
  }
}

// f'' / f', by the basis two degrees lower, from the powers that polynomial_terms left.
FK_INLINE V FN(polynomial_bend)(const FN(polynomial) * p, V u, V slope) {
  const int64_t n = p->all->degree;
  V power = (V)(1), sum = (V)(0), bend = sum;
  for (int64_t i = 0; i < n - 1; i++) {
    const V own = p->all->lower_basis[i] * power * p->powers[n - 2 - i];
    sum += own;
    bend += own * (p->increments[i + 1] - p->increments[i]);
    power *= u;
  }
  return bend * (T)(n * (n - 1)) / (sum * slope);
}

static void FN(bernstein_map_backward)(const struct fk_map *m, bool to_data, int64_t stride,
                                       const T *xs, const T *ys, const T *theta, const T *gys,
                                       const T *glogs, V *scratch, T *gxs, T *gtheta) {
  const FN(bernstein) b = FN(make_bernstein)(m, stride, theta);
  const T *points = to_data ? ys : xs;
  const int64_t n = b.degree;
  V *by_increment = scratch + 4 * n;
  for (int64_t lane = 0; lane < stride; lane += FK_LANES) {
    const FN(polynomial) p = FN(polynomial_of)(&b, lane, scratch);
    const V x = LOAD(points + lane);
    const V inner = FN(lanes_clip)(x, (V)(b.low), (V)(b.high)), excess = x - inner;
    const FK_INTEGERS inside = excess == 0;
    const V u = (inner - b.low) * b.inverse_span;
    const V slope = FN(polynomial_terms)(&p, u, true).slope;
    V log_by_x = FN(polynomial_bend)(&p, u, slope) * b.inverse_span;
    log_by_x = inside ? log_by_x : (V)(0);
    V g = gys ? LOAD(gys + lane) : (V)(0), l = glogs ? LOAD(glogs + lane) : (V)(0);
    V gx = to_data ? (g - l * log_by_x) / slope : g * slope + l * log_by_x;
    if (b.linear) gx = inside ? gx : g;
    STORE(gxs + lane, gx);
    if (to_data) {
      g = -gx;
      l = -l;
    }
    if (b.linear) {
      g = inside ? g : (V)(0);
      l = inside ? l : (V)(0);
    }
    const V value = g * b.span, by_slope = (l / slope + g * excess) * (T)n;
    // An increment lifts all coefficients after it: B_i+1 + B_i+2 + ... + u B_i. Free ends move as
    // much down as up.
    V after = b.linear ? (V)(0) : (V)((T)-0.5);
    for (int64_t i = n - 1; i >= 0; i--) {
      by_increment[i] = value * (after + u * p.values[i]) + by_slope * p.values[i];
      after += p.values[i];
    }
    T *out = gtheta + lane;
    if (b.linear) {
      V mean = (V)(0);
      for (int64_t i = 1; i < n - 1; i++) mean += p.shares[i] * by_increment[i];
      for (int64_t i = 1; i < n - 1; i++)
        STORE(out + (i - 1) * stride, b.rest * p.shares[i] * (by_increment[i] - mean));
    } else {
      STORE(out, g);
      for (int64_t i = 0; i < n; i++)
        STORE(out + (i + 1) * stride, by_increment[i] * p.increments[i] * p.shares[i]);
    }
  }
}
