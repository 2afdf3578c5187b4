// Perceptrons of one input with two hidden layers of (leaky) ReLU. Such a network is a continuous,
// piecewise linear function of its input x. The first layer bends at x = -b/w of each unit; between
// two such thresholds the second layer is A x + B, whose units bend where that is zero. So
// `prepare` finds all bends once for given weights, and then a row costs a search and one
// multiply-add, whatever the widths. The derivatives by the weights need of the rows only the sums
// of g and g x on each piece: `finish` (piecewise_gradient.h) turns those into gradients, once for
// all rows.
//
// Tables are made in double for every scalar type, so that the values are as exact as those of
// the products they replace. The second layer is taken in blocks of columns, whose sums stay in
// registers on the way along x and whose tables are small.

enum { FN(band) = FK_VECTOR_BYTES == 64 ? 32 : 8, FN(band_bytes) = FN(band) / 8 };

typedef double FN(column_block) __attribute__((ext_vector_type(FN(band)), aligned(8)));
typedef int64_t FN(column_choice) __attribute__((ext_vector_type(FN(band))));
typedef bool FN(column_bits) __attribute__((ext_vector_type(FN(band))));
typedef T FN(column_weights) __attribute__((ext_vector_type(FN(band)), aligned(sizeof(T))));
#if FK_VECTOR_BYTES == 64
typedef double FN(sixteen) __attribute__((ext_vector_type(16)));
#endif
typedef double FN(eight) __attribute__((ext_vector_type(8)));
typedef double FN(four) __attribute__((ext_vector_type(4)));
typedef double FN(pair) __attribute__((ext_vector_type(2), aligned(8)));

#define FK_COLUMNS(p) (*(FN(column_block) *)(p))
#define FK_AS_COLUMNS(p)                                                                           \
  __builtin_convertvector(*(const FN(column_weights) *)(p), FN(column_block))
#define FK_PAIR(p) (*(FN(pair) *)(p))

typedef struct {
  fk_piecewise_head *head;
  T *keys;          // a search tree: level 0 are the bounds, ascending, then infinity
  T *lines;         // [pieces, outputs, 2]: slope, intercept
  int32_t *units;   // [pieces - 1]: what bends there: unit i of the second layer; of the first,
                    // threshold k as -1 - k
  int32_t *order;   // of the first layer's units by threshold
  uint32_t *active; // [pieces, stride]: bits of the second layer's units, 1 where they are positive
  int64_t stride;
} FN(piecewise_parts);

static FN(piecewise_parts) FN(piecewise_layout)(const fk_network *n, void *prepared) {
  const int64_t most = fk_piecewise_most(n), outputs = n->widths[3];
  FN(piecewise_parts) p;
  p.head = prepared;
  p.keys = (T *)(p.head + 1);
  p.lines = p.keys + fk_piecewise_keys(most);
  p.units = (int32_t *)(p.lines + most * outputs * 2);
  p.order = p.units + most;
  p.active = (uint32_t *)(p.order + n->widths[1]);
  p.stride = fk_piecewise_active(n);
  return p;
}

// Both hidden layers and the last one's weights, in double but for the second's.
typedef struct {
  int64_t units, padded;         // of the first layer; of the second, up to whole blocks
  double slope;
  double *w, *b;                 // of the first layer's units in ascending order of threshold
  double *left, *right;          // their derivative on each side
  double *bias;                  // of the second layer
  double *last;                  // [outputs, padded]
  const T *weights;              // [units, padded] of the second layer, zero where padded
} FN(piecewise_layers);

static size_t FN(layers_bytes)(const fk_network *n) {
  const size_t h1 = (size_t)n->widths[1], outputs = (size_t)n->widths[3];
  const size_t padded = 32 * (size_t)fk_piecewise_active(n);
  return 8 * (4 * h1 + padded * (h1 + 1 + outputs));
}

