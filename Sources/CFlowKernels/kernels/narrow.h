// Matrix products whose results are at most half a vector wide.

// The even and the odd lanes of a and b after each other.
#if FK_VECTOR_BYTES == 64 && FK_IS_FLOAT
#define FK_EVEN(a, b)                                                                              \
  __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define FK_ODD(a, b)                                                                               \
  __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif FK_VECTOR_BYTES == 64 || (FK_VECTOR_BYTES == 32 && FK_IS_FLOAT)
#define FK_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define FK_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#elif FK_VECTOR_BYTES == 32 || FK_IS_FLOAT
#define FK_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define FK_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#else
#define FK_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2)
#define FK_ODD(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

// A vector that repeats `count` elements.
FK_INLINE V FN(repeated)(const int count, const T *p) {
  typedef int64_t words __attribute__((ext_vector_type(FK_VECTOR_BYTES / 8)));
  const int bytes = count * (int)sizeof(T);
  if (bytes == FK_VECTOR_BYTES) return LOAD(p);
  if (bytes == sizeof(int64_t) && count > 1) {
    int64_t word;
    memcpy(&word, p, sizeof word);
    return __builtin_bit_cast(V, (words)(word));
  }
#if FK_VECTOR_BYTES > 16
  if (bytes == 16) {
    typedef int64_t two __attribute__((ext_vector_type(2)));
    two w;
    memcpy(&w, p, sizeof w);
#if FK_VECTOR_BYTES == 32
    return __builtin_bit_cast(V, __builtin_shufflevector(w, w, 0, 1, 0, 1));
#else
    return __builtin_bit_cast(V, __builtin_shufflevector(w, w, 0, 1, 0, 1, 0, 1, 0, 1));
#endif
  }
#endif
#if FK_VECTOR_BYTES > 32
  if (bytes == 32) {
    typedef int64_t four __attribute__((ext_vector_type(4)));
    four w;
    memcpy(&w, p, sizeof w);
    return __builtin_bit_cast(V, __builtin_shufflevector(w, w, 0, 1, 2, 3, 0, 1, 2, 3));
  }
#endif
  return (V)(*p);
}

// Results narrower than a vector: lane j * g + i of a vector serves column j and every g-th element
// of the contraction from i on, so that g elements of A are repeated over the lanes instead of one.
// g rows are then folded into one vector of results. B is packed to match. Missing rows repeat the
// last one.
enum { FN(narrow_rows) = FK_LANES > 8 ? FK_LANES : 8 };

__attribute__((always_inline)) static inline void FN(narrow_block)(const int g, int64_t k,
                                                                   int64_t rows, const T *a,
                                                                   const T *packed, const T *tails,
                                                                   V *results) {
  V sum[FN(narrow_rows)];
#pragma clang loop unroll(full)
  for (int r = 0; r < FN(narrow_rows); r++) sum[r] = (V)(0);
  int64_t q = 0;
  for (; q + 2 * g <= k; q += 2 * g) {
    const V w0 = LOAD(packed), w1 = LOAD(packed + FK_LANES);
    const T *left = a + q;
#pragma clang loop unroll(full)
    for (int r = 0; r < FN(narrow_rows); r++) {
      sum[r] = FN(repeated)(g, left) * w0 + sum[r];
      sum[r] = FN(repeated)(g, left + g) * w1 + sum[r];
      left += r + 1 < rows ? k : 0;
    }
    packed += 2 * FK_LANES;
  }
  if (q + g <= k) {
    const V w = LOAD(packed);
    const T *left = a + q;
#pragma clang loop unroll(full)
    for (int r = 0; r < FN(narrow_rows); r++) {
      sum[r] = FN(repeated)(g, left) * w + sum[r];
      left += r + 1 < rows ? k : 0;
    }
    packed += FK_LANES;
  }
  if (k % g != 0) {
    const V w = LOAD(packed);
#pragma clang loop unroll(full)
    for (int r = 0; r < FN(narrow_rows); r++)
      sum[r] = FN(repeated)(g, tails + r * FK_LANES) * w + sum[r];
  }
#pragma clang loop unroll(full)
  for (int left = FN(narrow_rows) / 2; left >= FN(narrow_rows) / g; left /= 2)
#pragma clang loop unroll(full)
    for (int i = 0; i < left; i++) {
      const V folded = FK_EVEN(sum[2 * i], sum[2 * i + 1]) + FK_ODD(sum[2 * i], sum[2 * i + 1]);
      sum[i] = folded;
      // Not in a loop of its own, which would become a memcpy and put `sum` into memory.
      if (left == FN(narrow_rows) / g) results[i] = folded;
    }
}

