// Back through batch normalisation. With d = g activation'(y), x^ = (x - mean) / deviation and means
// over rows: gx = scale / deviation (d - mean(d) - x^ mean(d x^)).

typedef struct {
  FN(cut) cut;
  const T *x, *y, *g;
  fk_activation activation;  // one that is fused
  T slope;
  const T *mean, *factor, *average, *linear;  // of each column of a long row
  T *gx, *gresidual;
  bool accumulate, streams;
  double *partial;  // [row parts, 2, width]: sums of d and of d (x - mean)
} FN(normalization_gradient);

#define FK_BEFORE(K, g, y)                                                                         \
  (activation == FK_RELU ? ((y) > 0 ? (g) : (K)(0))                                                \
                         : (activation == FK_LEAKY_RELU ? ((y) > 0 ? (g) : (g) * slope) : (g)))

FK_INLINE void FN(gradient_sums)(const int rows, const fk_activation activation, const bool keeps,
                                 int64_t width, int64_t stride,
                                 const FN(normalization_gradient) * n, int64_t column, int64_t at,
                                 T *restrict sums, T *restrict products) {
  const T *x = n->x + at, *g = n->g + at, *mean = n->mean + column;
  const T *y = activation == FK_IDENTITY ? g : n->y + at;
  T *kept = keeps ? n->gresidual + at : NULL;
  const T slope = n->slope;
#define BODY(K, GET, PUT)                                                                          \
  {                                                                                                \
    const K m = GET(mean + c);                                                                     \
    K sum = GET(sums + c), product = GET(products + c);                                            \
    FK_UNROLL for (int r = 0; r < rows; r++) {                                                     \
      const K above = GET(g + r * stride + c), out = GET(y + r * stride + c);                      \
      const K d = FK_BEFORE(K, above, out);                                                        \
      sum += d;                                                                                    \
      product += d * (GET(x + r * stride + c) - m);                                                \
      if (keeps) PUT(kept + r * stride + c, d);                                                    \
    }                                                                                              \
    PUT(sums + c, sum);                                                                            \
    PUT(products + c, product);                                                                    \
  }
  FK_ALONG(width, BODY)
#undef BODY
}

FK_INLINE void FN(gradient_rows)(const int rows, const fk_activation activation,
                                 const bool accumulate, const bool streams, int64_t width,
                                 int64_t stride, const FN(normalization_gradient) * n,
                                 int64_t column, int64_t at) {
  const T *x = n->x + at, *g = n->g + at, *mean = n->mean + column, *factor = n->factor + column;
  const T *average = n->average + column, *linear = n->linear + column;
  const T *y = activation == FK_IDENTITY ? g : n->y + at;
  T *gx = n->gx + at;
  const T slope = n->slope;
#define BODY(K, GET, PUT)                                                                          \
  {                                                                                                \
    const K m = GET(mean + c), f = GET(factor + c), a = GET(average + c), l = GET(linear + c);     \
    FK_UNROLL for (int r = 0; r < rows; r++) {                                                     \
      const K above = GET(g + r * stride + c), out = GET(y + r * stride + c);                      \
      const K d = FK_BEFORE(K, above, out);                                                        \
      K v = ((d - a) - (GET(x + r * stride + c) - m) * l) * f;                                     \
      if (accumulate) v += GET(gx + r * stride + c);                                               \
      FK_PUT_OR_STREAM(K, PUT, gx + r * stride + c, v)                                             \
    }                                                                                              \
  }
  FK_ALONG(width, BODY)
#undef BODY
}
#undef FK_BEFORE

// Once for each fused activation, and for each value of a flag.
#define FK_EACH_KIND(flag, CALL)                                                                   \
  switch (n->activation) {                                                                         \
  case FK_RELU:                                                                                    \
    if (flag) CALL(FK_RELU, true) else CALL(FK_RELU, false)                                        \
    break;                                                                                         \
  case FK_LEAKY_RELU:                                                                              \
    if (flag) CALL(FK_LEAKY_RELU, true) else CALL(FK_LEAKY_RELU, false)                            \
    break;                                                                                         \
  default:                                                                                         \
    if (flag) CALL(FK_IDENTITY, true) else CALL(FK_IDENTITY, false)                                \
  }

static void FN(gradient_sums_piece)(void *context, int64_t index) {
  const FN(normalization_gradient) *n = context;
  const FN(piece) p = FN(piece_at)(&n->cut, index);
  const int64_t stride = n->cut.width;
  double *total = n->partial + 2 * p.part * stride + p.column;
  T sums[FN(most_columns)] = {0}, products[FN(most_columns)] = {0};
  for (int64_t c = 0; c < p.columns; c++) total[c] = total[c + stride] = 0;
#define CALL(kind, keeps)                                                                          \
  for (int64_t r = p.first; r < p.last;) {                                                         \
    const int64_t end = r + FN(flush_rows) < p.last ? r + FN(flush_rows) : p.last;                 \
    for (; !n->cut.is_large && r + 4 <= end; r += 4)                                               \
      FN(gradient_sums)(4, kind, keeps, p.columns, stride, n, p.column, r * stride + p.column,     \
                        sums, products);                                                           \
    for (; r < end; r++)                                                                           \
      FN(gradient_sums)(1, kind, keeps, p.columns, stride, n, p.column, r * stride + p.column,     \
                        sums, products);                                                           \
    if (end == p.last && p.rest > 0)                                                               \
      FN(gradient_sums)(1, kind, keeps, p.rest, stride, n, 0, end * stride, sums, products);       \
    FN(flush)(p.columns, sums, total);                                                             \
    FN(flush)(p.columns, products, total + stride);                                                \
  }
  FK_EACH_KIND(n->gresidual, CALL)
#undef CALL
}

