// Elementwise functions with their derivatives, broadcasting and strided copies.

#define EACH(expression)                                                                           \
  for (int64_t i = 0; i < n; i++) {                                                                \
    const T x = xs[i];                                                                             \
    out[i] = (expression);                                                                         \
  }                                                                                                \
  break;

static void FN(unary)(fk_unary_op op, int64_t n, const void *xv, double pv, double qv, void *yv) {
  const T *restrict xs = xv;
  T *restrict out = yv;
  const T p = (T)pv, q = (T)qv;
  switch (op) {
  case FK_NEG: EACH(-x)
  case FK_ABS: EACH(x < 0 ? -x : x)
  case FK_SIGN: EACH((T)(x > 0) - (T)(x < 0))
  case FK_SQUARE: EACH(x *x)
  case FK_SQRT: EACH(__builtin_elementwise_sqrt(x))
  case FK_RECIPROCAL: EACH(1 / x)
  case FK_EXP: EACH(FN(exp)(x))
  case FK_EXPM1: EACH(FN(expm1)(x))
  case FK_LOG: EACH(FN(log)(x))
  case FK_LOG1P: EACH(FN(log1p)(x))
  case FK_SIN: EACH(FK_LIBM(sin)(x))
  case FK_COS: EACH(FK_LIBM(cos)(x))
  case FK_ATAN: EACH(FK_LIBM(atan)(x))
  case FK_TANH_OP: EACH(FN(tanh)(x))
  case FK_SIGMOID_OP: EACH(FN(sigmoid)(x))
  case FK_SOFTPLUS_OP: EACH(FN(softplus)(x))
  case FK_LOG_SIGMOID: EACH(-FN(softplus)(-x))
  case FK_RELU_OP: EACH(x > 0 ? x : (x != x ? x : (T)0))
  case FK_LEAKY_RELU_OP: EACH(x > 0 ? x : p * x)
  case FK_ELU_OP: EACH(x > 0 ? x : p * FN(expm1)(x))
  case FK_SILU: EACH(x *FN(sigmoid)(x))
  case FK_GELU: EACH((T)0.5 * x * (1 + FK_LIBM(erf)(x * (T)M_SQRT1_2)))
  case FK_ERF: EACH(FK_LIBM(erf)(x))
  case FK_FLOOR: EACH(FK_LIBM(floor)(x))
  case FK_LGAMMA: {
    int sign;
    EACH(FK_LIBM_LGAMMA(x, &sign))
  }
  case FK_DIGAMMA: EACH(FN(digamma)(x))
  case FK_POWER: EACH(FK_LIBM(pow)(x, p))
  case FK_CLIP: EACH(x < p ? p : (x > q ? q : x))
  case FK_SCALE_SHIFT: EACH(x *p + q)
  }
}
#undef EACH

#define EACH(expression)                                                                           \
  for (int64_t i = 0; i < n; i++) {                                                                \
    const T x = xs[i], y = ys[i];                                                                  \
    (void)x, (void)y;                                                                              \
    out[i] = gs[i] * (expression);                                                                 \
  }                                                                                                \
  break;

static void FN(unary_backward)(fk_unary_op op, int64_t n, const void *gv, const void *xv,
                               const void *yv, double pv, double qv, void *outv) {
  const T *restrict gs = gv, *restrict xs = xv, *restrict ys = yv;
  T *restrict out = outv;
  const T p = (T)pv, q = (T)qv;
  switch (op) {
  case FK_NEG: EACH((T)-1)
  case FK_ABS: EACH((T)(x > 0) - (T)(x < 0))
  case FK_SIGN: EACH((T)0)
  case FK_SQUARE: EACH(2 * x)
  case FK_SQRT: EACH((T)0.5 / y)
  case FK_RECIPROCAL: EACH(-y *y)
  case FK_EXP: EACH(y)
  case FK_EXPM1: EACH(y + 1)
  case FK_LOG: EACH(1 / x)
  case FK_LOG1P: EACH(1 / (1 + x))
  case FK_SIN: EACH(FK_LIBM(cos)(x))
  case FK_COS: EACH(-FK_LIBM(sin)(x))
  case FK_ATAN: EACH(1 / (1 + x * x))
  case FK_TANH_OP: EACH(1 - y * y)
  case FK_SIGMOID_OP: EACH(y * (1 - y))
  case FK_SOFTPLUS_OP: EACH(FN(sigmoid)(x))
  case FK_LOG_SIGMOID: EACH(FN(sigmoid)(-x))
  case FK_RELU_OP: EACH((T)(x > 0))
  case FK_LEAKY_RELU_OP: EACH(x > 0 ? (T)1 : p)
  case FK_ELU_OP: EACH(x > 0 ? (T)1 : y + p)
  case FK_SILU: {
    for (int64_t i = 0; i < n; i++) {
      const T s = FN(sigmoid)(xs[i]);
      out[i] = gs[i] * s * (1 + xs[i] * (1 - s));
    }
    break;
  }
  case FK_GELU:
    EACH((T)0.5 * (1 + FK_LIBM(erf)(x * (T)M_SQRT1_2)) +
         x * (T)0.39894228040143267794 * FN(exp)((T)-0.5 * x * x))
  case FK_ERF: EACH((T)1.12837916709551257390 * FN(exp)(-x * x))
  case FK_FLOOR: EACH((T)0)
  case FK_LGAMMA: EACH(FN(digamma)(x))
  case FK_DIGAMMA: EACH(FN(trigamma)(x))
  case FK_POWER: EACH(p *FK_LIBM(pow)(x, p - 1))
  case FK_CLIP: EACH((T)(x >= p && x <= q))
  case FK_SCALE_SHIFT: EACH(p)
  }
}
#undef EACH

