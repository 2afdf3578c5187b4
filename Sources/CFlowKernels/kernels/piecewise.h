// Perceptrons of one input with two hidden layers of (leaky) ReLU. Such a network is a continuous,
// piecewise linear function of its input x. The first layer bends at x = -b/w of each unit; between
// two such thresholds the second layer is A x + B, whose units bend where that is zero. So
// `prepare` finds all bends once for given weights, and then a row costs a search and one
// multiply-add, whatever the widths. The derivatives by the weights need of the rows only the sums
// of g and g x on each piece: `finish` turns those into gradients, once for all rows.
//
// Tables are made in double for every scalar type, so that the values are as exact as those of
// the products they replace.

typedef struct {
  fk_piecewise_head *head;
  T *keys;         // a search tree: level 0 are the bounds, ascending, then infinity
  T *lines;        // [pieces, outputs, 2]: slope, intercept
  int32_t *units;  // [pieces - 1]: what bends there: unit i of the second layer; of the first, -1 - i
} FN(piecewise_parts);

static FN(piecewise_parts) FN(piecewise_layout)(const fk_network *n, void *prepared) {
  const int64_t most = fk_piecewise_most(n), outputs = n->widths[3];
  FN(piecewise_parts) p;
  p.head = prepared;
  p.keys = (T *)(p.head + 1);
  p.lines = p.keys + fk_piecewise_keys(most);
  p.units = (int32_t *)(p.lines + most * outputs * 2);
  return p;
}

// The first layer and the walk over the intervals between its thresholds, left to right.
typedef struct {
  int64_t inputs, width;        // of the second layer
  double slope;
  const T *weights;             // of the second layer
  double *threshold, *w, *b;    // of the first layer's units in ascending order of threshold
  double *left, *right;         // their derivative on each side
  int64_t *order;
  double *a, *c;                // second layer here: a x + c, which is what the units whose
  double *passed;               // threshold lies on the left give, with the bias,
  double *ahead;                // and those further right: [h1 + 1, 2, h2] by interval
  double *active;               // its derivative at the left end: 1 or the slope
  int64_t *bends;               // 1 where it changes within the interval
} FN(piecewise_walk);

static size_t FN(walk_bytes)(const fk_network *n) {
  const size_t h1 = (size_t)n->widths[1], h2 = (size_t)n->widths[2];
  return 8 * (7 * h1 + 6 * h2 + 2 * h2 * (h1 + 1));
}

static void FN(walk_start)(FN(piecewise_walk) * walk, const fk_network *n, void *scratch) {
  const int64_t h1 = n->widths[1], h2 = n->widths[2];
  const T *weight = n->weights[0], *bias = n->biases[0], *second = n->biases[1];
  double *raw = scratch;
  walk->inputs = h1;
  walk->width = h2;
  walk->slope = n->activation == FK_RELU ? 0 : (double)(T)n->slope;
  walk->weights = n->weights[1];
  walk->threshold = raw + h1;
  walk->w = walk->threshold + h1;
  walk->b = walk->w + h1;
  walk->left = walk->b + h1;
  walk->right = walk->left + h1;
  walk->a = walk->right + h1;
  walk->c = walk->a + h2;
  walk->active = walk->c + h2;
  walk->bends = (int64_t *)(walk->active + h2);
  walk->order = walk->bends + h2;
  walk->passed = (double *)(walk->order + h1);
  walk->ahead = walk->passed + 2 * h2;
  for (int64_t j = 0; j < h1; j++) {
    const double t = -(double)(bias ? bias[j] : 0) / (double)weight[j];
    // A unit that does not depend on x, or is not a number, never bends.
    raw[j] = weight[j] == 0 || t != t ? INFINITY : t;
  }
  for (int64_t j = 0; j < h1; j++) {
    int64_t rank = 0;
    for (int64_t i = 0; i < h1; i++) rank += raw[i] < raw[j] || (raw[i] == raw[j] && i < j);
    walk->order[rank] = j;
  }
  for (int64_t k = 0; k < h1; k++) {
    const int64_t j = walk->order[k];
    const double w = weight[j], b = bias ? bias[j] : 0, slope = walk->slope;
    walk->threshold[k] = raw[j];
    walk->w[k] = w;
    walk->b[k] = b;
    walk->left[k] = w > 0 ? slope : w < 0 ? 1 : b > 0 ? 1 : slope;
    walk->right[k] = w > 0 ? 1 : w < 0 ? slope : walk->left[k];
  }
  memset(walk->ahead + 2 * h2 * h1, 0, sizeof(double) * (size_t)(2 * h2));
  for (int64_t k = h1; k-- > 0;) {
    const double wk = walk->left[k] * walk->w[k], bk = walk->left[k] * walk->b[k];
    const T *row = walk->weights + walk->order[k] * h2;
    double *restrict here = walk->ahead + 2 * h2 * k;
    const double *restrict next = here + 2 * h2;
    for (int64_t i = 0; i < h2; i++) {
      here[i] = next[i] + wk * (double)row[i];
      here[h2 + i] = next[h2 + i] + bk * (double)row[i];
    }
  }
  memcpy(walk->a, walk->ahead, sizeof(double) * (size_t)(2 * h2));
  for (int64_t i = 0; i < h2; i++) {
    walk->passed[i] = 0;
    walk->passed[h2 + i] = second ? second[i] : 0;
    walk->c[i] += walk->passed[h2 + i];
  }
}

