// Log-densities of location-scale families, and their gradients.

// Minus the constant part of the log-density at scale 1.
static double FN(location_scale_constant)(fk_family family) {
  switch (family) {
  case FK_GAUSSIAN: return 0.91893853320467274178;
  case FK_LAPLACE: return 0.69314718055994530942;
  default: return 0;
  }
}

// Locations and inverse scales of some columns, repeated until they fill whole vectors where they
// do not fill one, and a few where they can.
typedef struct {
  int64_t count, period;  // columns; elements, of some rows, after which those repeat
  FN(run) location, inverse;
} FN(standard);

static void FN(prepare_standard)(FN(standard) * s, int64_t count, const T *location,
                                 const T *log_scale) {
  s->count = s->period = count;
  while (s->period < FK_LANES || (count < FK_LANES && s->period % FK_LANES != 0))
    s->period += count;
  while (s->period < 4 * FK_LANES && s->period % FK_LANES == 0) s->period *= 2;
  for (int64_t i = 0; i < count; i++) s->inverse[i] = FN(exp)(-log_scale[i]);
  memcpy(s->location, location, sizeof(T) * (size_t)count);
  for (int64_t made = count, more; made < s->period; made += more) {
    more = made < s->period - made ? made : s->period - made;
    memcpy(s->location + made, s->location, sizeof(T) * (size_t)more);
    memcpy(s->inverse + made, s->inverse, sizeof(T) * (size_t)more);
  }
}

// As many rows as a run holds of whole periods; parts of rows that are longer than a run go alone.
FK_INLINE int64_t FN(standard_rows)(const FN(standard) * s, int64_t dimension) {
  if (dimension > FN(run_length)) return 1;
  return FN(run_length) / s->period * (s->period / s->count);
}

// `rows` rows of x, in place where they are whole periods, else with zeros after them; n says how
// many elements there are then.
FK_INLINE const T *FN(whole_periods)(const FN(standard) * s, int64_t rows, const T *x, T *run,
                                     int64_t *n) {
  const int64_t count = rows * s->count;
  *n = (count + s->period - 1) / s->period * s->period;
  if (*n == count) return x;
  memcpy(run, x, sizeof(T) * (size_t)count);
  memset(run + count, 0, sizeof(T) * (size_t)(*n - count));
  return run;
}

// For each vector of a run, at i: j is its place in the period. Where columns do not fill vectors,
// the last one overlaps that before it.
#define FK_EACH_PERIOD(s, n, ...)                                                                  \
  for (int64_t start = 0; start < (n); start += (s)->period) {                                     \
    int64_t j = 0, i = start;                                                                      \
    for (; j + FK_LANES <= (s)->period; j += FK_LANES, i += FK_LANES) __VA_ARGS__                  \
    if (j < (s)->period) {                                                                         \
      j = (s)->period - FK_LANES;                                                                  \
      i = start + j;                                                                               \
      __VA_ARGS__                                                                                  \
    }                                                                                              \
  }

FK_INLINE V FN(standardised)(const FN(standard) * s, const T *x, int64_t j) {
  return (LOAD(x) - LOAD(s->location + j)) * LOAD(s->inverse + j);
}

// Minus the log-density at scale 1, but for the constant; of the logistic one |e|.
FK_INLINE void FN(distances)(const fk_family family, const FN(standard) * s, int64_t n, const T *x,
                             T *out) {
  FK_EACH_PERIOD(s, n, {
    const V e = FN(standardised)(s, x + i, j);
    STORE(out + i, family == FK_GAUSSIAN ? (T)0.5 * e * e : (e < 0 ? -e : e));
  })
}

static void FN(location_scale)(fk_family family, int64_t rows, int64_t dimension, const void *xv,
                               const void *locationv, const void *log_scalev, void *outv) {
  const T *x = xv, *location = locationv, *log_scale = log_scalev;
  T *out = outv;
  double constant = 0;
  for (int64_t d = 0; d < dimension; d++)
    constant -= (double)log_scale[d] + FN(location_scale_constant)(family);
  for (int64_t r = 0; r < rows; r++) out[r] = (T)constant;
  FN(run) x_run, e, sums;
  FN(standard) s;
  for (int64_t from = 0; from < dimension; from += FN(run_length)) {
    const int64_t left = dimension - from;
    FN(prepare_standard)(&s, left < FN(run_length) ? left : FN(run_length), location + from,
                         log_scale + from);
    const int64_t most = FN(standard_rows)(&s, dimension);
    for (int64_t r = 0; r < rows; r += most) {
      const int64_t count = rows - r < most ? rows - r : most;
      int64_t n;
      const T *xs = FN(whole_periods)(&s, count, x + r * dimension + from, x_run, &n);
      FN(clear_tail)(n, e);
      if (family == FK_GAUSSIAN)
        FN(distances)(FK_GAUSSIAN, &s, n, xs, e);
      else
        FN(distances)(FK_LAPLACE, &s, n, xs, e);
      const unsigned vectors = FN(whole_vectors)(n);
      if (family == FK_LOGISTIC)
        FK_EACH_IN_RUN e[i] += 2 * FN(log1p)(FN(exp)(-e[i]));
      FN(row_sums)(count, s.count, e, sums);
      for (int64_t i = 0; i < count; i++) out[r + i] -= sums[i];
    }
  }
}