// The gradient before an activation, from that after it and the activation's output.
FK_INLINE T FN(before_activation)(fk_activation activation, T slope, T g, T y) {
  switch (activation) {
  case FK_RELU: return y > 0 ? g : (T)0;
  case FK_LEAKY_RELU: return y > 0 ? g : g * slope;
  case FK_TANH: return g * (1 - y * y);
  case FK_SIGMOID: return g * (y * (1 - y));
  case FK_ELU: return y > 0 ? g : g * (y + slope);
  case FK_SOFTPLUS: return -g * FN(expm1)(-y);
  default: return g;
  }
}

// Columns go in strips whose sums stay in registers while the rows pass.
enum { FN(strip) = 4 * FK_LANES };

__attribute__((always_inline)) static inline void FN(activation_strip)(
    fk_activation activation, T slope, int64_t rows, int64_t columns, int width,
    const T *restrict g, const T *restrict y, T *restrict out, T *restrict bias) {
  T sums[FN(strip)] = {0};
  for (int64_t r = 0; r < rows; r++) {
    for (int c = 0; c < width; c++) {
      const T d = FN(before_activation)(activation, slope, g[c], y[c]);
      out[c] = d;
      sums[c] += d;
    }
    g += columns;
    y += columns;
    out += columns;
  }
  if (bias)
    for (int c = 0; c < width; c++) bias[c] += sums[c];
}

#define EACH(kind)                                                                                 \
  case kind:                                                                                       \
    for (int64_t c = 0; c < columns; c += FN(strip)) {                                             \
      if (columns - c >= FN(strip))                                                                \
        FN(activation_strip)(kind, slope, rows, columns, FN(strip), g + c, y + c, out + c,         \
                             bias ? bias + c : NULL);                                              \
      else                                                                                         \
        FN(activation_strip)(kind, slope, rows, columns, (int)(columns - c), g + c, y + c,         \
                             out + c, bias ? bias + c : NULL);                                     \
    }                                                                                              \
    break;

static void FN(activation_backward)(fk_activation activation, double slope_value, int64_t rows,
                                    int64_t columns, const void *gv, const void *yv, void *outv,
                                    void *biasv) {
  const T *g = gv, *y = yv;
  T *out = outv, *bias = biasv;
  const T slope = (T)slope_value;
  switch (activation) {
    EACH(FK_IDENTITY)
    EACH(FK_RELU)
    EACH(FK_LEAKY_RELU)
    EACH(FK_TANH)
    EACH(FK_SIGMOID)
    EACH(FK_ELU)
    EACH(FK_SOFTPLUS)
  }
}
#undef EACH

// Merges neighbouring axes that every operand walks evenly, so that inner loops are long.
static int64_t FN(collapse)(int64_t rank, const int64_t *shape, int64_t operands,
                            const int64_t *const *strides, int64_t *out_shape,
                            int64_t out_strides[][FK_MAX_RANK]) {
  int64_t used = 0;
  for (int64_t axis = 0; axis < rank; axis++) {
    if (shape[axis] == 1) continue;
    bool merges = used > 0;
    for (int64_t o = 0; merges && o < operands; o++)
      merges = out_strides[o][used - 1] == strides[o][axis] * shape[axis];
    if (merges) {
      out_shape[used - 1] *= shape[axis];
      for (int64_t o = 0; o < operands; o++) out_strides[o][used - 1] = strides[o][axis];
    } else {
      out_shape[used] = shape[axis];
      for (int64_t o = 0; o < operands; o++) out_strides[o][used] = strides[o][axis];
      used++;
    }
  }
  if (used == 0) {
    out_shape[0] = 1;
    for (int64_t o = 0; o < operands; o++) out_strides[o][0] = 0;
    used = 1;
  }
  return used;
}

