// The inner loop of matrix products: broadcast an element of A, multiply a vector of B, accumulate
// up to FK_ROWS x FK_VECTORS vectors in registers. Ragged columns end in vectors that overlap.

typedef T FN(vector) __attribute__((ext_vector_type(FK_LANES)));
typedef T FN(loose) __attribute__((ext_vector_type(FK_LANES), aligned(sizeof(T))));
#define V FN(vector)
#define LOAD(p) ((V)(*(const FN(loose) *)(p)))
#define STORE(p, v) (*(FN(loose) *)(p) = (v))

typedef struct {
  int64_t k;             // contraction length
  int64_t row, step;     // strides of A: between result rows, along the contraction
  int64_t ldb, ldc;
  int64_t last;          // where the last vector of a panel starts: it may overlap the one before
  const T *bias;         // null: none
  fk_activation activation;
  T slope;
  bool accumulate;
  const T *outputs;      // not null: lies as C; the (leaky) ReLU had these outputs, and C is turned
                         // into the gradient before it instead of being activated
  T *sums;               // not null: the sums of the columns of C are added to it
} FN(tile);

enum { FN(most_rows) = 12 };
#define FK_AT(v) ((v) + 1 < vectors ? (v) * FK_LANES : last)
#define FK_EACH_VECTOR                                                                             \
  _Pragma("clang loop unroll(full)") for (int r = 0; r < rows; r++)                                \
      _Pragma("clang loop unroll(full)") for (int v = 0; v < vectors; v++)

// What follows the sums of products, while they are in registers. Where vectors overlap, the same
// is stored twice, since all that is added to was loaded before.
__attribute__((always_inline)) static inline void FN(finish)(const int rows, const int vectors,
                                                             const FN(tile) * t,
                                                             V sum[FN(most_rows)][FK_VECTORS],
                                                             T *c) {
  const T slope = t->slope, *y = t->outputs;
  const int64_t ldc = t->ldc, last = t->last;
  // In this order of comparisons NaN passes.
#define FK_MAP(expression)                                                                         \
  FK_EACH_VECTOR {                                                                                 \
    const V x = sum[r][v];                                                                         \
    sum[r][v] = (expression);                                                                      \
  }
  if (y && t->activation == FK_RELU)
    FK_MAP(LOAD(y + r * ldc + FK_AT(v)) > 0 ? x : (V)(0))
  else if (y)
    FK_MAP(LOAD(y + r * ldc + FK_AT(v)) > 0 ? x : x * slope)
  else if (t->activation == FK_RELU)
    FK_MAP(x < 0 ? (V)(0) : x)
  else if (t->activation == FK_LEAKY_RELU && slope > 0 && slope <= 1)
    FK_MAP(x > x * slope ? x : x * slope)  // the same as below, as a maximum
  else if (t->activation == FK_LEAKY_RELU)
    FK_MAP(x > 0 ? x : x * slope)
#undef FK_MAP
  FK_EACH_VECTOR STORE(c + r * ldc + FK_AT(v), sum[r][v]);
  if (t->sums) {
    V total[FK_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      total[v] = sum[0][v];
#pragma clang loop unroll(full)
      for (int r = 1; r < rows; r++) total[v] += sum[r][v];
      total[v] += LOAD(t->sums + FK_AT(v));
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) STORE(t->sums + FK_AT(v), total[v]);
  }
}