static void FN(layers_start)(FN(piecewise_layers) * l, const fk_network *n, const int32_t *order,
                             void *scratch) {
  const int64_t h1 = n->widths[1], h2 = n->widths[2], outputs = n->widths[3];
  const int64_t padded = (h2 + FN(band) - 1) / FN(band) * FN(band);
  const T *weight = n->weights[0], *bias = n->biases[0], *second = n->biases[1];
  const T *weights = n->weights[1], *last = n->weights[2];
  l->units = h1;
  l->padded = padded;
  l->slope = n->activation == FK_RELU ? 0 : (double)(T)n->slope;
  l->w = scratch;
  l->b = l->w + h1;
  l->left = l->b + h1;
  l->right = l->left + h1;
  l->bias = l->right + h1;
  l->last = l->bias + padded;
  for (int64_t k = 0; k < h1; k++) {
    const int64_t j = order[k];
    const double w = weight[j], b = bias ? bias[j] : 0, slope = l->slope;
    l->w[k] = w;
    l->b[k] = b;
    l->left[k] = w > 0 ? slope : w < 0 ? 1 : b > 0 ? 1 : slope;
    l->right[k] = w > 0 ? 1 : w < 0 ? slope : l->left[k];
  }
  for (int64_t i = 0; i < padded; i++) l->bias[i] = second && i < h2 ? (double)second[i] : 0;
  for (int64_t o = 0; o < outputs; o++)
    for (int64_t i = 0; i < padded; i++)
      l->last[o * padded + i] = i < h2 ? (double)last[i * outputs + o] : 0;
  l->weights = weights;
  if (padded == h2) return;
  T *copy = (T *)(l->last + outputs * padded);
  for (int64_t j = 0; j < h1; j++)
    for (int64_t i = 0; i < padded; i++) copy[j * padded + i] = i < h2 ? weights[j * h2 + i] : 0;
  l->weights = copy;
}

// Where the first layer's units bend, ascending, and whose threshold that is.
static void FN(sort_thresholds)(const fk_network *n, double *threshold, int32_t *order,
                                double *raw, int64_t *rank) {
  const int64_t h1 = n->widths[1], padded = (h1 + FN(band) - 1) / FN(band) * FN(band);
  const T *weight = n->weights[0], *bias = n->biases[0];
  for (int64_t j = 0; j < h1; j++) {
    const double t = -(double)(bias ? bias[j] : 0) / (double)weight[j];
    // A unit that does not depend on x, or is not a number, never bends.
    raw[j] = weight[j] == 0 || t != t ? INFINITY : t;
    order[j] = -1;
  }
  for (int64_t j = h1; j < padded; j++) raw[j] = 0;
  for (int64_t j = 0; j < padded; j += FN(band)) {
    const FN(column_block) own = FK_COLUMNS(raw + j);
    FN(column_choice) below = 0;
    for (int64_t i = 0; i < h1; i++) below = (FN(column_block))(raw[i]) < own ? below + 1 : below;
    memcpy(rank + j, &below, sizeof below);
  }
  for (int64_t j = 0; j < h1; j++) {
    int64_t k = rank[j];
    while (order[k] >= 0) k++;  // those of one threshold, in turn
    order[k] = (int32_t)j;
    threshold[k] = raw[j];
  }
}

FK_INLINE uint32_t FN(positive)(const FN(column_block) * x) {
  const FN(column_bits) positive = __builtin_convertvector(*x > 0, FN(column_bits));
  uint32_t bits = 0;
  memcpy(&bits, &positive, sizeof positive);
  return bits;
}

// out = yes where the bit is one, else no.
FK_INLINE void FN(pick)(uint32_t bits, const FN(column_block) * yes, const FN(column_block) * no,
                        FN(column_block) * out) {
  FN(column_bits) chosen;
  memcpy(&chosen, &bits, sizeof chosen);
  *out = -__builtin_convertvector(chosen, FN(column_choice)) ? *yes : *no;
}

// The sums of x and of y.
FK_INLINE FN(pair) FN(two_sums)(const FN(column_block) * x, const FN(column_block) * y) {
#if FK_VECTOR_BYTES == 64
  const FN(sixteen) x16 = x->lo + x->hi, y16 = y->lo + y->hi;
  const FN(eight) x8 = x16.lo + x16.hi, y8 = y16.lo + y16.hi;
#else
  const FN(eight) x8 = *x, y8 = *y;
#endif
  const FN(four) x4 = x8.lo + x8.hi, y4 = y8.lo + y8.hi;
  const FN(four) sums = __builtin_shufflevector(x4, y4, 0, 4, 2, 6) +
                        __builtin_shufflevector(x4, y4, 1, 5, 3, 7);
  return sums.lo + sums.hi;
}