// From interval k to the next, across threshold k. Two sums that only grow, rather than one that is
// corrected: what cancels there would leave a rest, where a ReLU network is constant.
FK_INLINE void FN(walk_cross)(FN(piecewise_walk) * walk, int64_t k) {
  const double wk = walk->right[k] * walk->w[k], bk = walk->right[k] * walk->b[k];
  const int64_t width = walk->width;
  const T *row = walk->weights + walk->order[k] * width;
  const double *restrict ahead = walk->ahead + 2 * width * (k + 1);
  double *restrict passed = walk->passed, *restrict a = walk->a, *restrict c = walk->c;
  for (int64_t i = 0; i < width; i++) {
    const double slope = passed[i] + wk * (double)row[i];
    const double intercept = passed[width + i] + bk * (double)row[i];
    passed[i] = slope;
    passed[width + i] = intercept;
    a[i] = slope + ahead[i];
    c[i] = intercept + ahead[width + i];
  }
}

// The second layer's derivatives at the left end of interval k, and which change in it; how many do,
// or -1 for an empty interval, where nothing is done.
static int64_t FN(walk_look)(FN(piecewise_walk) * walk, int64_t k) {
  const double low = k > 0 ? walk->threshold[k - 1] : -INFINITY;
  const double high = k < walk->inputs ? walk->threshold[k] : INFINITY;
  if (!(low < high)) return -1;
  const bool opens = low == -INFINITY, ends = high == INFINITY;
  const double *restrict a = walk->a, *restrict c = walk->c, slope = walk->slope;
  double *restrict active = walk->active;
  int64_t *restrict bends = walk->bends, count = 0;
  const double l = opens ? 0 : low, h = ends ? 0 : high;
  for (int64_t i = 0; i < walk->width; i++) {
    const double far = a[i] != 0 ? a[i] : c[i];
    const double x = a[i] * l + c[i], y = a[i] * h + c[i];
    const double first = opens ? (a[i] != 0 ? -far : far) : x, last = ends ? far : y;
    active[i] = first > 0 ? 1 : slope;
    bends[i] = (first > 0) != (last > 0);
    count += bends[i];
  }
  return count;
}

// Two dot products of vectors in double with one of weights.
FK_INLINE void FN(two_dots)(int64_t count, const T *w, const double *x, const double *y,
                            double *with_x, double *with_y) {
#pragma clang fp reassociate(on)
  double sum_x = 0, sum_y = 0;
  for (int64_t i = 0; i < count; i++) {
    sum_x += (double)w[i] * x[i];
    sum_y += (double)w[i] * y[i];
  }
  *with_x = sum_x;
  *with_y = sum_y;
}

// The network's slopes and intercepts at the left end of the interval; `last` by output.
static void FN(network_line)(const FN(piecewise_walk) * walk, const double *last, const T *bias,
                             int64_t outputs, double *line) {
#pragma clang fp reassociate(on)
  const double *a = walk->a, *c = walk->c, *active = walk->active;
  for (int64_t o = 0; o < outputs; o++) {
    double slope = 0, intercept = 0;
    const double *w = last + o * walk->width;
    for (int64_t i = 0; i < walk->width; i++) {
      const double own = active[i] * w[i];
      slope += own * a[i];
      intercept += own * c[i];
    }
    line[2 * o] = slope;
    line[2 * o + 1] = intercept + (bias ? (double)bias[o] : 0);
  }
}

// The last layer's weights, output by output.
static void FN(weights_by_output)(const fk_network *n, double *out) {
  const int64_t width = n->widths[2], outputs = n->widths[3];
  const T *last = n->weights[2];
  for (int64_t i = 0; i < width; i++)
    for (int64_t o = 0; o < outputs; o++) out[o * width + i] = last[i * outputs + o];
}