static void FN(dense_strides)(int64_t rank, const int64_t *shape, int64_t *strides) {
  int64_t stride = 1;
  for (int64_t axis = rank - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
}

static bool FN(is_empty)(int64_t rank, const int64_t *shape) {
  for (int64_t axis = 0; axis < rank; axis++)
    if (shape[axis] == 0) return true;
  return false;
}

// Steps the index of all axes but the last; false at the end.
static bool FN(advance)(int64_t rank, const int64_t *shape, int64_t *index) {
  for (int64_t axis = rank - 2; axis >= 0; axis--) {
    if (++index[axis] < shape[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

static int64_t FN(offset)(int64_t rank, const int64_t *index, const int64_t *strides) {
  int64_t sum = 0;
  for (int64_t axis = 0; axis < rank - 1; axis++) sum += index[axis] * strides[axis];
  return sum;
}

#define INNER(expression)                                                                          \
  if (sa == 1 && sb == 1)                                                                          \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const T a = as[i], b = bs[i];                                                                \
      out[i] = (expression);                                                                       \
    }                                                                                              \
  else if (sa == 1 && sb == 0) {                                                                   \
    const T b = bs[0];                                                                             \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const T a = as[i];                                                                           \
      out[i] = (expression);                                                                       \
    }                                                                                              \
  } else if (sa == 0 && sb == 1) {                                                                 \
    const T a = as[0];                                                                             \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const T b = bs[i];                                                                           \
      out[i] = (expression);                                                                       \
    }                                                                                              \
  } else                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const T a = as[i * sa], b = bs[i * sb];                                                      \
      out[i] = (expression);                                                                       \
    }                                                                                              \
  break;

FK_INLINE void FN(binary_inner)(fk_binary_op op, int64_t n, const T *restrict as, int64_t sa,
                                const T *restrict bs, int64_t sb, T *restrict out) {
  switch (op) {
  case FK_ADD: INNER(a + b)
  case FK_SUB: INNER(a - b)
  case FK_MUL: INNER(a *b)
  case FK_DIV: INNER(a / b)
  case FK_MAX: INNER(a > b ? a : (a != a ? a : b))
  case FK_MIN: INNER(a < b ? a : (a != a ? a : b))
  case FK_POW: INNER(FK_LIBM(pow)(a, b))
  case FK_GREATER: INNER((T)(a > b))
  case FK_GREATER_EQUAL: INNER((T)(a >= b))
  case FK_EQUAL: INNER((T)(a == b))
  }
}
#undef INNER

static void FN(binary)(fk_binary_op op, int64_t rank, const int64_t *shape,
                       const int64_t *a_strides, const int64_t *b_strides, const void *a,
                       const void *b, void *out) {
  if (FN(is_empty)(rank, shape)) return;
  int64_t dense[FK_MAX_RANK], merged[FK_MAX_RANK], strides[3][FK_MAX_RANK];
  FN(dense_strides)(rank, shape, dense);
  const int64_t *const all[3] = {a_strides, b_strides, dense};
  const int64_t axes = FN(collapse)(rank, shape, 3, all, merged, strides);
  int64_t index[FK_MAX_RANK] = {0};
  T *result = out;
  const int64_t n = merged[axes - 1];
  do {
    FN(binary_inner)(op, n, (const T *)a + FN(offset)(axes, index, strides[0]),
                     strides[0][axes - 1], (const T *)b + FN(offset)(axes, index, strides[1]),
                     strides[1][axes - 1], result);
    result += n;
  } while (FN(advance)(axes, merged, index));
}

static void FN(copy_strided)(int64_t rank, const int64_t *shape, const int64_t *in_strides,
                             const int64_t *out_strides, const void *inv, void *outv) {
  if (FN(is_empty)(rank, shape)) return;
  int64_t merged[FK_MAX_RANK], strides[2][FK_MAX_RANK];
  const int64_t *const all[2] = {in_strides, out_strides};
  const int64_t axes = FN(collapse)(rank, shape, 2, all, merged, strides);
  int64_t index[FK_MAX_RANK] = {0};
  const int64_t n = merged[axes - 1], si = strides[0][axes - 1], so = strides[1][axes - 1];
  do {
    const T *in = (const T *)inv + FN(offset)(axes, index, strides[0]);
    T *out = (T *)outv + FN(offset)(axes, index, strides[1]);
    if (si == 1 && so == 1 && n >= 16)
      memcpy(out, in, sizeof(T) * (size_t)n);
    else
      for (int64_t i = 0; i < n; i++) out[i * so] = in[i * si];
  } while (FN(advance)(axes, merged, index));
}

// Long sums run in blocks whose totals are added in Double.
static T FN(sum_run)(int64_t n, const T *x) {
  double total = 0;
  while (n > 0) {
    const int64_t length = n < 1024 ? n : 1024;
    T part = 0;
    {
#pragma clang fp reassociate(on)
      for (int64_t i = 0; i < length; i++) part += x[i];
    }
    if (length == n && total == 0) return part;
    total += (double)part;
    x += length;
    n -= length;
  }
  return (T)total;
}

static void FN(add_strided)(int64_t rank, const int64_t *shape, const int64_t *out_strides,
                            const void *inv, void *outv) {
  if (FN(is_empty)(rank, shape)) return;
  int64_t dense[FK_MAX_RANK], merged[FK_MAX_RANK], strides[2][FK_MAX_RANK];
  FN(dense_strides)(rank, shape, dense);
  const int64_t *const all[2] = {out_strides, dense};
  const int64_t axes = FN(collapse)(rank, shape, 2, all, merged, strides);
  int64_t index[FK_MAX_RANK] = {0};
  const T *in = inv;
  const int64_t n = merged[axes - 1], so = strides[0][axes - 1];
  do {
    T *out = (T *)outv + FN(offset)(axes, index, strides[0]);
    if (so == 0 && n < 8) {
      T sum = in[0];
      for (int64_t i = 1; i < n; i++) sum += in[i];
      *out += sum;
    } else if (so == 0)
      *out += FN(sum_run)(n, in);
    else if (so == 1)
      for (int64_t i = 0; i < n; i++) out[i] += in[i];
    else
      for (int64_t i = 0; i < n; i++) out[i * so] += in[i];
    in += n;
  } while (FN(advance)(axes, merged, index));
}

static void FN(max_axis)(int64_t outer, int64_t axis, int64_t inner, const void *inv, void *outv,
                         int64_t *indices) {
  const T *in = inv;
  T *out = outv;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      T best = in[o * axis * inner + i];
      int64_t at = 0;
      for (int64_t a = 1; a < axis; a++) {
        const T x = in[(o * axis + a) * inner + i];
        if (x > best || (x != x && best == best)) {
          best = x;
          at = a;
        }
      }
      out[o * inner + i] = best;
      indices[o * inner + i] = at;
    }
}