// C[m,n] = A[m,k] B for n <= FK_LANES / g; element (q, j) of B lies at q * step + j * column.
FK_INLINE void FN(narrow_groups)(const int g, int64_t m, int64_t n, int64_t k, const T *a,
                                 const T *b, int64_t step, int64_t column, T *c, const T *bias,
                                 fk_activation activation, T slope, bool accumulate) {
  const int places = FK_LANES / g;
  const int64_t whole = k - k % g, vectors = (k + g - 1) / g;
  const size_t bytes = sizeof(T) * FK_LANES * (size_t)vectors;
  T *packed = fk_allocate(bytes);
  if (whole < k || n < places) memset(packed, 0, bytes);
  for (int64_t q = 0; q < whole; q += g)
    for (int64_t j = 0; j < n; j++) {
      T *to = packed + q * places + j * g;
      const T *from = b + q * step + j * column;
      if (step == 1)
        memcpy(to, from, sizeof(T) * (size_t)g);
      else
#pragma clang loop unroll(full)
        for (int i = 0; i < g; i++) to[i] = from[i * step];
    }
  for (int64_t q = whole; q < k; q++)
    for (int64_t j = 0; j < n; j++)
      packed[whole * places + j * g + q - whole] = b[q * step + j * column];
  T biases[FK_LANES] = {0};
  if (bias)
    for (int i = 0; i < FK_LANES; i++) biases[i] = i % places < n ? bias[i % places] : 0;
  const V added = LOAD(biases);
  // Elements of the contraction beyond the last g, with zeros after them.
  T tails[FN(narrow_rows) * FK_LANES];
  if (whole < k) memset(tails, 0, sizeof tails);
  for (int64_t r0 = 0; r0 < m; r0 += FN(narrow_rows)) {
    const int64_t rows = m - r0 < FN(narrow_rows) ? m - r0 : FN(narrow_rows);
    const T *left = a + r0 * k;
    if (whole < k)
      for (int64_t r = 0; r < rows; r++)
        for (int64_t q = whole; q < k; q++) tails[r * FK_LANES + q - whole] = left[r * k + q];
    V sum[FN(narrow_rows)];
    FN(narrow_block)(g, k, rows, left, packed, tails, sum);
    for (int i = 0; i * g < rows; i++) {
      T *to = c + (r0 + i * g) * n;
      const int64_t count = rows - i * g < g ? rows - i * g : g;
      V total = sum[i] + added;
      T row[FK_LANES];
      if (accumulate) {
        memset(row, 0, sizeof row);
        for (int64_t r = 0; r < count; r++)
          for (int64_t j = 0; j < n; j++) row[r * places + j] = to[r * n + j];
        total += LOAD(row);
      }
      if (activation == FK_RELU) total = total < 0 ? (V)(0) : total;
      if (activation == FK_LEAKY_RELU) total = total > 0 ? total : total * slope;
      if (n == places && count == g) {
        STORE(to, total);
        continue;
      }
      STORE(row, total);
      // Whole places where only a row is touched that is still to come.
      const int64_t before_last = accumulate ? 0 : m - 1 - r0 - i * g;
      for (int64_t r = 0; r < count; r++)
        if (r < before_last)
          memcpy(to + r * n, row + r * places, sizeof(T) * (size_t)places);
        else
          for (int64_t j = 0; j < n; j++) to[r * n + j] = row[r * places + j];
    }
  }
  fk_deallocate(packed, bytes);
}

static void FN(narrow)(int64_t m, int64_t n, int64_t k, const T *a, const T *b, int64_t step,
                       int64_t column, T *c, const T *bias, fk_activation activation, T slope,
                       bool accumulate) {
#define GROUPS(g)                                                                                  \
  if (FK_LANES >= g && n <= FK_LANES / g)                                                          \
    FN(narrow_groups)(g, m, n, k, a, b, step, column, c, bias, activation, slope, accumulate)
  GROUPS(16);
  else GROUPS(8);
  else GROUPS(4);
  else GROUPS(2);
#undef GROUPS
}