static void FN(gradient_piece)(void *context, int64_t index) {
  const FN(normalization_gradient) *n = context;
  const FN(piece) p = FN(piece_from_end)(&n->cut, index);
  const int64_t stride = n->cut.width;
#define CALL(kind, accumulate)                                                                     \
  {                                                                                                \
    int64_t r = p.first;                                                                           \
    for (; n->streams && r < p.last; r++)                                                          \
      FN(gradient_rows)(1, kind, accumulate, !(accumulate), p.columns, stride, n, p.column,        \
                        r * stride + p.column);                                                    \
    for (; !n->cut.is_large && r + 4 <= p.last; r += 4)                                            \
      FN(gradient_rows)(4, kind, accumulate, false, p.columns, stride, n, p.column,                \
                        r * stride + p.column);                                                    \
    for (; r < p.last; r++)                                                                        \
      FN(gradient_rows)(1, kind, accumulate, false, p.columns, stride, n, p.column,                \
                        r * stride + p.column);                                                    \
    if (p.rest > 0)                                                                                \
      FN(gradient_rows)(1, kind, accumulate, false, p.rest, stride, n, 0, r * stride);             \
  }
  FK_EACH_KIND(n->accumulate, CALL)
#undef CALL
  FK_FENCE(n->streams);
}
#undef FK_EACH_KIND

static void FN(batch_normalize_backward)(int64_t rows, int64_t channels, const void *x,
                                         const void *meanv, const void *variancev, double epsilon,
                                         const void *scalev, fk_activation activation,
                                         double slope, const void *y, const void *g, void *gx,
                                         bool accumulate, void *gscalev, void *gshiftv,
                                         void *gresidual) {
  if (rows < 1 || channels < 1) return;
  const size_t all = (size_t)(rows * channels) * sizeof(T);
  T *unfused = NULL;
  if (activation > FK_LEAKY_RELU) {
    if (!gresidual) unfused = fk_allocate(all);
    T *before = gresidual ? gresidual : unfused;
    FN(activation_backward)(activation, slope, rows, channels, g, y, before, NULL);
    g = before;
    gresidual = NULL;
    activation = FK_IDENTITY;
  }
  FN(normalization_gradient) n = {.cut = FN(cut_of)(rows, channels), .x = x, .y = y, .g = g,
                                  .activation = activation, .slope = (T)slope, .gx = gx,
                                  .gresidual = gresidual, .accumulate = accumulate};
  const FN(cut) *cut = &n.cut;
  const int64_t width = cut->width;
  const size_t partial = 2 * (size_t)(cut->row_parts * width);
  const size_t bytes = (partial + 2 * (size_t)channels) * sizeof(double) +
                       4 * (size_t)width * sizeof(T);
  n.partial = fk_allocate(bytes);
  double *restrict sum = n.partial + partial, *restrict product = sum + channels;
  T *mean = (T *)(product + channels), *factor = mean + width;
  T *average = factor + width, *linear = average + width;
  memcpy(mean, meanv, (size_t)channels * sizeof(T));
  FN(repeat)(cut, mean);
  n.mean = mean, n.factor = factor, n.average = average, n.linear = linear;
  FN(run_pieces)(cut, FN(gradient_sums_piece), &n);

  for (int64_t c = 0; c < 2 * channels; c++) sum[c] = 0;
  for (int64_t part = 0; part < cut->row_parts; part++)
    for (int64_t j = 0; j < cut->fold; j++) {
      const double *restrict s = n.partial + 2 * part * width + j * channels;
      for (int64_t c = 0; c < channels; c++) {
        sum[c] += s[c];
        product[c] += s[c + width];
      }
    }
  const T *variance = variancev, *scale = scalev;
  T *gscale = gscalev, *gshift = gshiftv;
  const double share = 1 / (double)rows;
  for (int64_t c = 0; c < channels; c++) {
    const double inverse = 1 / sqrt((double)variance[c] + epsilon);
    factor[c] = (T)((double)scale[c] * inverse);
    average[c] = (T)(sum[c] * share);
    linear[c] = (T)(inverse * inverse * product[c] * share);
    if (gscale) gscale[c] += (T)(inverse * product[c]);
    if (gshift) gshift[c] += (T)sum[c];
  }
  FN(repeat)(cut, factor);
  FN(repeat)(cut, average);
  FN(repeat)(cut, linear);
  // What was kept for the residual spares a look at g and y.
  if (gresidual) n.g = gresidual, n.activation = FK_IDENTITY;
  n.streams = FN(streams)(cut, gx) && !accumulate && gx != n.g;
  FN(run_pieces)(cut, FN(gradient_piece), &n);
  fk_deallocate(n.partial, bytes);
  if (unfused) fk_deallocate(unfused, all);
}
