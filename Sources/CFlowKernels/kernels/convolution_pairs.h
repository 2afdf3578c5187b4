// Sums of outer products over lists of pairs of rows, for gradients of convolutions by weights.

enum { FN(pair_ahead) = 16 };

typedef struct {
  int64_t count;  // pixels; their pointers are followed by FN(pair_ahead) more
  int64_t x_offset, g_offset;
  const T *const *x, *const *g;
  T *out;
  int64_t ldc;
} FN(pair_tile);

#define FK_EACH_SUM                                                                                \
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                                \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < vectors; v++)

// out += sum of x' g
__attribute__((always_inline)) static inline void FN(pair_block)(const int rows, const int vectors,
                                                                 const FN(pair_tile) * t) {
  const int64_t x_offset = t->x_offset, g_offset = t->g_offset, ldc = t->ldc;
  V sum[8][FK_VECTORS];
  FK_EACH_SUM sum[r][v] = LOAD(t->out + r * ldc + v * FK_LANES);
  for (int64_t i = 0; i < t->count; i++) {
    const T *x = t->x[i] + x_offset, *g = t->g[i] + g_offset;
    // Pixels are too far apart for the processor to foresee them.
    __builtin_prefetch(t->x[i + FN(pair_ahead)] + x_offset);
    V right[FK_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = LOAD(g + v * FK_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const V element = (V)(x[r]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sum[r][v] = element * right[v] + sum[r][v];
    }
  }
  FK_EACH_SUM STORE(t->out + r * ldc + v * FK_LANES, sum[r][v]);
}

#define FK_CASE(rows, vectors)                                                                     \
  case rows:                                                                                       \
    if (rows <= FK_TAP_ROWS(vectors)) FN(pair_block)(rows, vectors, t);                            \
    break;
#define FK_BLOCKS(vectors)                                                                         \
  case vectors:                                                                                    \
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
    break;

static void FN(pair_blocks)(int vectors, int rows, const FN(pair_tile) * t) {
  switch (vectors) {
    FK_BLOCKS(1)
    FK_BLOCKS(2)
#if FK_VECTORS > 2
    FK_BLOCKS(3)
    FK_BLOCKS(4)
#endif
  }
}
#undef FK_BLOCKS
#undef FK_CASE
#undef FK_EACH_SUM

// As above, for a result of only `width` columns.
static void FN(pair_blocks_ragged)(int64_t width, int vectors, int rows, const FN(pair_tile) * t) {
  enum { WIDEST = FK_VECTORS * FK_LANES };
  T out[8 * WIDEST] = {0};
  for (int r = 0; r < rows; r++)
    for (int64_t j = 0; j < width; j++) out[r * WIDEST + j] = t->out[r * t->ldc + j];
  FN(pair_tile) scratch = *t;
  scratch.out = out;
  scratch.ldc = WIDEST;
  FN(pair_blocks)(vectors, rows, &scratch);
  for (int r = 0; r < rows; r++)
    for (int64_t j = 0; j < width; j++) t->out[r * t->ldc + j] = out[r * WIDEST + j];
}

// gw (+)= sums[0] + sums[1] + ..., added in that order.
typedef struct {
  const T *sums;
  T *gw;
  int64_t count, slots;
  bool accumulate;
} FN(slot_sums);

enum { FN(sum_chunk) = 4096 };

static void FN(sum_slots_of)(void *context, int64_t index) {
  const FN(slot_sums) *c = context;
  const int64_t from = index * FN(sum_chunk);
  const int64_t to = from + FN(sum_chunk) < c->count ? from + FN(sum_chunk) : c->count;
  for (int64_t slot = 0; slot < c->slots; slot++) {
    const T *sums = c->sums + slot * c->count;
    if (slot == 0 && !c->accumulate)
      for (int64_t i = from; i < to; i++) c->gw[i] = sums[i];
    else
      for (int64_t i = from; i < to; i++) c->gw[i] += sums[i];
  }
}

static void FN(sum_slots)(FN(slot_sums) c) {
  fk_parallel((c.count + FN(sum_chunk) - 1) / FN(sum_chunk), fk_worker_count(),
              FN(sum_slots_of), &c);
}
