// Gradients of splines. Both directions take those of the direct one, at the point on the side of
// data: where y = f^-1(x), with gradients g by y and l by the log slope -log f'(y), the one by x is
// (g - l f''/f') / f', and the parameters get what f and log f' give them for minus that and -l.

// The bin of a point, with what its gradients spread over.
typedef struct {
  FN(bin) bin;
  V number;                            // of the bin, from 0
  V along_plain, across_plain;         // sums of plain weights before it
  V along_own, across_own;             // its plain weights
} FN(found);

FK_INLINE FN(found) FN(find_counted)(const bool soft, const FN(spline) * s, int64_t lane, V place,
                                     const V *widths, const V *heights, V width_delta,
                                     V height_delta) {
  FN(found) f = {.bin = {.along = {(V)(0), widths[0]}, .across = {(V)(0), heights[0]}}};
  FN(bin) *b = &f.bin;
  // Here the arrays are plain weights, and floors come on the way.
#define FK_WITH(weight, delta) (soft ? (weight) : (weight) + (delta))
  V raw = FN(knot)(s, lane, 1);
  b->raw0 = FN(knot)(s, lane, 0);
  b->raw1 = raw;
  b->along.length = FK_WITH(widths[0], width_delta);
  b->across.length = FK_WITH(heights[0], height_delta);
  f.along_own = widths[0];
  f.across_own = heights[0];
  V along_sum = b->along.length, across_sum = b->across.length;
  V along_plain = widths[0], across_plain = heights[0];
  for (int64_t k = 1; k < s->bins; k++) {
    const V next = FN(knot)(s, lane, k + 1);
    const V along = FK_WITH(widths[k], width_delta), across = FK_WITH(heights[k], height_delta);
    const FK_INTEGERS beyond = place >= along_sum;
    f.number = beyond ? (V)((T)k) : f.number;
    b->along.from = beyond ? along_sum : b->along.from;
    b->along.length = beyond ? along : b->along.length;
    b->across.from = beyond ? across_sum : b->across.from;
    b->across.length = beyond ? across : b->across.length;
    b->raw0 = beyond ? raw : b->raw0;
    b->raw1 = beyond ? next : b->raw1;
    along_sum += along;
    across_sum += across;
    if (!soft) {
      f.along_plain = beyond ? along_plain : f.along_plain;
      f.across_plain = beyond ? across_plain : f.across_plain;
      f.along_own = beyond ? widths[k] : f.along_own;
      f.across_own = beyond ? heights[k] : f.across_own;
      along_plain += widths[k];
      across_plain += heights[k];
    }
    raw = next;
  }
#undef FK_WITH
  if (soft) {
    f.along_plain = b->along.from;
    f.across_plain = b->across.from;
    f.along_own = b->along.length;
    f.across_own = b->across.length;
  }
  return f;
}

// Gradients by raw widths (or heights): `before` is that by the share of each bin before the one
// found, `own` that by its share. `unit` is 1 / sum of weights. Moving all by the same changes
// nothing, so the mean is taken away.
FK_INLINE void FN(put_shares)(const bool soft, const FN(spline) * s, V number, V before, V own,
                              V plain_before, V plain_own, V unit, const V *plain,
                              const V *bounds, T *out) {
  // The mean is weighted by plain weights, whose sum is that of the weights but for the floors.
  const V plain_unit = soft ? unit : unit * (1 + (T)s->bins * s->delta);
  const V mean = (plain_before * before + plain_own * own) * plain_unit;
  const V low = (before - mean) * unit, at = (own - mean) * unit, high = -mean * unit;
  for (int64_t k = 0; k < s->bins; k++) {
    const V place = (V)((T)k);
    V g = number > place ? low : high;
    g = (number == place ? at : g) * plain[k];
    STORE(out + k * s->stride, soft ? g * bounds[k] : g);
  }
}

// Gradients by raw slopes: g0 and g1 at the knots of the bin found.
FK_INLINE void FN(put_slopes)(const FN(spline) * s, V number, V g0, V g1, T *out) {
  const bool linear = s->tails == FK_TAILS_LINEAR, circular = s->tails == FK_TAILS_CIRCULAR;
  const int64_t last = linear || circular ? s->bins - 1 : s->bins;
  for (int64_t k = linear; k <= last; k++) {
    V g = number == (V)((T)k) ? g0 : (V)(0);
    if (circular && k == 0)
      g += number == (V)((T)(s->bins - 1)) ? g1 : (V)(0);
    else
      g = number == (V)((T)(k - 1)) ? g1 : g;
    STORE(out + (k - linear) * s->stride, g);
  }
}

