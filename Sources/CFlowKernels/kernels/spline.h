// Monotone rational-quadratic splines (Gregory and Delbourgo 1982; Durkan et al. 2019), one column
// of parameters for each lane.
//
// The bins of an interval are weights q_k > 0 with sum Q: bin k is the share q_k / Q of it. Nothing
// is divided by Q until a bin is found: places are measured in units in which the interval is Q
// long, and Q is summed in the order of the knots, so that the last knot is exactly the end.
//
// Within a bin, xi in [0, 1] is the share of its width, zeta that of its height, s = height / width
// and d0, d1 the slopes at its knots:
//   zeta = (s xi^2 + d0 t) / D,  t = xi (1 - xi),  D = s (1 - 2t) + (d0 + d1) t,
//   slope = s^2 N / D^2,         N = 2 s t + d0 (1 - xi)^2 + d1 xi^2.
// In these forms every term is positive: nothing cancels.

// What is the same for all lanes of a call.
typedef struct {
  fk_tails tails;
  int64_t bins, stride;
  T low, high, span, inverse_span;
  T part_factor, slope_factor;  // soft: r becomes r / (1 + |r factor|)
  T delta;                      // floored: what is added to each weight, in units of their sum
  T slope_floor, slope_shift;   // floored: the slope is floor + softplus(r + shift)
  T end;                        // linear tails: the raw slope at the ends that makes 1
  const T *widths, *heights, *slopes;
} FN(spline);

static FN(spline) FN(make_spline)(const struct fk_map *m, int64_t stride, const T *theta) {
  const double unit = log(expm1(1 - m->slope_floor));  // floor + softplus(unit) = 1
  const double part = m->part_floor;
  const bool identity = m->form == FK_FORM_FLOORED_IDENTITY;
  return (FN(spline)){
      .tails = m->tails,
      .bins = m->parts,
      .stride = stride,
      .low = (T)m->low,
      .high = (T)m->high,
      .span = (T)(m->high - m->low),
      .inverse_span = (T)(1 / (m->high - m->low)),
      // No bound may reach beyond what lanes_exp_within takes.
      .part_factor = (T)(2 / log(part > 1e-70 ? part : 1e-70)),
      .slope_factor = (T)(1 / log(m->slope_floor)),
      .delta = (T)(part / (1 - (double)m->parts * part)),
      .slope_floor = (T)m->slope_floor,
      .slope_shift = identity ? (T)unit : 0,
      .end = m->form == FK_FORM_FLOORED ? (T)unit : 0,
      .widths = theta,
      .heights = theta + m->parts * stride,
      .slopes = theta + 2 * m->parts * stride,
  };
}

// The raw slope at a knot, 0...bins.
FK_INLINE V FN(knot)(const FN(spline) * s, int64_t lane, int64_t k) {
  if (s->tails == FK_TAILS_LINEAR) {
    if (k == 0 || k == s->bins) return (V)(s->end);
    k--;
  } else if (s->tails == FK_TAILS_CIRCULAR && k == s->bins) {
    k = 0;
  }
  return LOAD(s->slopes + k * s->stride + lane);
}

// Weights before floors, `plain`, and d bounded / d raw of each where `bounds` is not null.
FK_INLINE void FN(plain_weights)(const bool soft, const FN(spline) * s, const T *raw, V *plain,
                                 V *bounds) {
  if (soft) {
    // Bounded, so that no greatest one need be taken away.
    for (int64_t k = 0; k < s->bins; k++) {
      const V r = LOAD(raw + k * s->stride);
      const V inverse = 1 / (1 + FN(lanes_abs)(r * s->part_factor));
      plain[k] = FN(lanes_exp_within)(r * inverse);
      if (bounds) bounds[k] = inverse * inverse;
    }
    return;
  }
  V most = LOAD(raw);
  for (int64_t k = 1; k < s->bins; k++) most = FN(lanes_most)(most, LOAD(raw + k * s->stride));
  for (int64_t k = 0; k < s->bins; k++)
    plain[k] = FN(lanes_exp)(LOAD(raw + k * s->stride) - most);
}

