// Staircase networks: masked networks whose units are sorted by degree, so that each output sees
// the first so many inputs. Activations lie feature by feature, [units, stride], with the rows of
// the data along the vectors: a block of units is then a plain product that just ends where the
// longest of their prefixes does, and the inner loop needs no masks. What a block reads beyond the
// prefix of one of its units is a zero that prepare has put there.
//
// All vectors are whole, since `stride` is a multiple of 16. An element is the sum in the order of
// the contraction, whatever its block: a row's results do not depend on its neighbours.

static void FN(staircase_prepare)(const fk_staircase *n, void *preparedv) {
  for (int64_t l = 0; l < n->network.layers; l++) {
    const int64_t in = n->network.widths[l], out = n->network.widths[l + 1];
    const fk_stair_layout at = fk_stair_layout_of(n, l);
    const T *weights = n->network.weights[l];
    T *prepared = preparedv;
    T *by_output = prepared + at.by_output, *by_input = prepared + at.by_input;
    const size_t bytes = sizeof(int64_t) * (size_t)(in + out + 1);
    int64_t *lengths = fk_allocate(bytes);
    FN(transpose)(in, out, weights, by_output);
    for (int64_t j = 0; j < out; j++) {
      lengths[j] = fk_stair_extent(n, l, j);
      memset(by_output + j * in + lengths[j], 0, sizeof(T) * (size_t)(in - lengths[j]));
    }
    fk_stair_groups(out, lengths, (fk_stair_group *)(prepared + at.outputs));
    fk_stair_input_lengths(n, l, lengths);
    for (int64_t i = 0; i < in; i++) {
      const int64_t first = out - lengths[i];
      memset(by_input + i * out, 0, sizeof(T) * (size_t)first);
      memcpy(by_input + i * out + first, weights + i * out + first,
             sizeof(T) * (size_t)lengths[i]);
    }
    fk_stair_groups(in, lengths, (fk_stair_group *)(prepared + at.inputs));
    fk_deallocate(lengths, bytes);
  }
}

typedef struct {
  int64_t k, row;          // contraction length; weights from one unit of the block to the next
  int64_t stride;
  const T *bias;           // of each unit of the block; null: none
  fk_activation activation;
  T slope;
  const T *outputs;        // not null: lies as the result, which is turned into the gradient before
                           // the activation that had these outputs
} FN(stair);

#define FK_EACH_VECTOR                                                                             \
  FK_UNROLL_STAIR for (int r = 0; r < rows; r++) FK_UNROLL_STAIR for (int v = 0; v < vectors; v++)
#define FK_UNROLL_STAIR _Pragma("clang loop unroll(full)")

FK_INLINE void FN(stair_block)(const int rows, const int vectors, const FN(stair) * t, const T *a,
                               const T *b, T *c) {
  const int64_t row = t->row, stride = t->stride;
  V sum[12][FK_VECTORS];
  if (t->bias)
    FK_EACH_VECTOR sum[r][v] = (V)(t->bias[r]);
  else
    FK_EACH_VECTOR sum[r][v] = (V)(0);
  // Base pointers three units apart, so that every address is base + {0, 1, 2} * row.
  const T *base[4] = {a, a + (rows > 3 ? 3 : 0) * row, a + (rows > 6 ? 6 : 0) * row,
                      a + (rows > 9 ? 9 : 0) * row};
  for (int64_t k = 0; k < t->k; k++) {
    V right[FK_VECTORS];
    FK_UNROLL_STAIR for (int v = 0; v < vectors; v++) right[v] = LOAD(b + v * FK_LANES);
    FK_UNROLL_STAIR for (int r = 0; r < rows; r++) {
      const V left = (V)(base[r / 3][(r % 3) * row]);
      FK_UNROLL_STAIR for (int v = 0; v < vectors; v++) sum[r][v] = left * right[v] + sum[r][v];
    }
    FK_UNROLL_STAIR for (int i = 0; i < 4; i++) base[i]++;
    b += stride;
  }
  // Those that take a few instructions happen here. In this order of comparisons NaN passes.
  const T slope = t->slope, *y = t->outputs;
#define FK_MAP(expression)                                                                         \
  FK_EACH_VECTOR {                                                                                 \
    const V x = sum[r][v];                                                                         \
    sum[r][v] = (expression);                                                                      \
  }
  if (y && t->activation == FK_RELU)
    FK_MAP(LOAD(y + r * stride + v * FK_LANES) > 0 ? x : (V)(0))
  else if (y && t->activation == FK_LEAKY_RELU)
    FK_MAP(LOAD(y + r * stride + v * FK_LANES) > 0 ? x : x * slope)
  else if (!y && t->activation == FK_RELU)
    FK_MAP(x < 0 ? (V)(0) : x)
  else if (!y && t->activation == FK_LEAKY_RELU && slope > 0 && slope <= 1)
    FK_MAP(x > x * slope ? x : x * slope)  // the same as below, as a maximum
  else if (!y && t->activation == FK_LEAKY_RELU)
    FK_MAP(x > 0 ? x : x * slope)
#undef FK_MAP
  FK_EACH_VECTOR STORE(c + r * stride + v * FK_LANES, sum[r][v]);
}

