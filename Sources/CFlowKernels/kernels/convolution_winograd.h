// Convolutions of 3 x 3 taps with stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3): tiles
// of 4 x 4 results from 6 x 6 inputs take 36 multiplications instead of 144. (Lavin and Gray, Fast
// algorithms for convolutional neural networks, CVPR 2016, section 4.3; points 0, +-1, +-2.) In
// float, errors reach some 5e-6 of the sum of the absolute products, against 3e-7 of the direct
// form; and an input that is not finite spoils whole tiles.

typedef struct {
  int64_t images, height, width, in, rows, columns, out, pad_y, pad_x;
  const T *left, *weights, *bias, *residual, *zeros;
  T *result;
  fk_activation activation;
  T slope;
  bool accumulate;
  int64_t tiles_y, tiles_x, tiles;
  int64_t vectors, panel, panels;
  bool transposed;   // the gradient by the input: weights [3, 3, out, in], taps in reverse
  T *filters;        // [36, panels, in, panel]; null: made where they are used, then
  T *transformed;    // [36, tiles first_tile..<last_tile, in], a stride apart
  int64_t first_tile, last_tile, stride;
} FN(winograd_call);

enum {
  FN(winograd_tiles) = 24,      // that a unit of work transforms and finishes
  FN(winograd_channels) = 64,   // whose filters are made at once
  FN(winograd_memory) = 4194304 // bytes of each of filters and transformed inputs: in shared cache,
                                // and the most that lists of free blocks keep
};

// Six inputs, a stride of `step` vectors apart, to six.
FK_INLINE void FN(winograd_in)(const V *d, const int step, V *out, const int out_step) {
  const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
          d5 = d[5 * step];
  const V a = d4 - (T)4 * d2, b = d3 - (T)4 * d1, c = d4 - d2, e = (T)2 * (d3 - d1);
  out[0] = (T)4 * d0 - (T)5 * d2 + d4;
  out[out_step] = a + b;
  out[2 * out_step] = a - b;
  out[3 * out_step] = c + e;
  out[4 * out_step] = c - e;
  out[5 * out_step] = (T)4 * d1 - (T)5 * d3 + d5;
}

// Six sums to four results.
FK_INLINE void FN(winograd_out)(const V *m, const int step, V *out, const int out_step) {
  const V a = m[step] + m[2 * step], b = m[step] - m[2 * step];
  const V c = m[3 * step] + m[4 * step], d = m[3 * step] - m[4 * step];
  out[0] = m[0] + a + c;
  out[out_step] = b + (T)2 * d;
  out[2 * out_step] = a + (T)4 * c;
  out[3 * out_step] = b + (T)8 * d + m[5 * step];
}

// Three taps to six filter elements.
FK_INLINE void FN(winograd_taps)(const V *g, const int step, V *out, const int out_step) {
  const V a = (g[0] + g[2 * step]) * (T)(-1.0 / 6), b = g[step] * (T)(-1.0 / 6);
  const V c = g[0] * (T)(1.0 / 24) + g[2 * step] * (T)(1.0 / 6), d = g[step] * (T)(1.0 / 12);
  out[0] = g[0] * (T)0.25;
  out[out_step] = a + b;
  out[2 * out_step] = a - b;
  out[3 * out_step] = c + d;
  out[4 * out_step] = c - d;
  out[5 * out_step] = g[2 * step];
}

// Filters of channels k..<end and one panel of columns: to [36] (a stride apart) [channels, panel].
static void FN(winograd_filter)(const FN(winograd_call) * c, int64_t k, int64_t end, int64_t panel,
                                T *to, int64_t stride) {
  const int64_t j = panel * c->panel, width = c->out - j < c->panel ? c->out - j : c->panel;
  const T *weights = c->weights + k * c->out + j;
  int64_t row = c->out, tap = c->in * c->out;
  T *taps = NULL;
  const size_t bytes = sizeof(T) * 9 * (size_t)((end - k) * width);
  if (c->transposed) {
    taps = fk_allocate(bytes);
    row = width;
    tap = (end - k) * width;
    for (int64_t t = 0; t < 9; t++)
      FN(transpose_strided)(width, end - k, c->weights + ((8 - t) * c->out + j) * c->in + k, c->in,
                            taps + t * tap, width);
    weights = taps;
  }
  for (int64_t i = 0; i < end - k; i++)
    for (int64_t l = 0; l < width; l += FK_LANES) {
      V g[9], half[18], u[36];
#pragma clang loop unroll(full)
      for (int t = 0; t < 9; t++) g[t] = LOAD(weights + t * tap + i * row + l);
#pragma clang loop unroll(full)
      for (int x = 0; x < 3; x++) FN(winograd_taps)(g + x, 3, half + x, 3);
#pragma clang loop unroll(full)
      for (int y = 0; y < 6; y++) FN(winograd_taps)(half + 3 * y, 1, u + 6 * y, 1);
#pragma clang loop unroll(full)
      for (int e = 0; e < 36; e++) STORE(to + e * stride + i * c->panel + l, u[e]);
    }
  if (taps) fk_deallocate(taps, bytes);
}

