// Matrix products. One inner loop serves all three forms: broadcast an element of A, multiply a
// vector of B, accumulate up to FK_ROWS x FK_VECTORS vectors in registers. NN and TN read B as it
// lies; NT transposes B into scratch first. Ragged columns are packed into zero-padded scratch;
// very narrow results become dot products.

typedef T FN(vector) __attribute__((ext_vector_type(FK_LANES)));
typedef T FN(loose) __attribute__((ext_vector_type(FK_LANES), aligned(sizeof(T))));
#define V FN(vector)
#define LOAD(p) ((V)(*(const FN(loose) *)(p)))
#define STORE(p, v) (*(FN(loose) *)(p) = (v))

typedef struct {
  int64_t k;             // contraction length
  int64_t row, step;     // strides of A: between result rows, along the contraction
  int64_t ldb, ldc;
  const T *bias;         // null: none
  fk_activation activation;
  T slope;
  bool accumulate;
} FN(tile);

__attribute__((always_inline)) static inline void FN(block)(const int rows, const int vectors,
                                                            const FN(tile) * t, const T *a,
                                                            const T *b, T *c) {
  V sum[FK_ROWS][FK_VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sum[r][v] = t->accumulate ? LOAD(c + r * t->ldc + v * FK_LANES)
                  : t->bias     ? LOAD(t->bias + v * FK_LANES)
                                : (V)(0);
  // Two base pointers three rows apart, so that every address is base + {0, 1, 2} * row.
  const int64_t row = t->row, step = t->step, ldb = t->ldb;
  const T *low = a, *high = a + 3 * row;
  for (int64_t k = 0; k < t->k; k++) {
    V right[FK_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = LOAD(b + v * FK_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const V left = (V)(r < 3 ? low[r * row] : high[(r - 3) * row]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sum[r][v] = left * right[v] + sum[r][v];
    }
    low += step;
    high += step;
    b += ldb;
  }
  if (t->activation == FK_RELU || t->activation == FK_LEAKY_RELU) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        const V x = sum[r][v];
        // In this order NaN passes.
        sum[r][v] = t->activation == FK_RELU ? (x < 0 ? (V)(0) : x) : (x > 0 ? x : x * t->slope);
      }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) STORE(c + r * t->ldc + v * FK_LANES, sum[r][v]);
}

#define FK_BLOCKS(name, vectors)                                                                   \
  static void FN(name)(int rows, const FN(tile) * t, const T *a, const T *b, T *c) {               \
    switch (rows) {                                                                                \
    case 1: FN(block)(1, vectors, t, a, b, c); break;                                              \
    case 2: FN(block)(2, vectors, t, a, b, c); break;                                              \
    case 3: FN(block)(3, vectors, t, a, b, c); break;                                              \
    case 4: FN(block)(4, vectors, t, a, b, c); break;                                              \
    case 5: FN(block)(5, vectors, t, a, b, c); break;                                              \
    default: FN(block)(6, vectors, t, a, b, c); break;                                             \
    }                                                                                              \
  }
FK_BLOCKS(blocks_wide, FK_VECTORS)
FK_BLOCKS(blocks_half, FK_VECTORS / 2)
FK_BLOCKS(blocks_one, 1)
#undef FK_BLOCKS

typedef void (*FN(blocks))(int, const FN(tile) *, const T *, const T *, T *);

// All rows of one panel of columns, rows cut into balanced groups of at most FK_ROWS.
static void FN(panel)(FN(blocks) blocks, int64_t m, const FN(tile) * t, const T *a, const T *b,
                      T *c) {
  const int64_t groups = (m + FK_ROWS - 1) / FK_ROWS;
  const int64_t base = m / groups, extra = m % groups;
  for (int64_t g = 0; g < groups; g++) {
    const int rows = (int)(base + (g < extra));
    blocks(rows, t, a, b, c);
    a += rows * t->row;
    c += rows * t->ldc;
  }
}

// The last columns, fewer than a vector: B and bias padded with zeros, C through scratch.
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
  padded.bias = t->bias ? bias : NULL;
  FN(panel)(FN(blocks_one), m, &padded, a, right, result);
  for (int64_t r = 0; r < m; r++)
    for (int64_t j = 0; j < width; j++) c[r * t->ldc + j] = result[r * FK_LANES + j];
  fk_deallocate(scratch, bytes);
}

enum { FN(k_block) = 512 };

