// Batch normalisation over the rows of [rows, channels]. Everything here waits for memory, so the
// statistics take one pass, the normalisation one and its derivative two. Several rows at a time
// share what belongs to the channels; but large arrays go in the order of memory, which is what
// prefetching follows, and larger ones are written past the caches, which would drop them anyway.
//
// The rows are cut in pieces by the shape alone, and sums over pieces are added in their order:
// results do not depend on how many threads work. Where channels are few or no whole vectors, `fold`
// rows in a row count as one.

enum { FN(most_columns) = 1024, FN(flush_rows) = 128, FN(piece_elements) = 32768 };

typedef struct {
  int64_t channels, rows;
  int64_t fold, width, long_rows;       // rows in one long row, its elements, how many are whole
  int64_t rest;                         // elements of the one that is not
  int64_t row_parts, part_rows;         // in long rows
  int64_t column_parts, part_columns;
  bool is_large;
} FN(cut);

static FN(cut) FN(cut_of)(int64_t rows, int64_t channels) {
  const int64_t even = channels & -channels;
  const int64_t period = even >= FK_LANES ? 1 : FK_LANES / even;
  int64_t fold = period * ((4 * FK_LANES + period * channels - 1) / (period * channels));
  if (fold * channels > FN(most_columns)) fold = FN(most_columns) / channels;
  if (fold > rows) fold = rows;
  if (fold < 1) fold = 1;
  FN(cut) cut = {.channels = channels, .rows = rows, .fold = fold, .width = fold * channels,
                 .long_rows = rows / fold, .rest = rows % fold * channels,
                 .is_large = rows * channels * (int64_t)sizeof(T) >= (int64_t)4 << 20};
  int64_t parts = rows * channels / FN(piece_elements);
  parts = parts < 1 ? 1 : (parts > 64 ? 64 : parts);
  int64_t row_parts = cut.long_rows / FN(flush_rows);
  row_parts = row_parts < 1 ? 1 : (row_parts > parts ? parts : row_parts);
  // Whole cache lines, and no more columns than the buffers on the stack hold.
  int64_t columns = cut.width / ((parts + row_parts - 1) / row_parts) / 64 * 64;
  columns = columns < 64 ? 64 : (columns > FN(most_columns) ? FN(most_columns) : columns);
  if (fold > 1 || columns > cut.width) columns = cut.width;
  cut.part_columns = columns;
  cut.column_parts = (cut.width + columns - 1) / columns;
  cut.part_rows = ((cut.long_rows + row_parts - 1) / row_parts + 7) / 8 * 8;
  cut.row_parts = (cut.long_rows + cut.part_rows - 1) / cut.part_rows;
  return cut;
}

typedef struct {
  int64_t part, first, last;   // which part of the rows, and its long rows
  int64_t column, columns;
  int64_t rest;                // elements of the row that is not whole, after the last part
} FN(piece);

static FN(piece) FN(piece_at)(const FN(cut) * cut, int64_t index) {
  FN(piece) p = {.part = index / cut->column_parts};
  p.column = index % cut->column_parts * cut->part_columns;
  p.columns = cut->width - p.column < cut->part_columns ? cut->width - p.column : cut->part_columns;
  p.first = p.part * cut->part_rows;
  p.last = p.part + 1 == cut->row_parts ? cut->long_rows : p.first + cut->part_rows;
  p.rest = p.part + 1 == cut->row_parts ? cut->rest : 0;
  return p;
}

// Of the second pass over an array: backwards, since the end is what caches still hold.
static FN(piece) FN(piece_from_end)(const FN(cut) * cut, int64_t index) {
  return FN(piece_at)(cut, cut->row_parts * cut->column_parts - 1 - index);
}

// Whether an array that is written can go past the caches, by whole vectors.
static bool FN(streams)(const FN(cut) * cut, const void *written) {
  const bool is_huge = cut->rows * cut->channels * (int64_t)sizeof(T) >= (int64_t)8 << 20;
  return is_huge && cut->width % FK_LANES == 0 && (uintptr_t)written % sizeof(V) == 0;
}