static void FN(winograd_filters)(void *context, int64_t index) {
  const FN(winograd_call) *c = context;
  const int64_t panel = index % c->panels, k = index / c->panels * FN(winograd_channels);
  const int64_t end = k + FN(winograd_channels) < c->in ? k + FN(winograd_channels) : c->in;
  FN(winograd_filter)(c, k, end, panel, c->filters + (panel * c->in + k) * c->panel,
                      c->panels * c->in * c->panel);
}

// to [36] (a stride apart) of `channels` channels of tile `t`, from channel `first` on.
static void FN(winograd_transform)(const FN(winograd_call) * c, int64_t t, int64_t first,
                                   int64_t channels, T *to, int64_t stride) {
  const int64_t image = t / (c->tiles_y * c->tiles_x);
  const int64_t y0 = t / c->tiles_x % c->tiles_y * 4 - c->pad_y, x0 = t % c->tiles_x * 4 - c->pad_x;
  const T *pixels[36];
  for (int64_t y = 0; y < 6; y++)
    for (int64_t x = 0; x < 6; x++)
      pixels[6 * y + x] =
          y0 + y < 0 || y0 + y >= c->height || x0 + x < 0 || x0 + x >= c->width
              ? c->zeros
              : c->left + ((image * c->height + y0 + y) * c->width + x0 + x) * c->in + first;
  for (int64_t k = 0; k < channels; k += FK_LANES) {
    V d[36], half[36], v[6];
#pragma clang loop unroll(full)
    for (int i = 0; i < 36; i++) d[i] = LOAD(pixels[i] + k);
#pragma clang loop unroll(full)
    for (int x = 0; x < 6; x++) FN(winograd_in)(d + x, 6, half + x, 6);
#pragma clang loop unroll(full)
    for (int y = 0; y < 6; y++) {
      FN(winograd_in)(half + 6 * y, 1, v, 1);
#pragma clang loop unroll(full)
      for (int x = 0; x < 6; x++) STORE(to + (6 * y + x) * stride + k, v[x]);
    }
  }
}

// Results of tile `t`, columns j..<j + width, from the sums [36] a stride apart.
static void FN(winograd_finish)(const FN(winograd_call) * c, int64_t t, int64_t j, int64_t width,
                                const T *sums, int64_t stride) {
  const int64_t image = t / (c->tiles_y * c->tiles_x);
  const int64_t y0 = t / c->tiles_x % c->tiles_y * 4, x0 = t % c->tiles_x * 4;
  const int64_t high = c->rows - y0 < 4 ? c->rows - y0 : 4;
  const int64_t wide = c->columns - x0 < 4 ? c->columns - x0 : 4;
  const int64_t place = ((image * c->rows + y0) * c->columns + x0) * c->out + j;
  const T slope = c->slope;
  for (int64_t k = 0; k < width; k += FK_LANES) {
    V m[36], half[24], out[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 36; i++) m[i] = LOAD(sums + i * stride + k);
#pragma clang loop unroll(full)
    for (int x = 0; x < 6; x++) FN(winograd_out)(m + x, 6, half + x, 6);
#pragma clang loop unroll(full)
    for (int y = 0; y < 4; y++) FN(winograd_out)(half + 6 * y, 1, out + 4 * y, 1);
    const V bias = c->bias ? LOAD(c->bias + j + k) : (V)(0);
    for (int64_t y = 0; y < high; y++)
      for (int64_t x = 0; x < wide; x++) {
        const int64_t at = place + (y * c->columns + x) * c->out + k;
        V value = out[4 * y + x] + bias;
        if (c->accumulate) value += LOAD(c->result + at);
        if (c->residual) value += LOAD(c->residual + at);
        if (c->activation == FK_RELU) value = value < 0 ? (V)(0) : value;
        if (c->activation == FK_LEAKY_RELU) value = value > 0 ? value : value * slope;
        STORE(c->result + at, value);
      }
  }
  if (c->activation > FK_LEAKY_RELU)
    for (int64_t y = 0; y < high; y++)
      for (int64_t x = 0; x < wide; x++)
        FN(activate)(c->activation, slope, width,
                     c->result + place + (y * c->columns + x) * c->out);
}

