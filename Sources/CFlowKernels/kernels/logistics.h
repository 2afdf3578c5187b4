// Mixtures of logistic distribution functions: y = logit F(x), F = sum_k pi_k sigmoid(z_k), with
// z_k = (x - mu_k) / s_k; each lane has its own.
//
// Far out F is 1 or 0 in every digit but y is not, so F and 1 - F = sum_k pi_k sigmoid(-z_k) are
// both summed, from the logarithms of their terms and relative to the greatest: y is the logarithm
// of their quotient. With P_k and Q_k the shares of component k in the two sums,
//   dy/dz_k = P_k sigmoid(-z_k) + Q_k sigmoid(z_k),
// again without differences.

typedef struct {
  int64_t parts, stride;
  const T *mu;              // at these lanes
  V *logits, *inverse;      // less their greatest; 1 / s
  V *bounds;                // d log s / d raw; null: not wanted
  V *z, *upper, *lower;     // sigmoid(z), sigmoid(-z)
  V *below, *above;         // terms of F and of 1 - F, relative to the greatest
} FN(logistics);

static const double FN(logistics_bound) = 6.907755278982137;  // log 1000

FK_INLINE FN(logistics) FN(make_logistics)(const struct fk_map *m, int64_t stride, int64_t lane,
                                           const T *theta, bool gradient, V *scratch) {
  const int64_t parts = m->parts;
  FN(logistics) c = {.parts = parts, .stride = stride, .mu = theta + parts * stride + lane};
  V **arrays[] = {&c.logits, &c.inverse, &c.bounds, &c.z, &c.upper, &c.lower, &c.below, &c.above};
  for (int i = 0; i < 8; i++) *arrays[i] = scratch + i * parts;
  const T *logits = theta + lane, *scales = theta + 2 * parts * stride + lane;
  V most = LOAD(logits);
  for (int64_t k = 1; k < parts; k++) most = FN(lanes_most)(most, LOAD(logits + k * stride));
  for (int64_t k = 0; k < parts; k++) {
    const V r = LOAD(scales + k * stride);
    const V shrink = 1 / (1 + FN(lanes_abs)(r) * (T)(1 / FN(logistics_bound)));
    c.logits[k] = LOAD(logits + k * stride) - most;
    c.inverse[k] = FN(lanes_exp)(-r * shrink);
    if (gradient) c.bounds[k] = shrink * shrink;
  }
  return c;
}

// y and dy/dx. The terms of both sums are left in the arrays, divided by the sums.
FK_INLINE FN(evaluated) FN(logistics_terms)(const FN(logistics) * c, V x, const bool keep) {
  V most_below = (V)(-INFINITY), most_above = most_below;
  for (int64_t k = 0; k < c->parts; k++) {
    const V z = (x - LOAD(c->mu + k * c->stride)) * c->inverse[k];
    const V e = FN(lanes_exp)(-FN(lanes_abs)(z)), large = 1 / (1 + e), small = e * large;
    const FK_INTEGERS positive = z > 0;
    c->z[k] = z;
    c->upper[k] = positive ? large : small;
    c->lower[k] = positive ? small : large;
    const V below = c->logits[k] + (positive ? (V)(0) : z);
    const V above = c->logits[k] - (positive ? z : (V)(0));
    c->below[k] = below;
    c->above[k] = above;
    most_below = FN(lanes_most)(most_below, below);
    most_above = FN(lanes_most)(most_above, above);
  }
  V sum_below = (V)(0), sum_above = sum_below, slope_below = sum_below, slope_above = sum_below;
  for (int64_t k = 0; k < c->parts; k++) {
    const V upper = c->upper[k], lower = c->lower[k], large = FN(lanes_most)(upper, lower);
    const V below = FN(lanes_exp)(c->below[k] - most_below) * large;
    const V above = FN(lanes_exp)(c->above[k] - most_above) * large;
    if (keep) {
      c->below[k] = below;
      c->above[k] = above;
    }
    sum_below += below;
    sum_above += above;
    slope_below += below * (lower * c->inverse[k]);
    slope_above += above * (upper * c->inverse[k]);
  }
  const V per_below = 1 / sum_below, per_above = 1 / sum_above;
  if (keep)
    for (int64_t k = 0; k < c->parts; k++) {
      c->below[k] *= per_below;
      c->above[k] *= per_above;
    }
  return (FN(evaluated)){
      (most_below - most_above) + FN(lanes_log)(sum_below * per_above),
      slope_below * per_below + slope_above * per_above,
  };
}