static void FN(run_pieces)(const FN(cut) * cut, void (*body)(void *, int64_t), void *context) {
  fk_parallel(cut->row_parts * cut->column_parts, fk_worker_count(), body, context);
}

// The body for whole vectors, then for what is left; c is the column.
#define FK_GET(p) (*(p))
#define FK_PUT(p, v) (*(p) = (v))
#define FK_PUT_OR_STREAM(K, PUT, p, v)                                                             \
  if (streams && sizeof(K) > sizeof(T))                                                            \
    __builtin_nontemporal_store(v, (K *)(p));                                                      \
  else                                                                                             \
    PUT(p, v);
// Before others read what went past the caches.
#define FK_FENCE(streams)                                                                          \
  if (streams) __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define FK_ALONG(width, BODY)                                                                      \
  int64_t c = 0;                                                                                   \
  for (; c + FK_LANES <= (width); c += FK_LANES) BODY(V, LOAD, STORE)                              \
  _Pragma("clang loop vectorize(disable)") for (; c < (width); c++) BODY(T, FK_GET, FK_PUT)
#define FK_UNROLL _Pragma("clang loop unroll(full)")

// Of sums over rows: of each column of a long row to doubles, and on to the channels.
FK_INLINE void FN(flush)(int64_t width, T *restrict sums, double *restrict totals) {
  for (int64_t c = 0; c < width; c++) {
    totals[c] += (double)sums[c];
    sums[c] = 0;
  }
}

// MARK: - Statistics

// Differences to a mean of some rows, so that nothing is lost where the mean is large.
FK_INLINE void FN(difference_sums)(const int rows, int64_t width, int64_t stride, const T *x,
                                   const T *shift, T *restrict sums, T *restrict squares) {
#define BODY(K, GET, PUT)                                                                          \
  {                                                                                                \
    const K s = GET(shift + c);                                                                    \
    K sum = GET(sums + c), square = GET(squares + c);                                              \
    FK_UNROLL for (int r = 0; r < rows; r++) {                                                     \
      const K d = GET(x + r * stride + c) - s;                                                     \
      sum += d;                                                                                    \
      square += d * d;                                                                             \
    }                                                                                              \
    PUT(sums + c, sum);                                                                            \
    PUT(squares + c, square);                                                                      \
  }
  FK_ALONG(width, BODY)
#undef BODY
}

typedef struct {
  FN(cut) cut;
  const T *x;
  double *partial;  // [row parts, 2, width]: means, and sums of squared differences to them
} FN(statistics);

static void FN(statistics_piece)(void *context, int64_t index) {
  const FN(statistics) *s = context;
  const FN(piece) p = FN(piece_at)(&s->cut, index);
  const int64_t stride = s->cut.width, width = p.columns, rows = p.last - p.first;
  const T *x = s->x + p.first * stride + p.column;
  double *restrict mean = s->partial + 2 * p.part * stride + p.column;
  double *restrict square = mean + stride;
  T shift[FN(most_columns)], sums[FN(most_columns)], squares[FN(most_columns)];
  const int64_t head = rows < 8 ? rows : 8;
  const T share = 1 / (T)head;
  for (int64_t c = 0; c < width; c++) shift[c] = x[c];
  for (int64_t r = 1; r < head; r++)
    for (int64_t c = 0; c < width; c++) shift[c] += x[r * stride + c];
  for (int64_t c = 0; c < width; c++) {
    shift[c] = head == 1 ? shift[c] : shift[c] * share;
    sums[c] = squares[c] = 0;
    mean[c] = square[c] = 0;
  }
  for (int64_t r = 0; r < rows;) {
    const int64_t end = r + FN(flush_rows) < rows ? r + FN(flush_rows) : rows;
    for (; !s->cut.is_large && r + 8 <= end; r += 8)
      FN(difference_sums)(8, width, stride, x + r * stride, shift, sums, squares);
    for (; r + 2 <= end; r += 2)
      FN(difference_sums)(2, width, stride, x + r * stride, shift, sums, squares);
    for (; r < end; r++)
      FN(difference_sums)(1, width, stride, x + r * stride, shift, sums, squares);
    FN(flush)(width, sums, mean);
    FN(flush)(width, squares, square);
  }
  if (p.rest > 0) {
    FN(difference_sums)(1, p.rest, stride, x + rows * stride, shift, sums, squares);
    FN(flush)(p.rest, sums, mean);
    FN(flush)(p.rest, squares, square);
  }
  for (int64_t c = 0; c < width; c++) {
    const double share_of_one = 1 / (double)(rows + (c < p.rest)), d = mean[c] * share_of_one;
    square[c] -= mean[c] * d;
    mean[c] = (double)shift[c] + d;
  }
}