// A line more than needed, so that the 36 parts do not all fall on the same cache sets.
FK_INLINE int64_t FN(winograd_stride)(int64_t count) { return count + 64 / (int64_t)sizeof(T); }

// sums [36] (+)= transformed inputs of `count` tiles times filters, over the contraction's `run`.
static void FN(winograd_products)(const FN(winograd_call) * c, int64_t count, const T *const *left,
                                  const int64_t *places, int64_t left_stride, int64_t offset,
                                  int64_t run, const T *filters, int64_t filter_stride,
                                  int64_t width, T *sums, int64_t sum_stride) {
  static const uint8_t hits[1] = {1};
  FN(tap_tile) tile = {.taps = 1, .run = run, .ldb = c->panel, .adds = offset > 0};
  const int vectors = (int)(width / FK_LANES);
  const int64_t rows = FK_TAP_ROWS(vectors);
  for (int64_t i = 0; i < 36; i++) {
    tile.offset = i * left_stride + offset;
    tile.out = sums + i * sum_stride;
    tile.right = filters + i * filter_stride;
    for (int64_t t = 0; t < count; t += rows)
      FN(tap_blocks)(vectors, (int)(count - t < rows ? count - t : rows), &tile, left + t, hits,
                     places + t);
  }
}

// A block of tiles from inputs to results, with filters that were made before.
static void FN(winograd_block)(void *context, int64_t index) {
  const FN(winograd_call) *c = context;
  const int64_t first = index * FN(winograd_tiles);
  const int64_t count =
      c->tiles - first < FN(winograd_tiles) ? c->tiles - first : FN(winograd_tiles);
  const int64_t in_stride = FN(winograd_stride)(count * c->in);
  const int64_t sum_stride = FN(winograd_stride)(count * c->panel);
  const size_t bytes = sizeof(T) * (size_t)(36 * (in_stride + sum_stride));
  T *in = fk_allocate(bytes), *sums = in + 36 * in_stride;
  const T *left[FN(winograd_tiles)];
  int64_t places[FN(winograd_tiles)];
  for (int64_t t = 0; t < count; t++) {
    left[t] = in + t * c->in;
    places[t] = t * c->panel;
    FN(winograd_transform)(c, first + t, 0, c->in, in + t * c->in, in_stride);
  }
  for (int64_t panel = 0; panel < c->panels; panel++) {
    const int64_t j = panel * c->panel, width = c->out - j < c->panel ? c->out - j : c->panel;
    FN(winograd_products)(c, count, left, places, in_stride, 0, c->in,
                          c->filters + panel * c->in * c->panel, c->panels * c->in * c->panel,
                          width, sums, sum_stride);
    for (int64_t t = 0; t < count; t++)
      FN(winograd_finish)(c, first + t, j, width, sums + t * c->panel, sum_stride);
  }
  fk_deallocate(in, bytes);
}

static void FN(winograd_inputs)(void *context, int64_t index) {
  const FN(winograd_call) *c = context;
  FN(winograd_transform)(c, c->first_tile + index, 0, c->in, c->transformed + index * c->in,
                         c->stride);
}

// A panel of columns from transformed inputs to results, with filters made on the way.
static void FN(winograd_panel)(void *context, int64_t panel) {
  const FN(winograd_call) *c = context;
  const int64_t count = c->last_tile - c->first_tile;
  const int64_t j = panel * c->panel, width = c->out - j < c->panel ? c->out - j : c->panel;
  const int64_t filter_stride = FN(winograd_stride)(FN(winograd_channels) * c->panel);
  const int64_t sum_stride = FN(winograd_stride)(count * c->panel);
  const size_t pointers = (sizeof(T *) + sizeof(int64_t)) * (size_t)count;
  const size_t bytes = pointers + sizeof(T) * (size_t)(36 * (filter_stride + sum_stride));
  const T **left = fk_allocate(bytes);
  int64_t *places = (int64_t *)(left + count);
  T *filters = (T *)(places + count), *sums = filters + 36 * filter_stride;
  for (int64_t t = 0; t < count; t++) {
    left[t] = c->transformed + t * c->in;
    places[t] = t * c->panel;
  }
  for (int64_t k = 0; k < c->in; k += FN(winograd_channels)) {
    const int64_t end = k + FN(winograd_channels) < c->in ? k + FN(winograd_channels) : c->in;
    FN(winograd_filter)(c, k, end, panel, filters, filter_stride);
    FN(winograd_products)(c, count, left, places, c->stride, k, end - k, filters, filter_stride,
                          width, sums, sum_stride);
  }
  for (int64_t t = 0; t < count; t++)
    FN(winograd_finish)(c, c->first_tile + t, j, width, sums + t * c->panel, sum_stride);
  fk_deallocate(left, bytes);
}