__attribute__((always_inline)) static inline void FN(block)(const int rows, const int vectors,
                                                            const FN(tile) * t, const T *a,
                                                            const T *b, T *c) {
  const int64_t row = t->row, step = t->step, ldb = t->ldb, last = t->last;
  V sum[FN(most_rows)][FK_VECTORS];
  if (t->accumulate)
    FK_EACH_VECTOR sum[r][v] = LOAD(c + r * t->ldc + FK_AT(v));
  else if (t->bias)
    FK_EACH_VECTOR sum[r][v] = LOAD(t->bias + FK_AT(v));
  else
    FK_EACH_VECTOR sum[r][v] = (V)(0);
  // Base pointers three rows apart, so that every address is base + {0, 1, 2} * row.
  const T *base[4] = {a, a + 3 * row, a + 6 * row, a + 9 * row};
  for (int64_t k = 0; k < t->k; k++) {
    V right[FK_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = LOAD(b + FK_AT(v));
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const V left = (V)(base[r / 3][(r % 3) * row]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sum[r][v] = left * right[v] + sum[r][v];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) base[i] += step;
    b += ldb;
  }
  FN(finish)(rows, vectors, t, sum, c);
}

// As many rows as the registers hold.
#define FK_MOST(vectors)                                                                           \
  ((vectors) == 1 ? FN(most_rows) : FK_ROWS * FK_VECTORS / (vectors))
#define FK_CASE(rows, vectors)                                                                     \
  case rows:                                                                                       \
    if (rows <= FK_MOST(vectors)) FN(block)(rows, vectors, t, a, b, c);                            \
    break;
#define FK_BLOCKS(name, vectors)                                                                   \
  static void FN(name)(int rows, const FN(tile) * t, const T *a, const T *b, T *c) {               \
    switch (rows) {                                                                                \
      FK_CASE(1, vectors)                                                                          \
      FK_CASE(2, vectors)                                                                          \
      FK_CASE(3, vectors)                                                                          \
      FK_CASE(4, vectors)                                                                          \
      FK_CASE(5, vectors)                                                                          \
      FK_CASE(6, vectors)                                                                          \
      FK_CASE(7, vectors)                                                                          \
      FK_CASE(8, vectors)                                                                          \
      FK_CASE(9, vectors)                                                                          \
      FK_CASE(10, vectors)                                                                         \
      FK_CASE(11, vectors)                                                                         \
      FK_CASE(12, vectors)                                                                         \
    }                                                                                              \
  }
FK_BLOCKS(blocks_1, 1)
FK_BLOCKS(blocks_2, 2)
#if FK_VECTORS > 2
FK_BLOCKS(blocks_3, 3)
FK_BLOCKS(blocks_4, 4)
#endif
#undef FK_BLOCKS
#undef FK_CASE
#undef FK_EACH_VECTOR
#undef FK_AT

typedef void (*FN(blocks))(int, const FN(tile) *, const T *, const T *, T *);

// All rows of one panel of columns, cut into balanced groups. Moves t->outputs.
static void FN(panel)(int vectors, int64_t m, FN(tile) * t, const T *a, const T *b, T *c) {
#if FK_VECTORS > 2
  static const FN(blocks) blocks[] = {FN(blocks_1), FN(blocks_2), FN(blocks_3), FN(blocks_4)};
#else
  static const FN(blocks) blocks[] = {FN(blocks_1), FN(blocks_2)};
#endif
  const int64_t most = FK_MOST(vectors), groups = (m + most - 1) / most;
  const int64_t base = m / groups, extra = m % groups;
  for (int64_t g = 0; g < groups; g++) {
    const int rows = (int)(base + (g < extra));
    blocks[vectors - 1](rows, t, a, b, c);
    a += rows * t->row;
    c += rows * t->ldc;
    if (t->outputs) t->outputs += rows * t->ldc;
  }
}
#undef FK_MOST

// Fewer columns than a vector: B and bias padded with zeros, C through scratch.
static void FN(ragged)(int64_t m, int64_t width, const FN(tile) * t, const T *a, const T *b, T *c) {
  const size_t bytes = sizeof(T) * FK_LANES * (size_t)(t->k + m + 1);
  T *scratch = fk_allocate(bytes);
  T *bias = scratch, *right = bias + FK_LANES, *result = right + t->k * FK_LANES;
  memset(bias, 0, sizeof(T) * FK_LANES * (size_t)(t->k + 1));
  if (t->bias) memcpy(bias, t->bias, sizeof(T) * (size_t)width);
  for (int64_t k = 0; k < t->k; k++)
    for (int64_t j = 0; j < width; j++) right[k * FK_LANES + j] = b[k * t->ldb + j];
  if (t->accumulate)
    for (int64_t r = 0; r < m; r++)
      for (int64_t j = 0; j < FK_LANES; j++)
        result[r * FK_LANES + j] = j < width ? c[r * t->ldc + j] : 0;
  FN(tile) padded = *t;
  padded.ldb = padded.ldc = FK_LANES;
  padded.last = 0;
  padded.bias = t->bias ? bias : NULL;
  FN(panel)(1, m, &padded, a, right, result);
  for (int64_t r = 0; r < m; r++)
    for (int64_t j = 0; j < width; j++) c[r * t->ldc + j] = result[r * FK_LANES + j];
  fk_deallocate(scratch, bytes);
}

enum { FN(k_block) = 512 };

// C[m,n] from A by the strides of t and B[k,n] as it lies, the contraction in blocks that stay in
// cache. Uses t up, since copies of it would cost as much as a small product. It may name outputs
// and sums only where n is a vector or more.
static void FN(product)(int64_t m, int64_t n, FN(tile) * t, const T *a, const T *b, T *c) {
  const int64_t length = t->k;
  const fk_activation activation = t->activation;
  const T *bias = t->bias, *outputs = t->outputs;
  T *sums = t->sums;
  t->ldb = t->ldc = n;
  int64_t k0 = 0;
  do {
    const bool last = length - k0 <= FN(k_block);
    t->k = last ? length - k0 : FN(k_block);
    t->activation = last ? activation : FK_IDENTITY;
    const T *left = a + k0 * t->step, *right = b + k0 * n;
    for (int64_t j = 0; j < n;) {
      // The last panel gets a vector's width at least, so that it can start its last one earlier.
      int64_t width = n - j;
      if (width >= (FK_VECTORS + 1) * FK_LANES)
        width = FK_VECTORS * FK_LANES;
      else if (width > FK_VECTORS * FK_LANES)
        width = FK_VECTORS / 2 * FK_LANES;
      t->last = width - FK_LANES;
      t->bias = bias && k0 == 0 ? bias + j : NULL;
      t->outputs = outputs && last ? outputs + j : NULL;
      t->sums = sums && last ? sums + j : NULL;
      if (n < FK_LANES)
        FN(ragged)(m, n, t, left, right, c);
      else
        FN(panel)((int)((width + FK_LANES - 1) / FK_LANES), m, t, left, right + j, c + j);
      j += width;
    }
    k0 += t->k;
    t->accumulate = true;
  } while (k0 < length);
}