// What a block of the second layer, a x + c, of which the units in `bits` are positive, adds to the
// slopes and intercepts of the outputs.
FK_INLINE void FN(block_line)(const FN(piecewise_layers) * l, int64_t base, int64_t outputs,
                              const FN(column_block) * a, const FN(column_block) * c, uint32_t bits,
                              double *line) {
  for (int64_t o = 0; o < outputs; o++) {
    const FN(column_block) w = FK_COLUMNS(l->last + o * l->padded + base), less = l->slope * w;
    FN(column_block) own;
    FN(pick)(bits, &w, &less, &own);
    const FN(column_block) slope = own * *a, intercept = own * *c;
    FK_PAIR(line + 2 * o) = FN(two_sums)(&slope, &intercept);
  }
}

// The bends of the second layer's units: lists by interval, ascending.
typedef struct {
  int32_t count, *first;        // [intervals] or -1
  int32_t *next, *unit;
  double *root;
  double *lines;                // [bends, outputs, 2]: of the unit's block, right of the bend
} FN(piecewise_bends);

// Those of one block in one interval.
static void FN(add_bends)(const FN(piecewise_layers) * l, FN(piecewise_bends) * bends, int64_t k,
                          double low, double high, int64_t base, int64_t outputs,
                          const FN(column_block) * a, const FN(column_block) * c, uint32_t bits,
                          uint32_t bending) {
  const double *slopes = (const double *)a, *intercepts = (const double *)c;
  const int32_t old = bends->count;
  for (; bending; bending &= bending - 1) {
    const int i = __builtin_ctz(bending);
    double root = -intercepts[i] / slopes[i];
    root = root > low ? (root < high ? root : high) : low;
    const int32_t own = bends->count++;
    int32_t *at = bends->first + k;
    while (*at >= 0 && bends->root[*at] <= root) at = bends->next + *at;
    bends->next[own] = *at;
    bends->root[own] = root;
    bends->unit[own] = (int32_t)(base + i);
    *at = own;
  }
  // Every line afresh, since a rest would be left of what cancels.
  for (int32_t e = bends->first[k]; e >= 0; e = bends->next[e]) {
    if (e < old) continue;
    bits ^= (uint32_t)1 << (bends->unit[e] - base);
    FN(block_line)(l, base, outputs, a, c, bits, bends->lines + (int64_t)e * 2 * outputs);
  }
}

// One block along all intervals: which of its units are positive at their left ends, what it adds
// to the lines there, and its bends.
static void FN(walk_block)(const FN(piecewise_layers) * l, const FN(piecewise_parts) * p,
                           const double *threshold, int64_t base, int64_t outputs, double *ahead,
                           uint32_t *active, double *lines, FN(piecewise_bends) * bends) {
  const int64_t h1 = l->units, blocks = l->padded / FN(band);
  const T *weights = l->weights + base;
  // Two sums that only grow, rather than one that is corrected: what cancels there would leave a
  // rest, where a ReLU network is constant. First what units with a threshold further right give.
  FN(column_block) slope = 0, intercept = 0;
  for (int64_t k = h1;; k--) {
    FK_COLUMNS(ahead + 2 * k * FN(band)) = slope;
    FK_COLUMNS(ahead + (2 * k + 1) * FN(band)) = intercept;
    if (k == 0) break;
    const double side = l->left[k - 1];
    const FN(column_block) row = FK_AS_COLUMNS(weights + p->order[k - 1] * l->padded);
    slope += side * l->w[k - 1] * row;
    intercept += side * l->b[k - 1] * row;
  }
  // Then, on the way, those that lie left, with the bias.
  slope = 0;
  intercept = FK_COLUMNS(l->bias + base);
  for (int64_t k = 0;; k++) {
    const double low = k > 0 ? threshold[k - 1] : -INFINITY;
    const double high = k < h1 ? threshold[k] : INFINITY;
    const FN(column_block) a = slope + FK_COLUMNS(ahead + 2 * k * FN(band));
    const FN(column_block) c = intercept + FK_COLUMNS(ahead + (2 * k + 1) * FN(band));
    double *line = lines + (k * blocks + base / FN(band)) * 2 * outputs;
    uint32_t bits = 0;
    if (low < high) {
      FN(column_block) first = a * low + c, last = a * high + c;
      if (low == -INFINITY) first = a != 0 ? -a : c;
      if (high == INFINITY) last = a != 0 ? a : c;
      bits = FN(positive)(&first);
      const uint32_t bending = bits ^ FN(positive)(&last);
      FN(block_line)(l, base, outputs, &a, &c, bits, line);
      if (bending) {
        const FN(column_block) kept[2] = {a, c};
        FN(add_bends)(l, bends, k, low, high, base, outputs, kept, kept + 1, bits, bending);
      }
    } else {
      memset(line, 0, sizeof(double) * (size_t)(2 * outputs));
    }
    memcpy((uint8_t *)(active + k * p->stride) + base / 8, &bits, FN(band_bytes));
    if (k == h1) break;
    const double side = l->right[k];
    const FN(column_block) row = FK_AS_COLUMNS(weights + p->order[k] * l->padded);
    slope += side * l->w[k] * row;
    intercept += side * l->b[k] * row;
  }
}