// sums[i] += the values at i of all periods.
static void FN(add_periods)(int64_t period, int64_t n, const T *values, T *sums) {
  int64_t i = 0;
  for (; i + FK_LANES <= period; i += FK_LANES) {
    V sum = LOAD(sums + i);
    for (int64_t start = 0; start < n; start += period) sum += LOAD(values + start + i);
    STORE(sums + i, sum);
  }
  for (; i < period; i++)
    for (int64_t start = 0; start < n; start += period) sums[i] += values[start + i];
}

// By x, and the terms of the gradient by the log-scale where `terms` is not null. Where the gain is
// 0 they are, whatever the score: it may have overflowed.
FK_INLINE void FN(standard_gradients)(const fk_family family, const FN(standard) * s, int64_t n,
                                      const T *x, const T *gains, const T *scores, T *by_x,
                                      T *terms) {
  FK_EACH_PERIOD(s, n, {
    const V e = FN(standardised)(s, x + i, j), gain = LOAD(gains + i);
    V score;  // -d log f / d e at scale 1
    if (family == FK_GAUSSIAN) score = e;
    if (family == FK_LAPLACE) score = (e > 0 ? (V)(1) : (V)(0)) - (e < 0 ? (V)(1) : (V)(0));
    if (family == FK_LOGISTIC) score = LOAD(scores + i);
    STORE(by_x + i, gain == 0 ? (V)(0) : -gain * score * LOAD(s->inverse + j));
    if (terms) STORE(terms + i, gain == 0 ? (V)(0) : gain * (score * e - 1));
  })
}

static void FN(location_scale_backward)(fk_family family, int64_t rows, int64_t dimension,
                                        const void *xv, const void *locationv,
                                        const void *log_scalev, const void *gv, void *gxv,
                                        void *glocationv, void *glog_scalev) {
  const T *x = xv, *location = locationv, *log_scale = log_scalev, *g = gv;
  T *gx = gxv, *glocation = glocationv, *glog_scale = glog_scalev;
  FN(run) x_run, gains, scores, by_x_run, terms, location_sums, scale_sums;
  FN(standard) s;
  for (int64_t from = 0; from < dimension; from += FN(run_length)) {
    const int64_t left = dimension - from;
    FN(prepare_standard)(&s, left < FN(run_length) ? left : FN(run_length), location + from,
                         log_scale + from);
    if (glocation) memset(location_sums, 0, sizeof location_sums);
    if (glog_scale) memset(scale_sums, 0, sizeof scale_sums);
    const int64_t most = FN(standard_rows)(&s, dimension);
    for (int64_t r = 0; r < rows; r += most) {
      const int64_t count = rows - r < most ? rows - r : most, elements = count * s.count;
      int64_t n;
      const T *xs = FN(whole_periods)(&s, count, x + r * dimension + from, x_run, &n);
      FN(spread)(count, s.count, g + r, gains);
      memset(gains + elements, 0, sizeof(T) * (size_t)(n - elements));
      T *by_x = n == elements ? gx + r * dimension + from : by_x_run;
      T *to = glog_scale ? terms : NULL;
      if (family == FK_GAUSSIAN) {
        FN(standard_gradients)(FK_GAUSSIAN, &s, n, xs, gains, NULL, by_x, to);
      } else if (family == FK_LAPLACE) {
        FN(standard_gradients)(FK_LAPLACE, &s, n, xs, gains, NULL, by_x, to);
      } else {
        FN(clear_tail)(n, scores);
        FK_EACH_PERIOD(&s, n, { STORE(scores + i, FN(standardised)(&s, xs + i, j)); })
        const unsigned vectors = FN(whole_vectors)(n);
        FK_EACH_IN_RUN scores[i] = FN(tanh)((T)0.5 * scores[i]);
        FN(standard_gradients)(FK_LOGISTIC, &s, n, xs, gains, scores, by_x, to);
      }
      if (by_x == by_x_run)
        memcpy(gx + r * dimension + from, by_x, sizeof(T) * (size_t)elements);
      if (glocation) FN(add_periods)(s.period, n, by_x, location_sums);
      if (glog_scale) FN(add_periods)(s.period, n, terms, scale_sums);
    }
    for (int64_t i = 0; i < s.period; i++) {
      if (glocation) glocation[from + i % s.count] -= location_sums[i];
      if (glog_scale) glog_scale[from + i % s.count] += scale_sums[i];
    }
  }
}
