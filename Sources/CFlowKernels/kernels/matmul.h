// Matrix products. NN and TN read B as it lies; NT transposes B into scratch first. Results
// narrower than a vector have a loop of their own.

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

// out[m,n] = in[n,m]' (+ out): a vector's length of rows of n elements.
FK_INLINE void FN(interleave)(const int n, int64_t m, const T *in, T *out, bool accumulate) {
  V v[8], w[8];
#pragma clang loop unroll(full)
  for (int j = 0; j < n; j++) v[j] = LOAD(in + j * m);
#pragma clang loop unroll(full)
  for (int round = n; round > 1; round /= 2) {
#pragma clang loop unroll(full)
    for (int j = 0; j < n / 2; j++) {
      w[2 * j] = FK_ZIP_LOW(v[j], v[j + n / 2]);
      w[2 * j + 1] = FK_ZIP_HIGH(v[j], v[j + n / 2]);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < n; j++) v[j] = w[j];
  }
#pragma clang loop unroll(full)
  for (int j = 0; j < n; j++) {
    T *to = out + j * FK_LANES;
    STORE(to, accumulate ? v[j] + LOAD(to) : v[j]);
  }
}

// out[m,n] = in[n,m]' (+ out) for few columns n.
static void FN(transpose_narrow)(int64_t m, int64_t n, const T *in, T *out, bool accumulate) {
  int64_t i = 0;
  for (; i + FK_LANES <= m && (n == 1 || n == 2 || n == 4 || n == 8); i += FK_LANES) {
    T *to = out + i * n;
    switch (n) {
    case 1: FN(interleave)(1, m, in + i, to, accumulate); break;
    case 2: FN(interleave)(2, m, in + i, to, accumulate); break;
    case 4: FN(interleave)(4, m, in + i, to, accumulate); break;
    default: FN(interleave)(8, m, in + i, to, accumulate); break;
    }
  }
  for (; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      out[i * n + j] = accumulate ? out[i * n + j] + in[j * m + i] : in[j * m + i];
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
  FN(tile) t = {.k = k,
                .row = k,
                .step = 1,
                .bias = bias,
                .activation = activation,
                .slope = slope,
                .accumulate = accumulate};
  if (form == FK_FORM_TN && n < FK_LANES && m > n && !bias && activation == FK_IDENTITY) {
    // C' = B' A has full vectors along m.
    const size_t bytes = sizeof(T) * (size_t)(m * n);
    T *ct = n == 1 ? c : fk_allocate(bytes);
    t.row = 1;
    t.step = n;
    t.accumulate = n == 1 && accumulate;
    FN(product)(n, m, &t, b, a, ct);
    if (n > 1) {
      FN(transpose_narrow)(m, n, ct, c, accumulate);
      fk_deallocate(ct, bytes);
    }
  } else if (form == FK_FORM_TN) {
    t.row = 1;
    t.step = m;
    FN(product)(m, n, &t, a, b, c);
  } else if (n <= FK_LANES / 2 && k >= FK_LANES / 2) {
    // However many rows there are, so that a row's rounding does not depend on the others.
    const bool transposed = form == FK_FORM_NT;
    FN(narrow)(m, n, k, a, b, transposed ? 1 : n, transposed ? k : 1, c, bias, activation, slope,
               accumulate);
  } else if (form == FK_FORM_NN) {
    FN(product)(m, n, &t, a, b, c);
  } else {
    const size_t bytes = sizeof(T) * (size_t)(n * k);
    T *bt = fk_allocate(bytes);
    FN(transpose)(n, k, b, bt);
    FN(product)(m, n, &t, a, bt, c);
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
