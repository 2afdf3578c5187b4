// Gradients of staircase networks. That by an input is a sum over the outputs that see it, which
// are the last ones; that by a weight is a product along the rows of the data.

// MARK: - By the inputs

static void FN(stair_backward_activation)(fk_activation activation, T slope, int64_t units,
                                          unsigned vectors, int64_t stride, const T *y, T *g) {
#define FK_EACH(kind)                                                                              \
  case kind:                                                                                       \
    for (int64_t u = 0; u < units; u++) {                                                          \
      T *restrict out = g + u * stride;                                                            \
      const T *restrict values = y + u * stride;                                                   \
      FK_EACH_IN_RUN out[i] = FN(before_activation)(kind, slope, out[i], values[i]);               \
    }                                                                                              \
    break;
  switch (activation) {
    FK_EACH(FK_TANH)
    FK_EACH(FK_SIGMOID)
    FK_EACH(FK_ELU)
    FK_EACH(FK_SOFTPLUS)
  default: break;
  }
#undef FK_EACH
}

// d [in, stride] from g [out, stride]; h are the outputs of the activation before the layer, null
// where there is none.
static void FN(stair_input_gradient)(const fk_staircase *n, int64_t layer, const T *prepared,
                                     int64_t stride, const T *g, const T *h, T *d) {
  const int64_t in = n->network.widths[layer], out = n->network.widths[layer + 1];
  const fk_stair_layout at = fk_stair_layout_of(n, layer);
  const fk_stair_group *groups = (const fk_stair_group *)(prepared + at.inputs);
  FN(stair) t = {.row = out,
                 .stride = stride,
                 .activation = h ? n->network.activation : FK_IDENTITY,
                 .slope = (T)n->network.slope};
  int vectors;
  for (int64_t c = 0; c < stride; c += vectors * FK_LANES) {
    vectors = FN(stair_vectors)((stride - c) / FK_LANES);
    const FN(stair_blocks) blocks = FN(stair_kernels)[vectors - 1];
    const fk_stair_group *group = groups;
    for (int64_t i = 0; i < in; i += group->count, group++) {
      const int64_t first = out - group->length;
      T *to = d + i * stride + c;
      t.k = group->length;
      t.outputs = h ? h + i * stride + c : NULL;
      blocks(group->count, &t, prepared + at.by_input + i * out + first, g + first * stride + c,
             to);
      FN(stair_backward_activation)(t.activation, t.slope, group->count, (unsigned)vectors, stride,
                                    t.outputs, to);
    }
  }
}

// MARK: - By the weights
//
// Both factors lie along the contraction. Instead of transposing one of them, a vector holds 16
// bytes of rows from each of some inputs, and meets 16 bytes of rows of one output, repeated. What
// is left in the end is a sum over the lanes of 16 bytes, which happens for four outputs at once
// and leaves them side by side.

enum {
  FN(chunk) = 16 / (int)sizeof(T),         // rows in 16 bytes
  FN(chunks) = FK_VECTOR_BYTES / 16,       // inputs in a vector
  FN(stair_most) = FK_VECTORS > 2 ? 6 : 2  // vectors of inputs that four outputs meet at once
};

// Inputs [in, stride] in groups: [groups, stride / chunk, chunks, chunk]. Inputs of the last group
// that are not there repeat the last one. Where a vector is a chunk, they lie so already.
FK_INLINE void FN(stair_interleave)(int64_t in, int64_t stride, const T *x, T *out) {
  typedef int64_t words __attribute__((ext_vector_type(FK_VECTOR_BYTES / 8)));
  for (int64_t i = 0; i < in; i += FN(chunks)) {
    const T *from[FN(chunks)];
    for (int64_t j = 0; j < FN(chunks); j++) from[j] = x + (i + j < in ? i + j : in - 1) * stride;
    for (int64_t r = 0; r < stride; r += FK_LANES) {
#define WORDS(j) __builtin_bit_cast(words, LOAD(from[j] + r))
#define PUT(j, w) STORE(out + (j) * FK_LANES, __builtin_bit_cast(V, w))
#if FK_VECTOR_BYTES == 64
      const words a = WORDS(0), b = WORDS(1), c = WORDS(2), d = WORDS(3);
      const words ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
      const words cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 8, 9, 10, 11);
      const words ef = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
      const words gh = __builtin_shufflevector(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
      PUT(0, __builtin_shufflevector(ab, cd, 0, 1, 4, 5, 8, 9, 12, 13));
      PUT(1, __builtin_shufflevector(ab, cd, 2, 3, 6, 7, 10, 11, 14, 15));
      PUT(2, __builtin_shufflevector(ef, gh, 0, 1, 4, 5, 8, 9, 12, 13));
      PUT(3, __builtin_shufflevector(ef, gh, 2, 3, 6, 7, 10, 11, 14, 15));
#elif FK_VECTOR_BYTES == 32
      const words a = WORDS(0), b = WORDS(1);
      PUT(0, __builtin_shufflevector(a, b, 0, 1, 4, 5));
      PUT(1, __builtin_shufflevector(a, b, 2, 3, 6, 7));
#else
      const words a = WORDS(0);
      PUT(0, a);
#endif
#undef PUT
#undef WORDS
      out += FK_LANES * FN(chunks);
    }
  }
}