FK_INLINE FN(evaluated) FN(logistics_value)(const void *context, V x) {
  return FN(logistics_terms)(context, x, false);
}

// Between the least and the greatest of the components' own quantiles.
FK_INLINE V FN(logistics_quantile)(const FN(logistics) * c, V y) {
  V low = (V)(INFINITY), high = (V)(-INFINITY), sum = (V)(0), mean = sum;
  for (int64_t k = 0; k < c->parts; k++) {
    const V own = LOAD(c->mu + k * c->stride) + y / c->inverse[k];
    const V weight = FN(lanes_exp)(c->logits[k]);
    low = FN(lanes_least)(low, own);
    high = FN(lanes_most)(high, own);
    sum += weight;
    mean += weight * own;
  }
  return FN(solve)(FN(logistics_value), c, y, low, high, mean / sum,
                   4 * FK_EPSILON * (1 + FN(lanes_abs)(y)));
}

static void FN(logistics_map)(const struct fk_map *m, bool to_data, int64_t stride, const T *xs,
                              const T *theta, V *scratch, T *ys, T *log_slope) {
  for (int64_t lane = 0; lane < stride; lane += FK_LANES) {
    const FN(logistics) c = FN(make_logistics)(m, stride, lane, theta, false, scratch);
    const V x = LOAD(xs + lane);
    const V point = to_data ? FN(logistics_quantile)(&c, x) : x;
    const FN(evaluated) here = FN(logistics_terms)(&c, point, false);
    const V change = FN(lanes_log)(here.slope);
    STORE(ys + lane, to_data ? point : here.value);
    STORE(log_slope + lane, LOAD(log_slope + lane) + (to_data ? -change : change));
  }
}

static void FN(logistics_map_backward)(const struct fk_map *m, bool to_data, int64_t stride,
                                       const T *xs, const T *ys, const T *theta, const T *gys,
                                       const T *glogs, V *scratch, T *gxs, T *gtheta) {
  const T *points = to_data ? ys : xs;
  const int64_t parts = m->parts;
  for (int64_t lane = 0; lane < stride; lane += FK_LANES) {
    const FN(logistics) c = FN(make_logistics)(m, stride, lane, theta, true, scratch);
    const V slope = FN(logistics_terms)(&c, LOAD(points + lane), true).slope;
    const V per_slope = 1 / slope;
    // The slope is the sum of these two.
    V from_below = (V)(0), from_above = (V)(0);
    for (int64_t k = 0; k < parts; k++) {
      from_below += c.below[k] * (c.lower[k] * c.inverse[k]);
      from_above += c.above[k] * (c.upper[k] * c.inverse[k]);
    }
    // d slope / dz_k of the terms of F and of 1 - F.
#define FK_BY_Z(k)                                                                                 \
  const V lower = c.lower[k], upper = c.upper[k], inverse = c.inverse[k];                          \
  const V bend = (lower - upper) * inverse, of_below = c.below[k] * lower,                         \
          of_above = c.above[k] * upper;
    V bent = (V)(0);
    for (int64_t k = 0; k < parts; k++) {
      FK_BY_Z(k)
      bent += inverse * (of_below * (bend - from_below) + of_above * (bend + from_above));
    }
    const V log_by_x = bent * per_slope;
    V g = gys ? LOAD(gys + lane) : (V)(0), l = glogs ? LOAD(glogs + lane) : (V)(0);
    const V gx = to_data ? (g - l * log_by_x) * per_slope : g * slope + l * log_by_x;
    STORE(gxs + lane, gx);
    if (to_data) {
      g = -gx;
      l = -l;
    }
    l *= per_slope;  // by the slope now
    T *out = gtheta + lane;
    for (int64_t k = 0; k < parts; k++) {
      FK_BY_Z(k)
      const V by_z = of_below * (g + l * (bend - from_below)) +
                     of_above * (g + l * (bend + from_above));
      const V by_logit = c.below[k] * (g + l * (lower * inverse - from_below)) -
                         c.above[k] * (g - l * (upper * inverse - from_above));
      STORE(out + k * stride, by_logit);
      STORE(out + (parts + k) * stride, -by_z * inverse);
      STORE(out + (2 * parts + k) * stride,
            -(by_z * c.z[k] + l * ((of_below + of_above) * inverse)) * c.bounds[k]);
    }
#undef FK_BY_Z
  }
}