#define FK_CASE(rows, vectors)                                                                     \
  case rows: FN(stair_block)(rows, vectors, t, a, b, c); break;
#define FK_CASES(vectors)                                                                          \
  FK_CASE(1, vectors)                                                                              \
  FK_CASE(2, vectors)                                                                              \
  FK_CASE(3, vectors)                                                                              \
  FK_CASE(4, vectors)                                                                              \
  FK_CASE(5, vectors)                                                                              \
  FK_CASE(6, vectors)
#define FK_BLOCKS(name, vectors, more)                                                             \
  static void FN(name)(int rows, const FN(stair) * t, const T *a, const T *b, T *c) {              \
    switch (rows) { FK_CASES(vectors) more }                                                       \
  }
// One vector leaves room for twice the units, which a few rows alone ask for.
#define FK_MORE                                                                                    \
  FK_CASE(7, 1)                                                                                    \
  FK_CASE(8, 1)                                                                                    \
  FK_CASE(9, 1)                                                                                    \
  FK_CASE(10, 1)                                                                                   \
  FK_CASE(11, 1)                                                                                   \
  FK_CASE(12, 1)
FK_BLOCKS(stair_blocks_1, 1, FK_MORE)
FK_BLOCKS(stair_blocks_2, 2, )
#if FK_VECTORS > 2
FK_BLOCKS(stair_blocks_3, 3, )
FK_BLOCKS(stair_blocks_4, 4, )
#endif
#undef FK_BLOCKS
#undef FK_MORE
#undef FK_CASES
#undef FK_CASE
#undef FK_EACH_VECTOR

typedef void (*FN(stair_blocks))(int, const FN(stair) *, const T *, const T *, T *);
#if FK_VECTORS > 2
static const FN(stair_blocks) FN(stair_kernels)[] = {FN(stair_blocks_1), FN(stair_blocks_2),
                                                     FN(stair_blocks_3), FN(stair_blocks_4)};
#else
static const FN(stair_blocks) FN(stair_kernels)[] = {FN(stair_blocks_1), FN(stair_blocks_2)};
#endif

// Vectors of the next panel of rows where `left` are left, so that panels are nearly even.
FK_INLINE int FN(stair_vectors)(int64_t left) {
  const int64_t panels = (left + FK_VECTORS - 1) / FK_VECTORS;
  return (int)((left + panels - 1) / panels);
}

// Activations that take many instructions, on `vectors` vectors of some units, still in cache.
static void FN(stair_activate)(fk_activation activation, T slope, int64_t units, unsigned vectors,
                               int64_t stride, T *y) {
#define FK_EACH(expression)                                                                        \
  for (int64_t u = 0; u < units; u++) {                                                            \
    T *restrict out = y + u * stride;                                                              \
    FK_EACH_IN_RUN {                                                                               \
      const T x = out[i];                                                                          \
      out[i] = (expression);                                                                       \
    }                                                                                              \
  }                                                                                                \
  break;
  switch (activation) {
  case FK_TANH: FK_EACH(FN(tanh)(x))
  case FK_SIGMOID: FK_EACH(FN(sigmoid)(x))
  case FK_ELU: FK_EACH(x > 0 ? x : slope * FN(expm1)(x))
  case FK_SOFTPLUS: FK_EACH(FN(softplus)(x))
  default: break;
  }
#undef FK_EACH
}