// The share of (pixel, tap) pairs along an axis that lie within the image.
static double FN(inside)(int64_t out, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation,
                         int64_t size) {
  int64_t count = 0;
  for (int64_t o = 0; o < out; o++)
    for (int64_t k = 0; k < kernel; k++) {
      const int64_t i = o * stride - pad + k * dilation;
      count += i >= 0 && i < size;
    }
  return out * kernel > 0 ? (double)count / (double)(out * kernel) : 1;
}

// Whole vectors of channels; fewer multiplications by enough to pay for the transformations, though
// the direct form leaves out taps outside of the image; and enough tiles to pay for the filters.
static bool FN(suits_winograd)(const fk_convolution_shape *s, int64_t rows, int64_t columns) {
  if (s->kernel_height != 3 || s->kernel_width != 3 || s->stride_y != 1 || s->stride_x != 1 ||
      s->dilation_y != 1 || s->dilation_x != 1 || s->groups != 1 || s->pad_y > 2 || s->pad_x > 2 ||
      s->in_channels % FK_LANES != 0 || s->out_channels % FK_LANES != 0 || s->in_channels < 16 ||
      s->out_channels < 16 || s->out_height != s->height + 2 * s->pad_y - 2 ||
      s->out_width != s->width + 2 * s->pad_x - 2)
    return false;
  const int64_t tiles = (rows + 3) / 4 * ((columns + 3) / 4);
  const double y = FN(inside)(s->out_height, 3, 1, s->pad_y, 1, s->height);
  const double x = FN(inside)(s->out_width, 3, 1, s->pad_x, 1, s->width);
  const double pairs = 9 * (double)(s->out_height * s->out_width) * x * y;
  return s->images * tiles >= 12 && pairs > 1.7 * 36 * (double)tiles;
}

static void FN(winograd_cut)(FN(winograd_call) * c) {
  c->tiles_y = (c->rows + 3) / 4;
  c->tiles_x = (c->columns + 3) / 4;
  c->tiles = c->images * c->tiles_y * c->tiles_x;
  const int64_t all = c->out / FK_LANES;
  c->panels = (all + FK_VECTORS - 1) / FK_VECTORS;
  c->vectors = (all + c->panels - 1) / c->panels;
  c->panel = c->vectors * FK_LANES;
  c->panels = (c->out + c->panel - 1) / c->panel;
}

static void FN(winograd)(FN(winograd_call) * c) {
  FN(winograd_cut)(c);
  const int64_t workers = fk_worker_count();
  const size_t filter_bytes = sizeof(T) * (size_t)(36 * c->panels * c->in * c->panel);
  const size_t zero_bytes = sizeof(T) * (size_t)c->in;
  T *zeros = fk_allocate(zero_bytes);
  memset(zeros, 0, zero_bytes);
  c->zeros = zeros;
  if (filter_bytes <= FN(winograd_memory)) {
    c->filters = fk_allocate(filter_bytes);
    const int64_t blocks = (c->in + FN(winograd_channels) - 1) / FN(winograd_channels);
    fk_parallel(blocks * c->panels, workers, FN(winograd_filters), c);
    fk_parallel((c->tiles + FN(winograd_tiles) - 1) / FN(winograd_tiles), workers,
                FN(winograd_block), c);
    fk_deallocate(c->filters, filter_bytes);
  } else {
    int64_t most = FN(winograd_memory) / (int64_t)(36 * sizeof(T)) / c->in - 1;
    if (most < 12) most = 12;
    const int64_t chunks = (c->tiles + most - 1) / most;
    most = (c->tiles + chunks - 1) / chunks;
    c->stride = FN(winograd_stride)(most * c->in);
    const size_t bytes = sizeof(T) * (size_t)(36 * c->stride);
    c->transformed = fk_allocate(bytes);
    for (c->first_tile = 0; c->first_tile < c->tiles; c->first_tile = c->last_tile) {
      c->last_tile = c->first_tile + most < c->tiles ? c->first_tile + most : c->tiles;
      fk_parallel(c->last_tile - c->first_tile, workers, FN(winograd_inputs), c);
      fk_parallel(c->panels, workers, FN(winograd_panel), c);
    }
    fk_deallocate(c->transformed, bytes);
  }
  fk_deallocate(zeros, zero_bytes);
}
