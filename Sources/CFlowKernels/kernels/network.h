// Whole perceptrons. Backward, the derivative of a (leaky) ReLU and the sums of its columns are
// taken while the product that makes them is in registers; other activations have a pass of their
// own.

static void FN(network_prepare)(const fk_network *n, void *preparedv) {
  T *prepared = preparedv;
  for (int64_t l = 0; l < n->layers; l++)
    FN(transpose)(n->widths[l], n->widths[l + 1], n->weights[l],
                  prepared + fk_network_transposed_offset(n, l));
}

static int64_t FN(widest_hidden)(const fk_network *n) {
  int64_t widest = 0;
  for (int64_t l = 1; l < n->layers; l++)
    if (n->widths[l] > widest) widest = n->widths[l];
  return widest;
}

// C = activation(A B + bias), given B and B transposed: narrow results read the latter. Which
// kernel runs, and so the rounding of a row, does not depend on how many rows there are.
static void FN(layer)(int64_t rows, int64_t columns, int64_t k, const void *a, const void *b,
                      const void *transposed, void *c, const void *bias, fk_activation activation,
                      double slope) {
  const bool narrow = columns <= FK_LANES / 2;
  FN(matmul)(narrow ? FK_FORM_NT : FK_FORM_NN, rows, columns, k, a, narrow ? transposed : b, c,
             bias, activation, slope, false);
}

static void FN(forward_rows)(const fk_network *n, const T *prepared, int64_t rows, const T *x,
                             T *saved, T *y) {
  const int64_t last = n->layers - 1;
  for (int64_t l = 0; l <= last; l++) {
    T *out = l == last ? y : saved + fk_network_hidden_offset(n, rows, l);
    FN(layer)(rows, n->widths[l + 1], n->widths[l], x, n->weights[l],
              prepared + fk_network_transposed_offset(n, l), out, n->biases[l],
              l == last ? FK_IDENTITY : n->activation, n->slope);
    x = out;
  }
}

static void FN(network_forward)(const fk_network *n, const void *prepared, int64_t rows,
                                const void *xv, void *saved, void *yv) {
  const T *x = xv;
  T *y = yv;
  if (saved && rows > 0) FN(forward_rows)(n, prepared, rows, x, saved, y);
  if (saved || rows == 0) return;
  // What is not kept stays in cache.
  const int64_t most = 256, tiles = (rows + most - 1) / most;
  const int64_t largest = (rows + tiles - 1) / tiles;
  const size_t bytes = sizeof(T) * (size_t)fk_network_saved_count(n, largest);
  T *scratch = fk_allocate(bytes);
  for (int64_t i = 0; i < tiles; i++) {
    const int64_t count = rows / tiles + (i < rows % tiles);
    FN(forward_rows)(n, prepared, count, x, scratch, y);
    x += count * n->widths[0];
    y += count * n->widths[n->layers];
  }
  fk_deallocate(scratch, bytes);
}

// sums += the sums of the columns of g. Where they are few, FK_LANES rows are added at a time.
static void FN(column_sums)(int64_t rows, int64_t columns, const T *restrict g, T *restrict sums) {
  const int64_t together = columns < FK_LANES ? FK_LANES : 1, most = FK_LANES * FK_LANES;
  T total[FK_LANES * FK_LANES];
  for (int64_t c = 0; c < columns; c += most) {
    const int64_t width = columns - c < most ? columns - c : most, count = together * width;
    for (int64_t i = 0; i < count; i++) total[i] = 0;
    int64_t r = 0;
    for (; r + together <= rows; r += together)
      for (int64_t i = 0; i < count; i++) total[i] += g[r * columns + c + i];
    for (int64_t i = 0; i < together; i++)
      for (int64_t j = 0; j < width; j++) sums[c + j] += total[i * width + j];
    for (; r < rows; r++)
      for (int64_t j = 0; j < width; j++) sums[c + j] += g[r * columns + c + j];
  }
}

// d = (dz W') * activation'(h); sums (may be null) += the sums of its columns.
static void FN(through_layer)(const fk_network *n, int64_t layer, const T *transposed, int64_t rows,
                              const T *dz, const T *h, T *scratch, T *d, T *sums) {
  const int64_t in = n->widths[layer], out = n->widths[layer + 1];
  const bool rectifies = n->activation == FK_RELU || n->activation == FK_LEAKY_RELU;
  if (rectifies && in >= FK_LANES) {
    FN(tile) t = {.k = out,
                  .row = out,
                  .step = 1,
                  .activation = n->activation,
                  .slope = (T)n->slope,
                  .outputs = h,
                  .sums = sums};
    FN(product)(rows, in, &t, dz, transposed, d);
  } else {
    FN(layer)(rows, in, out, dz, transposed, n->weights[layer], scratch, NULL, FK_IDENTITY, 0);
    FN(activation_backward)(n->activation, n->slope, rows, in, scratch, h, d, sums);
  }
}