// Returns their sum, in order, after floors have been added: the weights.
FK_INLINE V FN(weights)(const bool soft, const FN(spline) * s, const V *plain, V *weights) {
  V sum = plain[0];
  for (int64_t k = 1; k < s->bins; k++) sum += plain[k];
  if (soft) return sum;
  const V delta = sum * s->delta;
  sum = weights[0] = plain[0] + delta;
  for (int64_t k = 1; k < s->bins; k++) sum += weights[k] = plain[k] + delta;
  return sum;
}

// A bin along one axis: where it begins and how long it is, in units of weights.
typedef struct {
  V from, length;
} FN(reach);

// The bin that holds a place, by the weights along its axis; that bin along the other axis; raw
// slopes at its ends.
typedef struct {
  FN(reach) along, across;
  V raw0, raw1;
} FN(bin);

FK_INLINE FN(bin) FN(find_bin)(const FN(spline) * s, int64_t lane, V place, const V *along,
                               const V *across) {
  FN(bin) b = {.along = {(V)(0), along[0]}, .across = {(V)(0), across[0]}};
  V raw = FN(knot)(s, lane, 1);
  b.raw0 = FN(knot)(s, lane, 0);
  b.raw1 = raw;
  V along_sum = along[0], across_sum = across[0];
  for (int64_t k = 1; k < s->bins; k++) {
    const V next = FN(knot)(s, lane, k + 1);
    const FK_INTEGERS beyond = place >= along_sum;
    b.along.from = beyond ? along_sum : b.along.from;
    b.along.length = beyond ? along[k] : b.along.length;
    b.across.from = beyond ? across_sum : b.across.from;
    b.across.length = beyond ? across[k] : b.across.length;
    b.raw0 = beyond ? raw : b.raw0;
    b.raw1 = beyond ? next : b.raw1;
    along_sum += along[k];
    across_sum += across[k];
    raw = next;
  }
  return b;
}

// The slope of a raw parameter, and its derivative.
FK_INLINE V FN(knot_slope)(const bool soft, const FN(spline) * s, V raw, V *derivative) {
  if (soft) {
    const V inverse = 1 / (1 + FN(lanes_abs)(raw * s->slope_factor));
    const V slope = FN(lanes_exp)(raw * inverse);
    *derivative = slope * (inverse * inverse);
    return slope;
  }
  return s->slope_floor + FN(lanes_softplus)(raw + s->slope_shift, derivative);
}

// x as the spline takes it: in the interval.
FK_INLINE V FN(into_interval)(const FN(spline) * s, V x) {
  if (s->tails == FK_TAILS_CIRCULAR) {
    V turns = (x - s->low) * s->inverse_span;
    // Beyond 2^22 (2^51) there is no telling the place.
    turns = FN(lanes_clip)(turns, (V)(-FK_ROUND / 4), (V)(FK_ROUND / 4));
    const V round = (turns + FK_ROUND) - FK_ROUND;
    const V whole = round > turns ? round - 1 : round;
    const V wrapped = x - whole * s->span;
    // x itself where it lies in the interval, but for its upper end.
    x = x >= s->low ? (x < s->high ? x : wrapped) : wrapped;
    return FN(lanes_clip)(x >= s->high ? x - s->span : x, (V)(s->low), (V)(s->high));
  }
  return FN(lanes_clip)(x, (V)(s->low), (V)(s->high));
}

// The share of a bin that lies below a place; the end of the last bin is exactly that.
FK_INLINE V FN(share_of)(const FN(spline) * s, V inner, V share) {
  share = FN(lanes_clip)(share, (V)(0), (V)(1));
  return inner >= s->high ? (V)(1) : share;
}

