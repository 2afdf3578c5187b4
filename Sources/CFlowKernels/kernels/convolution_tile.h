// The inner loop of convolutions: a product whose left rows are scattered. The contraction runs
// over taps, and within a tap over `run` elements that follow each other where a pointer says; so
// no image is laid out anew. Everything else is as in product.h.

typedef struct {
  int64_t taps, run;     // of this block of the contraction
  int64_t stride;        // pointers from one tap to the next
  int64_t offset;        // where the run starts behind a pointer
  const T *right;        // [taps, run, ldb]
  int64_t ldb;
  T *out;
  const T *bias;         // null: none
  const T *residual;     // null: none; lies as `out`
  fk_activation activation;
  T slope;
  bool adds;             // to what is in `out`
} FN(tap_tile);

#define FK_TAP_ROWS(vectors)                                                                       \
  (FK_ROWS * FK_VECTORS / (vectors) < 8 ? FK_ROWS * FK_VECTORS / (vectors) : 8)
#define FK_EACH_SUM                                                                                \
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                                \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < vectors; v++)

// left [taps, stride]: of each tap, pointers of the rows; a tap that is not in `hits` is zero for
// all of them. Row r of the result starts at out + places[r].
__attribute__((always_inline)) static inline void FN(tap_block)(const int rows, const int vectors,
                                                                const FN(tap_tile) * t,
                                                                const T *const *left,
                                                                const uint8_t *hits,
                                                                const int64_t *places) {
  const int64_t run = t->run, ldb = t->ldb, offset = t->offset;
  V sum[8][FK_VECTORS];
  if (t->bias)
    FK_EACH_SUM sum[r][v] = LOAD(t->bias + v * FK_LANES);
  else
    FK_EACH_SUM sum[r][v] = (V)(0);
  if (t->adds) FK_EACH_SUM sum[r][v] += LOAD(t->out + places[r] + v * FK_LANES);
  else  // the rows to be written are fetched meanwhile
    FK_EACH_SUM __builtin_prefetch(t->out + places[r] + v * FK_LANES, 1);
  const T *b = t->right;
  for (int64_t tap = 0; tap < t->taps; tap++, left += t->stride) {
    if (!hits[tap]) {
      b += run * ldb;
      continue;
    }
    const T *p[8];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) p[r] = left[r] + offset;
    for (int64_t k = 0; k < run; k++) {
      V right[FK_VECTORS];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) right[v] = LOAD(b + v * FK_LANES);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        const V element = (V)(p[r][k]);
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[r][v] = element * right[v] + sum[r][v];
      }
      b += ldb;
    }
  }
  if (t->residual) FK_EACH_SUM sum[r][v] += LOAD(t->residual + places[r] + v * FK_LANES);
  // In this order of comparisons NaN passes.
  const T slope = t->slope;
  if (t->activation == FK_RELU) {
    FK_EACH_SUM sum[r][v] = sum[r][v] < 0 ? (V)(0) : sum[r][v];
  } else if (t->activation == FK_LEAKY_RELU) {
    FK_EACH_SUM sum[r][v] = sum[r][v] > 0 ? sum[r][v] : sum[r][v] * slope;
  }
  FK_EACH_SUM STORE(t->out + places[r] + v * FK_LANES, sum[r][v]);
}

#define FK_CASE(rows, vectors)                                                                     \
  case rows:                                                                                       \
    if (rows <= FK_TAP_ROWS(vectors)) FN(tap_block)(rows, vectors, t, left, hits, places);         \
    break;
#define FK_BLOCKS(name, vectors)                                                                   \
  static void FN(name)(int rows, const FN(tap_tile) * t, const T *const *left,                     \
                       const uint8_t *hits, const int64_t *places) {                               \
    switch (rows) {                                                                                \
      FK_CASE(1, vectors)                                                                          \
      FK_CASE(2, vectors)                                                                          \
      FK_CASE(3, vectors)                                                                          \
      FK_CASE(4, vectors)                                                                          \
      FK_CASE(5, vectors)                                                                          \
      FK_CASE(6, vectors)                                                                          \
      FK_CASE(7, vectors)                                                                          \
      FK_CASE(8, vectors)                                                                          \
    }                                                                                              \
  }
FK_BLOCKS(tap_blocks_1, 1)
FK_BLOCKS(tap_blocks_2, 2)
#if FK_VECTORS > 2
FK_BLOCKS(tap_blocks_3, 3)
FK_BLOCKS(tap_blocks_4, 4)
#endif
#undef FK_BLOCKS
#undef FK_CASE

static void FN(tap_blocks)(int vectors, int rows, const FN(tap_tile) * t, const T *const *left,
                           const uint8_t *hits, const int64_t *places) {
  switch (vectors) {
  case 1: FN(tap_blocks_1)(rows, t, left, hits, places); break;
  case 2: FN(tap_blocks_2)(rows, t, left, hits, places); break;
#if FK_VECTORS > 2
  case 3: FN(tap_blocks_3)(rows, t, left, hits, places); break;
  case 4: FN(tap_blocks_4)(rows, t, left, hits, places); break;
#endif
  }
}

// As above where the result has only `width` columns: through scratch of whole vectors.
static void FN(tap_blocks_ragged)(int64_t width, int vectors, int rows, const FN(tap_tile) * t,
                                  const T *const *left, const uint8_t *hits,
                                  const int64_t *places) {
  enum { WIDEST = FK_VECTORS * FK_LANES };
  T bias[WIDEST] = {0}, residual[8 * WIDEST] = {0}, out[8 * WIDEST] = {0};
  int64_t rows_of_scratch[8];
  for (int64_t j = 0; j < width && t->bias; j++) bias[j] = t->bias[j];
  for (int r = 0; r < rows; r++) {
    rows_of_scratch[r] = r * WIDEST;
    for (int64_t j = 0; j < width && t->adds; j++) out[r * WIDEST + j] = t->out[places[r] + j];
    for (int64_t j = 0; j < width && t->residual; j++)
      residual[r * WIDEST + j] = t->residual[places[r] + j];
  }
  FN(tap_tile) scratch = *t;
  scratch.out = out;
  scratch.bias = t->bias ? bias : NULL;
  scratch.residual = t->residual ? residual : NULL;
  FN(tap_blocks)(vectors, rows, &scratch, left, hits, rows_of_scratch);
  for (int r = 0; r < rows; r++)
    for (int64_t j = 0; j < width; j++) t->out[places[r] + j] = out[r * WIDEST + j];
}
#undef FK_EACH_SUM