// A last layer of at most four outputs does so little with each row that reading it costs as much:
// the gradients by its weights and by its inputs come from one pass. Here for a strip of columns;
// the gradient by the weights is left transposed.
FK_INLINE void FN(head_strip)(const int outputs, const int vectors, const bool cuts, T slope,
                              int64_t rows, int64_t width, const T *g, const T *transposed,
                              const T *h, T *d, T *by_weights, T *sums) {
  V w[4][FK_VECTORS], dw[4][FK_VECTORS], total[FK_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    total[v] = (V)(0);
#pragma clang loop unroll(full)
    for (int j = 0; j < outputs; j++) {
      w[j][v] = LOAD(transposed + j * width + v * FK_LANES);
      dw[j][v] = (V)(0);
    }
  }
  for (int64_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const V y = LOAD(h + v * FK_LANES);
      V x = g[0] * w[0][v];
      dw[0][v] = g[0] * y + dw[0][v];
#pragma clang loop unroll(full)
      for (int j = 1; j < outputs; j++) {
        x = g[j] * w[j][v] + x;
        dw[j][v] = g[j] * y + dw[j][v];
      }
      x = y > 0 ? x : (cuts ? (V)(0) : x * slope);
      total[v] += x;
      STORE(d + v * FK_LANES, x);
    }
    g += outputs;
    h += width;
    d += width;
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    if (sums) STORE(sums + v * FK_LANES, LOAD(sums + v * FK_LANES) + total[v]);
#pragma clang loop unroll(full)
    for (int j = 0; j < outputs; j++) STORE(by_weights + j * width + v * FK_LANES, dw[j][v]);
  }
}

static bool FN(has_narrow_head)(const fk_network *n) {
  const int64_t width = n->widths[n->layers - 1];
  return (n->activation == FK_RELU || n->activation == FK_LEAKY_RELU) && n->layers > 1 &&
         n->widths[n->layers] <= 4 && width % FK_LANES == 0;
}

static void FN(head_backward)(const fk_network *n, const T *transposed, int64_t rows, const T *g,
                              const T *h, T *d, T *weight_gradient, T *sums) {
  const int64_t width = n->widths[n->layers - 1], outputs = n->widths[n->layers];
  const bool cuts = n->activation == FK_RELU;
  const T slope = (T)n->slope;
  T *by_weights = fk_allocate(sizeof(T) * (size_t)(width * outputs));
  for (int64_t c = 0; c < width;) {
    const bool strip = width - c >= FK_VECTORS * FK_LANES;
#define EACH(outputs, vectors)                                                                     \
  if (cuts)                                                                                        \
    FN(head_strip)(outputs, vectors, true, slope, rows, width, g, transposed + c, h + c, d + c,    \
                   by_weights + c, sums ? sums + c : NULL);                                        \
  else                                                                                             \
    FN(head_strip)(outputs, vectors, false, slope, rows, width, g, transposed + c, h + c, d + c,   \
                   by_weights + c, sums ? sums + c : NULL);                                        \
  c += vectors * FK_LANES;
    if (outputs == 1 && strip) {
      EACH(1, FK_VECTORS)
    } else if (outputs == 1) {
      EACH(1, 1)
    } else if (outputs == 2 && strip) {
      EACH(2, FK_VECTORS)
    } else if (outputs == 2) {
      EACH(2, 1)
    } else if (outputs == 3 && strip) {
      EACH(3, FK_VECTORS / 2)
    } else if (outputs == 3) {
      EACH(3, 1)
    } else if (strip) {
      EACH(4, FK_VECTORS / 2)
    } else {
      EACH(4, 1)
    }
#undef EACH
  }
  FN(transpose_narrow)(width, outputs, by_weights, weight_gradient, true);
  fk_deallocate(by_weights, sizeof(T) * (size_t)(width * outputs));
}

static void FN(network_backward)(const fk_network *n, const void *preparedv, int64_t rows,
                                 const void *x, const void *savedv, const void *gy, void *gx,
                                 const fk_network_gradient *gradient) {
  if (rows == 0) return;
  const T *prepared = preparedv, *saved = savedv, *dz = gy;
  const fk_network_gradient none = {{NULL}, {NULL}}, *to = gradient ? gradient : &none;
  const int64_t part = fk_network_aligned(rows * FN(widest_hidden)(n));
  T *scratch = fk_allocate(sizeof(T) * 3 * (size_t)part);
  if (to->biases[n->layers - 1])
    FN(column_sums)(rows, n->widths[n->layers], dz, to->biases[n->layers - 1]);
  for (int64_t l = n->layers - 1; l >= 0; l--) {
    const int64_t in = n->widths[l], out = n->widths[l + 1];
    const T *h = l == 0 ? x : saved + fk_network_hidden_offset(n, rows, l - 1);
    const T *transposed = prepared + fk_network_transposed_offset(n, l);
    T *d = scratch + l % 2 * part, *sums = l > 0 ? to->biases[l - 1] : NULL;
    const bool one_pass = l == n->layers - 1 && to->weights[l] && FN(has_narrow_head)(n);
    if (to->weights[l] && !one_pass)
      FN(matmul)(FK_FORM_TN, in, out, rows, h, dz, to->weights[l], NULL, FK_IDENTITY, 0, true);
    if (one_pass) {
      FN(head_backward)(n, transposed, rows, dz, h, d, to->weights[l], sums);
    } else if (l > 0) {
      FN(through_layer)(n, l, transposed, rows, dz, h, scratch + 2 * part, d, sums);
    } else if (gx) {
      FN(layer)(rows, in, out, dz, transposed, n->weights[l], gx, NULL, FK_IDENTITY, 0);
    }
    dz = d;
  }
  fk_deallocate(scratch, sizeof(T) * 3 * (size_t)part);
}