// C[m,n] from A by strides and B[k,n] as it lies, the contraction in blocks that stay in cache.
static void FN(product)(int64_t m, int64_t n, int64_t k, const T *a, int64_t row, int64_t step,
                        const T *b, T *c, const T *bias, fk_activation activation, T slope,
                        bool accumulate) {
  int64_t k0 = 0;
  do {
    const int64_t length = k - k0 < FN(k_block) ? k - k0 : FN(k_block);
    const bool last = k0 + length >= k;
    FN(tile) t = {.k = length,
                  .row = row,
                  .step = step,
                  .ldb = n,
                  .ldc = n,
                  .activation = last ? activation : FK_IDENTITY,
                  .slope = slope,
                  .accumulate = accumulate || k0 > 0};
    const T *left = a + k0 * step, *right = b + k0 * n;
    int64_t j = 0;
    while (j < n) {
      const int64_t width = n - j;
      t.bias = bias && k0 == 0 ? bias + j : NULL;
      if (width >= FK_VECTORS * FK_LANES) {
        FN(panel)(FN(blocks_wide), m, &t, left, right + j, c + j);
        j += FK_VECTORS * FK_LANES;
      } else if (width >= FK_VECTORS / 2 * FK_LANES) {
        FN(panel)(FN(blocks_half), m, &t, left, right + j, c + j);
        j += FK_VECTORS / 2 * FK_LANES;
      } else if (width >= FK_LANES) {
        FN(panel)(FN(blocks_one), m, &t, left, right + j, c + j);
        j += FK_LANES;
      } else {
        FN(ragged)(m, width, &t, left, right + j, c + j);
        j += width;
      }
    }
    k0 += length;
  } while (k0 < k);
}

// Interleaves: FK_ZIP_LOW takes a0 b0 a1 b1 ... of the lower halves, FK_ZIP_HIGH of the upper ones.
// log2(lanes) rounds of (v[i], v[i + lanes/2]) -> (2i, 2i + 1) transpose a square block.
#if FK_VECTOR_BYTES == 64 && FK_IS_FLOAT
#define FK_ZIP_LOW(a, b)                                                                           \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define FK_ZIP_HIGH(a, b)                                                                          \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif FK_VECTOR_BYTES == 64 || (FK_VECTOR_BYTES == 32 && FK_IS_FLOAT)
#define FK_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define FK_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#elif FK_VECTOR_BYTES == 32 || FK_IS_FLOAT
#define FK_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define FK_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
#define FK_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 2)
#define FK_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

// Lane i of the result is the sum over the lanes of v[i].
FK_INLINE V FN(lane_sums)(V *v) {
#pragma clang loop unroll(full)
  for (int half = FK_LANES / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (int i = 0; i < half; i++)
      v[i] = FK_ZIP_LOW(v[i], v[i + half]) + FK_ZIP_HIGH(v[i], v[i + half]);
  return v[0];
}

// Few result columns: each element is a dot product of a row of A and a row of B transposed; as
// many rows at a time as a vector has lanes, so that one tree of shuffles sums them all.
static void FN(dots)(int64_t m, int64_t n, int64_t k, const T *a, const T *bt, T *c, const T *bias,
                     fk_activation activation, T slope, bool accumulate) {
  enum { strip = 4 * FK_LANES };
  const int64_t whole = k - k % FK_LANES;
  for (int64_t r = 0; r < m; r += FK_LANES) {
    const int64_t rows = m - r < FK_LANES ? m - r : FK_LANES;
    for (int64_t j = 0; j < n; j++) {
      const T *right = bt + j * k;
      V sum[FK_LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < FK_LANES; i++) sum[i] = (V)(0);
      // Four vectors of B stay in registers while the rows pass; missing rows repeat the last one,
      // and their sums are not stored.
      int64_t q = 0;
      for (; q + strip <= whole; q += strip) {
        const V w0 = LOAD(right + q), w1 = LOAD(right + q + FK_LANES);
        const V w2 = LOAD(right + q + 2 * FK_LANES), w3 = LOAD(right + q + 3 * FK_LANES);
        const T *left = a + r * k + q;
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES; i++) {
          V s = LOAD(left) * w0 + sum[i];
          s = LOAD(left + FK_LANES) * w1 + s;
          s = LOAD(left + 2 * FK_LANES) * w2 + s;
          sum[i] = LOAD(left + 3 * FK_LANES) * w3 + s;
          left += i + 1 < rows ? k : 0;
        }
      }
      for (; q < whole; q += FK_LANES) {
        const V w = LOAD(right + q);
        const T *left = a + r * k + q;
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES; i++) {
          sum[i] = LOAD(left) * w + sum[i];
          left += i + 1 < rows ? k : 0;
        }
      }
      const V sums = FN(lane_sums)(sum);
      T totals[FK_LANES];
      STORE(totals, sums);
      for (int64_t i = 0; i < rows; i++) {
        T total = totals[i];
        for (int64_t rest = whole; rest < k; rest++) total += a[(r + i) * k + rest] * right[rest];
        T *to = c + (r + i) * n + j;
        if (accumulate) total += *to;
        if (bias) total += bias[j];
        if (activation == FK_RELU) total = total < 0 ? 0 : total;
        if (activation == FK_LEAKY_RELU) total = total > 0 ? total : total * slope;
        *to = total;
      }
    }
  }
}