// xi from zeta, the share of the height: a xi^2 + b xi + c = 0. With p = d0 (1 - zeta) and
// q = d1 zeta its discriminant is (p - q)^2 + 4 s^2 zeta (1 - zeta), and where p < q it is solved
// for 1 - xi instead: then b is positive, and again nothing cancels.
FK_INLINE V FN(solve_bin)(V s, V d0, V d1, V zeta) {
  const V difference = d0 * (1 - zeta) - d1 * zeta;
  const FK_INTEGERS flipped = difference < 0;
  const V part = flipped ? 1 - zeta : zeta;
  const V b = FN(lanes_abs)(difference);
  const V linear = 2 * s * part;
  const V root = linear / (b + linear +
                           __builtin_elementwise_sqrt(b * b + 2 * s * linear * (1 - part)));
  return flipped ? 1 - root : root;
}

FK_INLINE void FN(spline_lanes)(const bool soft, const bool to_data, const FN(spline) * s,
                                int64_t lane, const T *xs, V *scratch, T *ys, T *log_slope) {
  V *widths = scratch, *heights = scratch + s->bins;
  FN(plain_weights)(soft, s, s->widths + lane, widths, NULL);
  FN(plain_weights)(soft, s, s->heights + lane, heights, NULL);
  const V width = FN(weights)(soft, s, widths, widths);
  const V height = FN(weights)(soft, s, heights, heights);
  const V x = LOAD(xs + lane);
  const V inner = FN(into_interval)(s, x);
  const V place = (inner - s->low) * ((to_data ? height : width) * s->inverse_span);
  const FN(bin) b = to_data ? FN(find_bin)(s, lane, place, heights, widths)
                            : FN(find_bin)(s, lane, place, widths, heights);
  V unused;
  const V d0 = FN(knot_slope)(soft, s, b.raw0, &unused);
  const V d1 = FN(knot_slope)(soft, s, b.raw1, &unused);
  const V share = FN(share_of)(s, inner, (place - b.along.from) / b.along.length);
  // The other axis: its unit, and height over width.
  const V unit = 1 / (to_data ? width : height);
  const V rise = to_data ? (b.along.length * width) / (b.across.length * height)
                         : (b.across.length / b.along.length) * (width * unit);
  const V xi = to_data ? FN(solve_bin)(rise, d0, d1, share) : share;
  const V rest = 1 - xi, t = xi * rest;
  const V inverse = 1 / (rise * (1 - 2 * t) + (d0 + d1) * t);
  const V n = 2 * rise * t + d0 * (rest * rest) + d1 * (xi * xi);
  const V part = to_data ? xi : xi * (rise * xi + d0 * rest) * inverse;
  V y = s->low + (b.across.from + b.across.length * part) * (unit * s->span);
  const V factor = rise * inverse;
  V change = FN(lanes_log)(n * (factor * factor));
  // Rounding must not carry a result out of the interval that it is to be mapped back from.
  y = FN(lanes_clip)(y, (V)(s->low), (V)(s->high));
  if (s->tails == FK_TAILS_LINEAR || s->tails == FK_TAILS_LEARNED) {
    const FK_INTEGERS below = x < s->low, above = x > s->high;
    if (s->tails == FK_TAILS_LINEAR) {
      y = below ? x : (above ? x : y);
      change = below ? (V)(0) : (above ? (V)(0) : change);
    } else {
      const V excess = x - inner, slope = below ? d0 : d1;
      const V beyond = y + (to_data ? excess / slope : excess * slope);
      y = below ? beyond : (above ? beyond : y);
    }
  }
  STORE(ys + lane, y);
  STORE(log_slope + lane, LOAD(log_slope + lane) + (to_data ? -change : change));
}

static void FN(spline_map)(const struct fk_map *m, bool to_data, int64_t stride, const T *x,
                           const T *theta, V *scratch, T *y, T *log_slope) {
  const FN(spline) s = FN(make_spline)(m, stride, theta);
#define FK_CASE(soft, direction)                                                                   \
  if ((m->form == FK_FORM_SOFT) == soft && to_data == direction)                                   \
    for (int64_t lane = 0; lane < stride; lane += FK_LANES)                                        \
      FN(spline_lanes)(soft, direction, &s, lane, x, scratch, y, log_slope);
  FK_CASE(true, false)
  FK_CASE(true, true)
  FK_CASE(false, false)
  FK_CASE(false, true)
#undef FK_CASE
}