static void FN(batch_statistics)(int64_t rows, int64_t channels, const void *x, void *meanv,
                                 void *variancev) {
  if (rows < 1 || channels < 1) return;
  FN(statistics) s = {.cut = FN(cut_of)(rows, channels), .x = x};
  const FN(cut) *cut = &s.cut;
  const size_t partial = 2 * (size_t)(cut->row_parts * cut->width);
  const size_t bytes = (partial + 2 * (size_t)channels) * sizeof(double);
  s.partial = fk_allocate(bytes);
  double *restrict mean = s.partial + partial, *restrict square = mean + channels;
  FN(run_pieces)(cut, FN(statistics_piece), &s);
  for (int64_t c = 0; c < 2 * channels; c++) mean[c] = 0;
  // The mean of all first; then what the pieces' sums miss to be about that one.
  for (int squares = 0; squares < 2; squares++) {
    for (int64_t part = 0; part < cut->row_parts; part++)
      for (int64_t j = 0; j < cut->fold; j++) {
        const bool is_last = part + 1 == cut->row_parts;
        const int64_t whole = is_last ? cut->long_rows - part * cut->part_rows : cut->part_rows;
        const double count = (double)(whole + (is_last && j * channels < cut->rest));
        const double *restrict m = s.partial + 2 * part * cut->width + j * channels;
        const double *restrict q = m + cut->width;
        if (!squares)
          for (int64_t c = 0; c < channels; c++) mean[c] += count * m[c];
        else
          for (int64_t c = 0; c < channels; c++) {
            const double d = m[c] - mean[c];
            square[c] += q[c] + count * d * d;
          }
      }
    double *total = squares ? square : mean;
    for (int64_t c = 0; c < channels; c++) total[c] /= (double)rows;
  }
  T *restrict to_mean = meanv, *restrict to_variance = variancev;
  for (int64_t c = 0; c < channels; c++) {
    to_mean[c] = (T)mean[c];
    to_variance[c] = (T)(square[c] < 0 ? 0 : square[c]);
  }
  fk_deallocate(s.partial, bytes);
}

// MARK: - Normalisation

typedef struct {
  FN(cut) cut;
  const T *x, *residual;
  const T *mean, *factor, *shift;  // of each column of a long row
  fk_activation activation;
  T slope;
  T *y;
  bool streams;
} FN(normalization);

// Repeats the first `channels` elements over a long row.
static void FN(repeat)(const FN(cut) * cut, T *row) {
  for (int64_t c = cut->channels; c < cut->width; c++) row[c] = row[c - cut->channels];
}

FK_INLINE void FN(normalize_rows)(const int rows, const fk_activation activation,
                                  const bool has_residual, const bool streams, int64_t width,
                                  int64_t stride, const FN(normalization) * n, int64_t column,
                                  int64_t at) {
  const T *x = n->x + at, *residual = has_residual ? n->residual + at : NULL;
  const T *mean = n->mean + column, *factor = n->factor + column, *shift = n->shift + column;
  T *y = n->y + at;
  const T slope = n->slope;
#define BODY(K, GET, PUT)                                                                          \
  {                                                                                                \
    const K m = GET(mean + c), f = GET(factor + c), s = GET(shift + c);                            \
    FK_UNROLL for (int r = 0; r < rows; r++) {                                                     \
      K v = (GET(x + r * stride + c) - m) * f + s;                                                 \
      if (has_residual) v += GET(residual + r * stride + c);                                       \
      if (activation == FK_RELU) v = v < 0 ? (K)(0) : v;                                           \
      if (activation == FK_LEAKY_RELU) v = v > 0 ? v : v * slope;                                  \
      FK_PUT_OR_STREAM(K, PUT, y + r * stride + c, v)                                              \
    }                                                                                              \
  }
  FK_ALONG(width, BODY)
#undef BODY
  if (activation == FK_SOFTPLUS)  // stands for all that are not one expression
    for (int r = 0; r < rows; r++) FN(activate)(n->activation, slope, width, y + r * stride);
}