static void FN(piecewise_prepare)(const fk_network *n, void *prepared) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, prepared);
  const int64_t h1 = n->widths[1], h2 = n->widths[2], outputs = n->widths[3];
  const size_t walking = FN(walk_bytes)(n);
  const size_t doubles = (size_t)(2 * outputs + h2 + h2 * outputs);
  const size_t bytes = walking + sizeof(double) * doubles + sizeof(int32_t) * (size_t)h2;
  char *scratch = fk_allocate(bytes);
  FN(piecewise_walk) walk;
  FN(walk_start)(&walk, n, scratch);
  double *line = (double *)(scratch + walking), *roots = line + 2 * outputs;
  double *last = roots + h2;
  int32_t *bent = (int32_t *)(last + h2 * outputs);
  FN(weights_by_output)(n, last);
  T *lines = p.lines;
  int64_t bounds = 0;
  for (int64_t k = 0; k <= h1; k++) {
    for (int64_t o = 0; o < 2 * outputs; o++) line[o] = 0;
    int64_t count = 0;
    const int64_t expected = FN(walk_look)(&walk, k);
    if (expected >= 0) {
      FN(network_line)(&walk, last, n->biases[2], outputs, line);
      const double low = k > 0 ? walk.threshold[k - 1] : -INFINITY;
      const double high = k < h1 ? walk.threshold[k] : INFINITY;
      for (int64_t i = 0; count < expected; i++) {
        if (!walk.bends[i]) continue;
        double root = -walk.c[i] / walk.a[i];
        root = root > low ? (root < high ? root : high) : low;
        int64_t at = count++;
        for (; at > 0 && roots[at - 1] > root; at--) {
          roots[at] = roots[at - 1];
          bent[at] = bent[at - 1];
        }
        roots[at] = root;
        bent[at] = (int32_t)i;
      }
    }
    for (int64_t f = 0;; f++) {
      for (int64_t o = 0; o < 2 * outputs; o++) *lines++ = (T)line[o];
      if (f == count) break;
      const int64_t i = bent[f];
      p.keys[bounds] = (T)roots[f];
      p.units[bounds++] = (int32_t)i;
      // Afresh, since a rest would be left of what cancels.
      walk.active[i] = walk.active[i] == 1 ? walk.slope : 1;
      FN(network_line)(&walk, last, n->biases[2], outputs, line);
    }
    if (k == h1) break;
    p.keys[bounds] = (T)walk.threshold[k];
    p.units[bounds++] = (int32_t)(-1 - k);
    FN(walk_cross)(&walk, k);
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

// The number of bounds below x: down a tree whose nodes hold FK_FANOUT keys.
FK_INLINE int64_t FN(piece_of)(const FN(piecewise_parts) * p, T x) {
  int64_t at = 0;
  for (int64_t level = p->head->levels; level-- > 0;) {
    const FN(keys) keys = *(const FN(keys) *)(p->keys + p->head->level[level] + at * FK_FANOUT);
    at = at * FK_FANOUT - __builtin_reduce_add(keys < (FN(keys))(x));
  }
  return at;
}

static void FN(piecewise_forward)(const fk_network *n, const void *prepared, int64_t rows,
                                  const void *xv, int32_t *pieces, void *yv) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, (void *)prepared);
  const T *x = xv;
  T *y = yv;
  const int64_t outputs = n->widths[3];
  for (int64_t r = 0; r < rows; r++) {
    const int64_t piece = FN(piece_of)(&p, x[r]);
    if (pieces) pieces[r] = (int32_t)piece;
    const T *line = p.lines + piece * 2 * outputs;
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

// Sums over rows of g x (first) and g on each piece, by output, become gradients.
static void FN(piecewise_finish)(const fk_network *n, const void *prepared, const double *sums,
                                 const fk_network_gradient *gradient) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, (void *)prepared);
  const int64_t h1 = n->widths[1], h2 = n->widths[2], outputs = n->widths[3];
  const size_t walking = FN(walk_bytes)(n);
  const size_t doubles = (size_t)(h1 * h2 + 2 * h1 + 4 * h2 + 2 * h2 * outputs + 5 * outputs);
  const size_t bytes = walking + sizeof(double) * doubles;
  char *scratch = fk_allocate(bytes);
  FN(piecewise_walk) walk;
  FN(walk_start)(&walk, n, scratch);
  double *second = (double *)(scratch + walking);  // of the second layer's weights, by order
  double *by_w = second + h1 * h2, *by_b = by_w + h1;
  // Sums of g2 x and g2, the gradient by the second layer: of this interval, and so far.
  double *here1 = by_b + h1, *here0 = here1 + h2, *sofar1 = here0 + h2, *sofar0 = sofar1 + h2;
  double *head = sofar0 + h2, *output_bias = head + h2 * outputs;  // of the last layer
  double *last = output_bias + outputs, *total = last + h2 * outputs, *rest = total + 2 * outputs;
  memset(here1, 0, sizeof(double) * (size_t)(4 * h2 + h2 * outputs + outputs));
  FN(weights_by_output)(n, last);
  int64_t piece = 0;
  for (int64_t k = 0; k <= h1; k++) {
    const int64_t from = piece;
    while (piece < p.head->pieces - 1 && p.units[piece] >= 0) piece++;
    bool any = false;
    for (int64_t q = 0; q < 2 * outputs; q++) {
      total[q] = 0;
      for (int64_t m = from; m <= piece; m++) total[q] += sums[m * 2 * outputs + q];
      any = any || !(total[q] == 0) || piece > from;
    }
    if (any && FN(walk_look)(&walk, k) >= 0) {
      memset(here1, 0, sizeof(double) * (size_t)(2 * h2));
      for (int64_t o = 0; o < outputs; o++) {
        const double t1 = total[2 * o], t0 = total[2 * o + 1];
        output_bias[o] += t0;
        double *own = head + o * h2;
        for (int64_t i = 0; i < h2; i++) {
          const double w = walk.active[i] * last[o * h2 + i];
          here1[i] += w * t1;
          here0[i] += w * t0;
          own[i] += walk.active[i] * (walk.a[i] * t1 + walk.c[i] * t0);
        }
      }
      // Right of its bend a unit has the other derivative.
      for (int64_t q = 0; q < 2 * outputs; q++) rest[q] = 0;
      for (int64_t m = piece; m > from; m--) {
        const int64_t i = p.units[m - 1];
        const double change = walk.active[i] == 1 ? walk.slope - 1 : 1 - walk.slope;
        for (int64_t o = 0; o < outputs; o++) {
          const double r1 = rest[2 * o] += sums[(m * outputs + o) * 2];
          const double r0 = rest[2 * o + 1] += sums[(m * outputs + o) * 2 + 1];
          const double w = change * last[o * h2 + i];
          here1[i] += w * r1;
          here0[i] += w * r0;
          head[o * h2 + i] += change * (walk.a[i] * r1 + walk.c[i] * r0);
        }
      }
      for (int64_t i = 0; i < 2 * h2; i++) sofar1[i] += here1[i];
    }
    if (k == h1) break;
    // What lies left of the unit's threshold counts with one derivative, all the rest with the other.
    const double change = walk.left[k] - walk.right[k];
    const double w = change * walk.w[k], b = change * walk.b[k];
    const T *row = walk.weights + walk.order[k] * h2;
    double *out = second + k * h2, dot1, dot0;
    for (int64_t i = 0; i < h2; i++) out[i] = w * sofar1[i] + b * sofar0[i];
    FN(two_dots)(h2, row, sofar1, sofar0, &dot1, &dot0);
    by_w[k] = change * dot1;
    by_b[k] = change * dot0;
    FN(walk_cross)(&walk, k);
    piece++;
  }
  for (int64_t k = 0; k < h1; k++) {
    const int64_t j = walk.order[k];
    const double right = walk.right[k], w = right * walk.w[k], b = right * walk.b[k];
    const T *row = walk.weights + j * h2;
    double *out = second + k * h2, dot1, dot0;
    for (int64_t i = 0; i < h2; i++) out[i] += w * sofar1[i] + b * sofar0[i];
    FN(two_dots)(h2, row, sofar1, sofar0, &dot1, &dot0);
    if (gradient->weights[1]) {
      T *to = (T *)gradient->weights[1] + j * h2;
      for (int64_t i = 0; i < h2; i++) to[i] += (T)out[i];
    }
    if (gradient->weights[0]) ((T *)gradient->weights[0])[j] += (T)(by_w[k] + right * dot1);
    if (gradient->biases[0]) ((T *)gradient->biases[0])[j] += (T)(by_b[k] + right * dot0);
  }
  if (gradient->biases[1])
    for (int64_t i = 0; i < h2; i++) ((T *)gradient->biases[1])[i] += (T)sofar0[i];
  if (gradient->weights[2])
    for (int64_t i = 0; i < h2; i++)
      for (int64_t o = 0; o < outputs; o++)
        ((T *)gradient->weights[2])[i * outputs + o] += (T)head[o * h2 + i];
  if (gradient->biases[2])
    for (int64_t o = 0; o < outputs; o++) ((T *)gradient->biases[2])[o] += (T)output_bias[o];
  fk_deallocate(scratch, bytes);
}