static void FN(transpose)(int64_t rows, int64_t columns, const T *in, T *out) {
  const int64_t whole_rows = rows - rows % FK_LANES, whole_columns = columns - columns % FK_LANES;
  for (int64_t r = 0; r < whole_rows; r += FK_LANES)
    for (int64_t c = 0; c < whole_columns; c += FK_LANES) {
      V v[FK_LANES], w[FK_LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < FK_LANES; i++) v[i] = LOAD(in + (r + i) * columns + c);
#pragma clang loop unroll(full)
      for (int round = FK_LANES; round > 1; round /= 2) {
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES / 2; i++) {
          w[2 * i] = FK_ZIP_LOW(v[i], v[i + FK_LANES / 2]);
          w[2 * i + 1] = FK_ZIP_HIGH(v[i], v[i + FK_LANES / 2]);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES; i++) v[i] = w[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < FK_LANES; i++) STORE(out + (c + i) * rows + r, v[i]);
    }
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
      out[c * rows + r] = in[r * columns + c];
}

static void FN(activate)(fk_activation activation, T slope, int64_t n, T *x) {
  switch (activation) {
  case FK_TANH:
    for (int64_t i = 0; i < n; i++) x[i] = FN(tanh)(x[i]);
    break;
  case FK_SIGMOID:
    for (int64_t i = 0; i < n; i++) x[i] = FN(sigmoid)(x[i]);
    break;
  case FK_ELU:
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] : slope * FN(expm1)(x[i]);
    break;
  case FK_SOFTPLUS:
    for (int64_t i = 0; i < n; i++) x[i] = FN(softplus)(x[i]);
    break;
  default: break;
  }
}

static void FN(matmul)(fk_form form, int64_t m, int64_t n, int64_t k, const void *av,
                       const void *bv, void *cv, const void *biasv, fk_activation activation,
                       double slope_value, bool accumulate) {
  const T *a = av, *b = bv, *bias = biasv;
  const T slope = (T)slope_value;
  T *c = cv;
  if (m == 0 || n == 0) return;
  const bool narrow = n <= 4 && n < m && k >= FK_LANES / 2;
  if (form == FK_FORM_NN && narrow) {
    const size_t bytes = sizeof(T) * (size_t)(n * k);
    T *bt = n == 1 ? (T *)b : fk_allocate(bytes);
    if (n > 1) FN(transpose)(k, n, b, bt);
    FN(dots)(m, n, k, a, bt, c, bias, activation, slope, accumulate);
    if (n > 1) fk_deallocate(bt, bytes);
  } else if (form == FK_FORM_NN) {
    FN(product)(m, n, k, a, k, 1, b, c, bias, activation, slope, accumulate);
  } else if (form == FK_FORM_TN && n < FK_LANES && m > n && !bias && activation == FK_IDENTITY) {
    // C' = B' A has full vectors along m.
    const size_t bytes = sizeof(T) * (size_t)(m * n);
    T *ct = n == 1 ? c : fk_allocate(bytes);
    FN(product)(n, m, k, b, 1, n, a, ct, NULL, FK_IDENTITY, slope, n == 1 && accumulate);
    if (n > 1) {
      for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
          c[i * n + j] = ct[j * m + i] + (accumulate ? c[i * n + j] : 0);
      fk_deallocate(ct, bytes);
    }
  } else if (form == FK_FORM_TN) {
    FN(product)(m, n, k, a, 1, m, b, c, bias, activation, slope, accumulate);
  } else if (narrow) {
    FN(dots)(m, n, k, a, b, c, bias, activation, slope, accumulate);
  } else {
    const size_t bytes = sizeof(T) * (size_t)(n * k);
    T *bt = fk_allocate(bytes);
    FN(transpose)(n, k, b, bt);
    FN(product)(m, n, k, a, k, 1, bt, c, bias, activation, slope, accumulate);
    fk_deallocate(bt, bytes);
  }
  FN(activate)(activation, slope, m * n, c);
}

// Independent multiply-adds that never leave the registers: the machine's limit.
static void FN(multiply_add_peak)(int64_t iterations, double *flops, double *sink) {
  V sum[FK_ROWS][FK_VECTORS];
  for (int r = 0; r < FK_ROWS; r++)
    for (int v = 0; v < FK_VECTORS; v++) sum[r][v] = (V)((T)(r + v));
  V x = (V)((T)0.999999), y = (V)((T)1e-6);
  for (int64_t i = 0; i < iterations; i++) {
    __asm__ volatile("" : "+m"(x), "+m"(y));
    const V a = x, b = y;
#pragma clang loop unroll(full)
    for (int round = 0; round < 8; round++)
#pragma clang loop unroll(full)
      for (int r = 0; r < FK_ROWS; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < FK_VECTORS; v++) sum[r][v] = sum[r][v] * a + b;
  }
  double total = 0;
  for (int r = 0; r < FK_ROWS; r++)
    for (int v = 0; v < FK_VECTORS; v++) total += (double)sum[r][v][0];
  *sink = total;
  *flops = 2.0 * FK_LANES * FK_ROWS * FK_VECTORS * 8 * (double)iterations;
}