static void FN(piecewise_prepare)(const fk_network *n, void *prepared) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, prepared);
  const int64_t h1 = n->widths[1], h2 = n->widths[2], outputs = n->widths[3];
  const int64_t blocks = (h2 + FN(band) - 1) / FN(band);
  const int64_t most = (h1 + 1) * h2;  // bends of the second layer
  const size_t starting = sizeof(double) * (size_t)(2 * FN(band) * (h1 + 1));
  const size_t walking = starting + FN(layers_bytes)(n);
  const size_t doubles = (size_t)(h1 + 2 * (h1 + FN(band)) + (h1 + 1) * blocks * 2 * outputs +
                                  most * (1 + 2 * outputs));
  const size_t integers = (size_t)(2 * most + h1 + 1), words = (size_t)((h1 + 1) * p.stride);
  const size_t bytes = walking + sizeof(double) * doubles + sizeof(int32_t) * integers +
                       sizeof(uint32_t) * words;
  char *scratch = fk_allocate(bytes);
  double *ahead = (double *)scratch;  // first, where no vector lies across cache lines
  double *threshold = (double *)(scratch + walking), *raw = threshold + h1;
  int64_t *rank = (int64_t *)(raw + h1 + FN(band));
  double *lines = (double *)(rank + h1 + FN(band));
  FN(piecewise_bends) bends = {.count = 0};
  bends.root = lines + (h1 + 1) * blocks * 2 * outputs;
  bends.lines = bends.root + most;
  bends.next = (int32_t *)(bends.lines + most * 2 * outputs);
  bends.unit = bends.next + most;
  bends.first = bends.unit + most;
  uint32_t *active = (uint32_t *)(bends.first + h1 + 1);
  for (int64_t k = 0; k <= h1; k++) bends.first[k] = -1;
  FN(sort_thresholds)(n, threshold, p.order, raw, rank);
  FN(piecewise_layers) layers;
  FN(layers_start)(&layers, n, p.order, scratch + starting);
  for (int64_t base = 0; base < h2; base += FN(band))
    FN(walk_block)(&layers, &p, threshold, base, outputs, ahead, active, lines, &bends);
  int64_t bounds = 0;
  const T *bias = n->biases[2];
  for (int64_t k = 0; k <= h1; k++) {
    double *parts = lines + k * blocks * 2 * outputs;
    uint32_t *now = active + k * p.stride;
    // The inner loops are short: unrolled they would take longer.
    for (int32_t e = bends.first[k];; e = bends.next[e]) {
      for (int64_t o = 0; o < outputs; o++) {
        FN(pair) line = {0, bias ? (double)bias[o] : 0};
#pragma clang loop unroll(disable)
        for (int64_t b = 0; b < blocks; b++) line += FK_PAIR(parts + (b * outputs + o) * 2);
        p.lines[(bounds * outputs + o) * 2] = (T)line.x;
        p.lines[(bounds * outputs + o) * 2 + 1] = (T)line.y;
      }
#pragma clang loop vectorize(disable) unroll(disable)
      for (int64_t i = 0; i < p.stride; i++) p.active[bounds * p.stride + i] = now[i];
      if (e < 0) break;
      const int32_t i = bends.unit[e];
      p.keys[bounds] = (T)bends.root[e];
      p.units[bounds++] = i;
      now[i / 32] ^= (uint32_t)1 << i % 32;
      for (int64_t o = 0; o < outputs; o++)
        FK_PAIR(parts + (i / FN(band) * outputs + o) * 2) =
            FK_PAIR(bends.lines + (e * outputs + o) * 2);
    }
    if (k == h1) break;
    p.keys[bounds] = (T)threshold[k];
    p.units[bounds++] = (int32_t)(-1 - k);
  }
  p.head->pieces = bounds + 1;
  // The next level up holds the last key of each node; the last node always ends in infinity.
  int64_t level = 0, nodes, from = 0, keys = bounds;
  for (;;) {
    nodes = keys / FK_FANOUT + 1;
    for (int64_t i = keys; i < nodes * FK_FANOUT; i++) p.keys[from + i] = INFINITY;
    p.head->level[level++] = from;
    if (nodes == 1) break;
    for (int64_t i = 0; i < nodes; i++)
      p.keys[from + nodes * FK_FANOUT + i] = p.keys[from + (i + 1) * FK_FANOUT - 1];
    from += nodes * FK_FANOUT;
    keys = nodes - 1;  // the last one is infinite, and so is what pads it
  }
  p.head->levels = level;
  fk_deallocate(scratch, bytes);
}