// In each chunk: of a and b in turn, the first halves, and the second ones.
#if FK_VECTOR_BYTES == 64
#define FK_CHUNK_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define FK_CHUNK_HIGH(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define FK_QUARTERS_LOW(a, b)                                                                      \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define FK_QUARTERS_HIGH(a, b)                                                                     \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#elif FK_VECTOR_BYTES == 32
#define FK_CHUNK_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define FK_CHUNK_HIGH(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#define FK_QUARTERS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define FK_QUARTERS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#else
#define FK_CHUNK_LOW(a, b) __builtin_shufflevector(a, b, 0, 2)
#define FK_CHUNK_HIGH(a, b) __builtin_shufflevector(a, b, 1, 3)
#define FK_QUARTERS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define FK_QUARTERS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

// The sums of four outputs' vectors over each chunk: out [chunks, 4].
FK_INLINE void FN(stair_fold)(V a, V b, V c, V d, T *out) {
#if FK_IS_FLOAT
  typedef int64_t words __attribute__((ext_vector_type(FK_VECTOR_BYTES / 8)));
  const words ab = __builtin_bit_cast(words, FK_QUARTERS_LOW(a, b) + FK_QUARTERS_HIGH(a, b));
  const words cd = __builtin_bit_cast(words, FK_QUARTERS_LOW(c, d) + FK_QUARTERS_HIGH(c, d));
  STORE(out, __builtin_bit_cast(V, FK_CHUNK_LOW(ab, cd)) +
                 __builtin_bit_cast(V, FK_CHUNK_HIGH(ab, cd)));
#else
  T pairs[2][FK_LANES];
  STORE(pairs[0], FK_CHUNK_LOW(a, b) + FK_CHUNK_HIGH(a, b));
  STORE(pairs[1], FK_CHUNK_LOW(c, d) + FK_CHUNK_HIGH(c, d));
  FK_UNROLL_STAIR for (int i = 0; i < FN(chunks); i++) {
    memcpy(out + 4 * i, pairs[0] + 2 * i, 2 * sizeof(T));
    memcpy(out + 4 * i + 2, pairs[1] + 2 * i, 2 * sizeof(T));
  }
#endif
}

// products [vectors * chunks, 4] of inputs x, in groups `group` elements apart, and four outputs'
// gradients; where `sums` is not null, their sums over the rows.
FK_INLINE void FN(stair_patch)(const int vectors, const bool with_sums, int64_t stride,
                               const T *const g[4], const T *x, T *products, T *sums) {
  const T *g0 = g[0], *g1 = g[1], *g2 = g[2], *g3 = g[3];
  const int64_t group = stride * FN(chunks);
  V sum[FN(stair_most)][4], total[4];
  FK_UNROLL_STAIR for (int r = 0; r < 4; r++) {
    total[r] = (V)(0);
    FK_UNROLL_STAIR for (int v = 0; v < vectors; v++) sum[v][r] = (V)(0);
  }
  for (int64_t s = 0; s < stride; s += FN(chunk)) {
    V right[FN(stair_most)];
    FK_UNROLL_STAIR for (int v = 0; v < vectors; v++) right[v] = LOAD(x + v * group);
    FK_UNROLL_STAIR for (int r = 0; r < 4; r++) {
      const T *at = r == 0 ? g0 : (r == 1 ? g1 : (r == 2 ? g2 : g3));
      const V left = FN(repeated)(FN(chunk), at + s);
      FK_UNROLL_STAIR for (int v = 0; v < vectors; v++)
        sum[v][r] = left * right[v] + sum[v][r];
      if (with_sums) total[r] += left;
    }
    x += FK_LANES;
  }
  FK_UNROLL_STAIR for (int v = 0; v < vectors; v++)
    FN(stair_fold)(sum[v][0], sum[v][1], sum[v][2], sum[v][3], products + v * 4 * FN(chunks));
  if (with_sums) {
    T folded[4 * FN(chunks)];
    FN(stair_fold)(total[0], total[1], total[2], total[3], folded);
    memcpy(sums, folded, 4 * sizeof(T));
  }
}