#define FK_NORMALIZE(kind, has_residual)                                                           \
  {                                                                                                \
    int64_t r = p.first;                                                                           \
    for (; n->streams && r < p.last; r++)                                                          \
      FN(normalize_rows)(1, kind, has_residual, true, p.columns, stride, n, p.column,              \
                         r * stride + p.column);                                                   \
    for (; !n->cut.is_large && r + 4 <= p.last; r += 4)                                            \
      FN(normalize_rows)(4, kind, has_residual, false, p.columns, stride, n, p.column,             \
                         r * stride + p.column);                                                   \
    for (; r < p.last; r++)                                                                        \
      FN(normalize_rows)(1, kind, has_residual, false, p.columns, stride, n, p.column,             \
                         r * stride + p.column);                                                   \
    if (p.rest > 0)                                                                                \
      FN(normalize_rows)(1, kind, has_residual, false, p.rest, stride, n, 0, r * stride);          \
  }

static void FN(normalize_piece)(void *context, int64_t index) {
  const FN(normalization) *n = context;
  const FN(piece) p = FN(piece_from_end)(&n->cut, index);
  const int64_t stride = n->cut.width;
#define FK_EITHER(kind)                                                                            \
  if (n->residual)                                                                                 \
    FK_NORMALIZE(kind, true)                                                                       \
  else                                                                                             \
    FK_NORMALIZE(kind, false)                                                                      \
  break;
  switch (n->activation) {
  case FK_IDENTITY: FK_EITHER(FK_IDENTITY)
  case FK_RELU: FK_EITHER(FK_RELU)
  case FK_LEAKY_RELU: FK_EITHER(FK_LEAKY_RELU)
  default: FK_EITHER(FK_SOFTPLUS)
  }
#undef FK_EITHER
  FK_FENCE(n->streams);
}
#undef FK_NORMALIZE

static void FN(batch_normalize)(int64_t rows, int64_t channels, const void *x, const void *meanv,
                                const void *variancev, double epsilon, const void *scalev,
                                const void *shiftv, const void *residual, fk_activation activation,
                                double slope, void *y) {
  if (rows < 1 || channels < 1) return;
  FN(normalization) n = {.cut = FN(cut_of)(rows, channels), .x = x, .residual = residual,
                         .activation = activation, .slope = (T)slope, .y = y};
  const T *variance = variancev, *scale = scalev;
  const size_t bytes = 3 * (size_t)n.cut.width * sizeof(T);
  T *mean = fk_allocate(bytes), *factor = mean + n.cut.width, *shift = factor + n.cut.width;
  memcpy(mean, meanv, (size_t)channels * sizeof(T));
  memcpy(shift, shiftv, (size_t)channels * sizeof(T));
  for (int64_t c = 0; c < channels; c++)
    factor[c] = (T)((double)scale[c] / sqrt((double)variance[c] + epsilon));
  FN(repeat)(&n.cut, mean);
  FN(repeat)(&n.cut, factor);
  FN(repeat)(&n.cut, shift);
  n.mean = mean, n.factor = factor, n.shift = shift;
  // What is read is in the caches, and what another activation does to y follows at once.
  n.streams = FN(streams)(&n.cut, y) && y != x && y != residual && activation <= FK_LEAKY_RELU;
  FN(run_pieces)(&n.cut, FN(normalize_piece), &n);
  fk_deallocate(mean, bytes);
}