typedef T FN(keys) __attribute__((ext_vector_type(FK_FANOUT), aligned(sizeof(T))));

typedef bool FN(key_bits) __attribute__((ext_vector_type(FK_FANOUT)));

// The number of bounds below x: down a tree whose nodes hold FK_FANOUT keys, of which those below x
// come first.
FK_INLINE int64_t FN(piece_of)(const T *keys, const fk_piecewise_head *head, T x) {
  int64_t at = 0;
  for (int64_t level = head->levels; level-- > 0;) {
    const FN(keys) node = *(const FN(keys) *)(keys + head->level[level] + at * FK_FANOUT);
    const FN(key_bits) below = __builtin_convertvector(node < (FN(keys))(x), FN(key_bits));
    uint32_t bits = 0;
    memcpy(&bits, &below, sizeof below);
    at = at * FK_FANOUT + __builtin_ctz(~bits);
  }
  return at;
}

static void FN(piecewise_forward)(const fk_network *n, const void *prepared, int64_t rows,
                                  const void *xv, int32_t *pieces, void *yv) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, (void *)prepared);
  const fk_piecewise_head head = *p.head;
  const T *x = xv, *keys = p.keys, *lines = p.lines;
  T *y = yv;
  const int64_t outputs = n->widths[3];
  for (int64_t r = 0; r < rows; r++) {
    const int64_t piece = FN(piece_of)(keys, &head, x[r]);
    if (pieces) pieces[r] = (int32_t)piece;
    const T *line = lines + piece * 2 * outputs;
    if (outputs == 1) {
      y[r] = line[0] * x[r] + line[1];
      continue;
    }
#pragma clang loop vectorize(disable)
    for (int64_t o = 0; o < outputs; o++) y[r * outputs + o] = line[2 * o] * x[r] + line[2 * o + 1];
  }
}

static void FN(piecewise_backward)(const fk_network *n, const void *prepared, int64_t rows,
                                   const void *xv, const int32_t *pieces, const void *gv,
                                   void *gxv, double *sums) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, (void *)prepared);
  const T *x = xv, *g = gv;
  T *gx = gxv;
  const int64_t outputs = n->widths[3];
  for (int64_t r = 0; r < rows; r++) {
    const T *line = p.lines + (int64_t)pieces[r] * 2 * outputs;
    double *sum = sums + (int64_t)pieces[r] * 2 * outputs;
    T total = 0;
    for (int64_t o = 0; o < outputs; o++) {
      const T go = g[r * outputs + o];
      total += go * line[2 * o];
      if (sums) {
        sum[2 * o] += (double)go * (double)x[r];
        sum[2 * o + 1] += go;
      }
    }
    if (gx) gx[r] = total;
  }
}