static void FN(stair_patches)(int vectors, int64_t stride, const T *const g[4], const T *x,
                              T *products, T *sums) {
#define FK_CASE(vectors)                                                                           \
  case vectors:                                                                                    \
    if (sums)                                                                                      \
      FN(stair_patch)(vectors, true, stride, g, x, products, sums);                                \
    else                                                                                           \
      FN(stair_patch)(vectors, false, stride, g, x, products, sums);                               \
    break;
  switch (vectors) {
    FK_CASE(0)
    FK_CASE(1)
    FK_CASE(2)
#if FK_VECTORS > 2
    FK_CASE(3)
    FK_CASE(4)
    FK_CASE(5)
  case 6: FN(stair_patch)(6, false, stride, g, x, products, sums); break;
#endif
  }
#undef FK_CASE
}

// gradient [in, out] += x g' within the extents, and sums [out] += the sums of g over the rows;
// each may be null. x is interleaved.
static void FN(stair_weight_gradient)(const fk_staircase *n, int64_t layer, int64_t stride,
                                      const T *x, const T *g, T *gradient, T *sums) {
  const int64_t out = n->network.widths[layer + 1];
  typedef T quad __attribute__((ext_vector_type(4), aligned(sizeof(T))));
  T products[FN(stair_most) * FN(chunks) * 4], added[4];
  for (int64_t j = 0; j < out; j += 4) {
    const int64_t count = out - j < 4 ? out - j : 4;
    const T *rows[4];
    int64_t extents[4];
    for (int64_t r = 0; r < 4; r++) {
      const int64_t unit = r < count ? j + r : out - 1;
      rows[r] = g + unit * stride;
      extents[r] = fk_stair_extent(n, layer, unit);
    }
    const int64_t groups = gradient ? (extents[3] + FN(chunks) - 1) / FN(chunks) : 0;
    bool wants_sums = sums != NULL;
    for (int64_t from = 0; from < groups || wants_sums;) {
      // The sums take registers too.
      const int64_t most = FN(stair_most) - (wants_sums && FN(stair_most) > 2);
      const int64_t parts = (groups - from + most - 1) / most;
      const int64_t vectors = parts > 0 ? (groups - from + parts - 1) / parts : 0;
      FN(stair_patches)((int)vectors, stride, rows, x + from * FN(chunks) * stride, products,
                        wants_sums ? added : NULL);
      if (wants_sums)
        for (int64_t r = 0; r < count; r++) sums[j + r] += added[r];
      wants_sums = false;
      const T *product = products;
      const int64_t first = from * FN(chunks), last = first + vectors * FN(chunks);
      const int64_t end = last < extents[3] ? last : extents[3];
      const int64_t full = count < 4 ? first : (end < extents[0] ? end : extents[0]);
      int64_t i = first;
      for (; i < full; i++, product += 4) {
        quad *to = (quad *)(gradient + i * out + j);
        *to += *(const quad *)product;
      }
      for (; i < end; i++, product += 4)
        for (int64_t r = 0; r < count; r++)
          if (i < extents[r]) gradient[i * out + j + r] += product[r];
      from += vectors;
    }
  }
}

// MARK: - All of it

static void FN(staircase_backward)(const fk_staircase *n, const void *preparedv, int64_t stride,
                                   const void *xv, const void *savedv, const void *gy, void *gx,
                                   const fk_network_gradient *gradient) {
  if (stride == 0) return;
  const T *prepared = preparedv, *saved = savedv, *g = gy;
  const fk_network *network = &n->network;
  const fk_network_gradient none = {{NULL}, {NULL}}, *to = gradient ? gradient : &none;
  int64_t widest = network->widths[0];
  for (int64_t l = 1; l < network->layers; l++)
    if (network->widths[l] > widest) widest = network->widths[l];
  const int64_t part = (widest + FN(chunks) - 1) / FN(chunks) * FN(chunks) * stride;
  const size_t bytes = sizeof(T) * 3 * (size_t)part;
  T *scratch = fk_allocate(bytes);
  for (int64_t l = network->layers - 1; l >= 0; l--) {
    const T *h = l == 0 ? xv : saved + fk_stair_saved_offset(n, stride, l - 1);
    if (to->weights[l] || to->biases[l]) {
      const T *interleaved = h;
      if (to->weights[l] && FN(chunks) > 1) {
        FN(stair_interleave)(network->widths[l], stride, h, scratch + 2 * part);
        interleaved = scratch + 2 * part;
      }
      FN(stair_weight_gradient)(n, l, stride, interleaved, g, to->weights[l], to->biases[l]);
    }
    if (l == 0 && !gx) break;
    T *d = l == 0 ? gx : scratch + l % 2 * part;
    FN(stair_input_gradient)(n, l, prepared, stride, g, l == 0 ? NULL : h, d);
    g = d;
  }
  fk_deallocate(scratch, bytes);
}