static void FN(select)(int64_t n, const void *maskv, const void *av, const void *bv, void *outv) {
  const T *restrict mask = maskv, *restrict a = av, *restrict b = bv;
  T *restrict out = outv;
  for (int64_t i = 0; i < n; i++) out[i] = mask[i] != 0 ? a[i] : b[i];
}

static void FN(add_scaled)(int64_t n, double scale_value, const void *xv, void *yv) {
  const T *restrict x = xv;
  T *restrict y = yv;
  const T scale = (T)scale_value;
  for (int64_t i = 0; i < n; i++) y[i] += scale * x[i];
}

static void FN(fill)(int64_t n, double value, void *yv) {
  T *y = yv;
  const T v = (T)value;
  for (int64_t i = 0; i < n; i++) y[i] = v;
}

static void FN(sum)(int64_t n, const void *xv, double *out) {
  *out = 0;
  for (int64_t i = 0; i < n; i += 1024)
    *out += (double)FN(sum_run)(n - i < 1024 ? n - i : 1024, (const T *)xv + i);
}

static void FN(sum_squares)(int64_t n, const void *xv, double *out) {
  const T *x = xv;
  double total = 0;
  for (int64_t i = 0; i < n; i += 1024) {
    const int64_t end = i + 1024 < n ? i + 1024 : n;
    double part = 0;
    {
#pragma clang fp reassociate(on)
      for (int64_t j = i; j < end; j++) part += (double)x[j] * (double)x[j];
    }
    total += part;
  }
  *out = total;
}