// The activation after a layer: none after the last.
FK_INLINE fk_activation FN(stair_activation)(const fk_staircase *n, int64_t layer) {
  return layer + 1 < n->network.layers ? n->network.activation : FK_IDENTITY;
}

static void FN(stair_layer)(const fk_staircase *n, int64_t layer, const T *prepared, int64_t stride,
                            const T *x, T *y) {
  const int64_t in = n->network.widths[layer], out = n->network.widths[layer + 1];
  const fk_stair_layout at = fk_stair_layout_of(n, layer);
  const fk_stair_group *groups = (const fk_stair_group *)(prepared + at.outputs);
  const T *bias = n->network.biases[layer];
  FN(stair) t = {.row = in,
                 .stride = stride,
                 .activation = FN(stair_activation)(n, layer),
                 .slope = (T)n->network.slope};
  int vectors;
  for (int64_t c = 0; c < stride; c += vectors * FK_LANES) {
    vectors = FN(stair_vectors)((stride - c) / FK_LANES);
    const FN(stair_blocks) blocks = FN(stair_kernels)[vectors - 1];
    const fk_stair_group *group = groups;
    for (int64_t j = 0; j < out; j += group->count, group++) {
      t.k = group->length;
      t.bias = bias ? bias + j : NULL;
      blocks(group->count, &t, prepared + at.by_output + j * in, x + c, y + j * stride + c);
      FN(stair_activate)(t.activation, t.slope, group->count, (unsigned)vectors, stride,
                         y + j * stride + c);
    }
  }
}

static void FN(staircase_forward)(const fk_staircase *n, const void *prepared, int64_t stride,
                                  const void *xv, void *saved, void *y) {
  const T *x = xv;
  for (int64_t l = 0; l < n->network.layers; l++) {
    T *to = l + 1 == n->network.layers ? y : (T *)saved + fk_stair_saved_offset(n, stride, l);
    FN(stair_layer)(n, l, prepared, stride, x, to);
    x = to;
  }
}

// Only what the units see is read at all, since the rest may not be there yet: blocks end where
// the extents change.
static void FN(staircase_units)(const fk_staircase *n, const void *preparedv, int64_t stride,
                                int64_t layer, int64_t from, int64_t to, const void *input,
                                void *output) {
  const int64_t in = n->network.widths[layer];
  const T *prepared = preparedv, *x = input, *bias = n->network.biases[layer];
  T *y = output;
  const T *weights = prepared + fk_stair_layout_of(n, layer).by_output;
  FN(stair) t = {.row = in,
                 .stride = stride,
                 .activation = FN(stair_activation)(n, layer),
                 .slope = (T)n->network.slope};
  int vectors;
  for (int64_t c = 0; c < stride; c += vectors * FK_LANES) {
    vectors = FN(stair_vectors)((stride - c) / FK_LANES);
    const int most = vectors == 1 ? 12 : FK_ROWS;
    int64_t count;
    for (int64_t j = from, end = from; j < to; j += count) {
      t.k = fk_stair_extent(n, layer, j);
      while (end <= j || (end < to && fk_stair_extent(n, layer, end) == t.k)) end++;
      const int64_t blocks = (end - j + most - 1) / most;
      count = (end - j + blocks - 1) / blocks;
      t.bias = bias ? bias + j : NULL;
      FN(stair_kernels)[vectors - 1]((int)count, &t, weights + j * in, x + c, y + j * stride + c);
      FN(stair_activate)(t.activation, t.slope, count, (unsigned)vectors, stride,
                         y + j * stride + c);
    }
  }
}