FK_INLINE void FN(spline_gradient_lanes)(const bool soft, const bool to_data,
                                         const FN(spline) * s, int64_t lane, const T *xs,
                                         const T *points, const T *gys, const T *glogs,
                                         V *scratch, T *gxs, T *gtheta) {
  const int64_t bins = s->bins;
  V *widths = scratch, *heights = widths + bins, *width_bounds = heights + bins;
  V *height_bounds = width_bounds + bins;
  FN(plain_weights)(soft, s, s->widths + lane, widths, width_bounds);
  FN(plain_weights)(soft, s, s->heights + lane, heights, height_bounds);
  V width = widths[0], height = heights[0];
  for (int64_t k = 1; k < bins; k++) {
    width += widths[k];
    height += heights[k];
  }
  const V width_delta = width * s->delta, height_delta = height * s->delta;
  if (!soft) {  // again, in the order of the knots
    width = widths[0] + width_delta;
    height = heights[0] + height_delta;
    for (int64_t k = 1; k < bins; k++) {
      width += widths[k] + width_delta;
      height += heights[k] + height_delta;
    }
  }
  const V x = LOAD(points + lane);
  const V inner = FN(into_interval)(s, x);
  const V place = (inner - s->low) * (width * s->inverse_span);
  const FN(found) f = FN(find_counted)(soft, s, lane, place, widths, heights, width_delta,
                                       height_delta);
  const FN(bin) *b = &f.bin;
  V d0_by_raw, d1_by_raw;
  const V d0 = FN(knot_slope)(soft, s, b->raw0, &d0_by_raw);
  const V d1 = FN(knot_slope)(soft, s, b->raw1, &d1_by_raw);
  const V per_length = 1 / b->along.length, unit = 1 / height, width_unit = 1 / width;
  const V xi = FN(share_of)(s, inner, (place - b->along.from) * per_length);
  const V rise = (b->across.length * per_length) * (width * unit);
  const V rest = 1 - xi, t = xi * rest, two_t = 2 * t;
  const V d = rise * (1 - two_t) + (d0 + d1) * t, per_d = 1 / d;
  const V m = xi * (rise * xi + d0 * rest);
  const V lower = d0 * (rest * rest), upper = d1 * (xi * xi);
  const V n = rise * two_t + lower + upper, per_n = 1 / n;
  const V slope_in_bin = rise * n * (per_d * per_d);  // d zeta / d xi
  const V slope = rise * slope_in_bin;

  // Derivatives of log slope. The one by xi: N' / N - 2 D' / D.
  const V turn = 1 - 2 * xi;
  const V log_by_xi =
      2 * ((rise * turn - d0 * rest + d1 * xi) * per_n - turn * (d0 + d1 - 2 * rise) * per_d);
  const V per_share = width * per_length;
  V log_by_x = log_by_xi * per_share * s->inverse_span;

  V g = gys ? LOAD(gys + lane) : (V)(0), l = glogs ? LOAD(glogs + lane) : (V)(0), gx;
  // By x of the call: where the interval ends for good, no point lies beyond it.
  const V outer = LOAD(xs + lane);
  const FK_INTEGERS below = outer < s->low, above = outer > s->high;
  const bool bounded = s->tails != FK_TAILS_CIRCULAR;
  if (bounded) log_by_x = below ? (V)(0) : (above ? (V)(0) : log_by_x);
  if (to_data) {
    gx = (g - l * log_by_x) / slope;
  } else {
    gx = g * slope + l * log_by_x;
  }
  if (s->tails == FK_TAILS_LINEAR) gx = below ? g : (above ? g : gx);
  if (s->tails == FK_TAILS_CLOSED) gx = below ? (V)(0) : (above ? (V)(0) : gx);
  STORE(gxs + lane, gx);
  if (to_data) {
    g = -gx;
    l = -l;
  }

  // Beyond the interval only the slopes at its ends count.
  V value = g * s->span, inner_log = l;
  if (bounded) {
    value = below ? (V)(0) : (above ? (V)(0) : value);
    inner_log = below ? (V)(0) : (above ? (V)(0) : l);
    if (s->tails == FK_TAILS_LINEAR) l = inner_log;
  }
  // By xi, rise and the slopes.
  const V rising = value * (b->across.length * unit);  // by zeta
  const V square = per_d * per_d;
  const V by_xi = rising * slope_in_bin + inner_log * log_by_xi;
  const V by_rise = rising * (t * (upper - lower)) * square +
                    inner_log * 2 * (1 / rise + t * per_n - (1 - two_t) * per_d);
  V by_d0 = rising * (t * (rise * (rest * rest) + d1 * t)) * square +
            l * (rest * rest * per_n - two_t * per_d);
  V by_d1 = -rising * (m * t) * square + l * (xi * xi * per_n - two_t * per_d);
  if (s->tails == FK_TAILS_LEARNED) {
    const V beyond = g * (x - inner);
    by_d0 = below ? by_d0 + beyond : by_d0;
    by_d1 = above ? by_d1 + beyond : by_d1;
  }
  FN(put_slopes)(s, f.number, by_d0 * d0_by_raw, by_d1 * d1_by_raw,
                 gtheta + 2 * bins * s->stride + lane);
  // By where the bin begins and how long it is, in shares of the interval.
  const V by_from = -by_xi * per_share;
  const V by_length = -(by_xi * xi + by_rise * rise) * per_share;
  FN(put_shares)(soft, s, f.number, by_from, by_length, f.along_plain, f.along_own, width_unit,
                 widths, width_bounds, gtheta + lane);
  const V by_height = value * (m * per_d) + by_rise * per_share;
  FN(put_shares)(soft, s, f.number, value, by_height, f.across_plain, f.across_own, unit, heights,
                 height_bounds, gtheta + bins * s->stride + lane);
}

static void FN(spline_map_backward)(const struct fk_map *m, bool to_data, int64_t stride,
                                    const T *x, const T *y, const T *theta, const T *gy,
                                    const T *glog, V *scratch, T *gx, T *gtheta) {
  const FN(spline) s = FN(make_spline)(m, stride, theta);
  const T *points = to_data ? y : x;
#define FK_CASE(soft, direction)                                                                   \
  if ((m->form == FK_FORM_SOFT) == soft && to_data == direction)                                   \
    for (int64_t lane = 0; lane < stride; lane += FK_LANES)                                        \
      FN(spline_gradient_lanes)(soft, direction, &s, lane, x, points, gy, glog, scratch, gx,       \
                                gtheta);
  FK_CASE(true, false)
  FK_CASE(true, true)
  FK_CASE(false, false)
  FK_CASE(false, true)
#undef FK_CASE
}
