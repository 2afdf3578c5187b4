// The gradient by the weights of a 3 x 3 convolution with stride 1, by the transpose of Winograd's
// F(4 x 4, 3 x 3): a tile of 4 x 4 gradients becomes 6 x 6, each of 36 elements is summed with that
// of the transformed inputs over all tiles, and the sums become 3 x 3.

typedef struct {
  FN(winograd_call) w;  // geometry, x on the left
  const T *g, *zeros;
  T *gw, *sums;         // sums [slots, 3, 3, in, out], null where there is one slot
  bool accumulate;
  int64_t in_block, in_blocks, slots, slot_tiles;
} FN(winograd_weight_call);

enum { FN(winograd_pairs) = 32 };

// Four gradients to six.
FK_INLINE void FN(winograd_spread)(const V *g, const int step, V *out, const int out_step) {
  const V a = g[0] + g[2 * step], b = g[step] + g[3 * step];
  const V c = g[0] + (T)4 * g[2 * step], d = (T)2 * g[step] + (T)8 * g[3 * step];
  out[0] = g[0];
  out[out_step] = a + b;
  out[2 * out_step] = a - b;
  out[3 * out_step] = c + d;
  out[4 * out_step] = c - d;
  out[5 * out_step] = g[3 * step];
}

// Six sums to three taps.
FK_INLINE void FN(winograd_gather)(const V *u, const int step, V *out, const int out_step) {
  const V a = u[step] + u[2 * step], b = u[2 * step] - u[step];
  const V c = u[3 * step] + u[4 * step], d = u[3 * step] - u[4 * step];
  out[0] = u[0] * (T)0.25 - a * (T)(1.0 / 6) + c * (T)(1.0 / 24);
  out[out_step] = b * (T)(1.0 / 6) + d * (T)(1.0 / 12);
  out[2 * out_step] = (c - a) * (T)(1.0 / 6) + u[5 * step];
}

// to [36] (a stride apart) of columns j..<j + width of the gradients of tile `t`.
static void FN(winograd_gradients)(const FN(winograd_weight_call) * c, int64_t t, int64_t j,
                                   int64_t width, T *to, int64_t stride) {
  const FN(winograd_call) *w = &c->w;
  const int64_t image = t / (w->tiles_y * w->tiles_x);
  const int64_t y0 = t / w->tiles_x % w->tiles_y * 4, x0 = t % w->tiles_x * 4;
  const T *pixels[16];
  for (int64_t y = 0; y < 4; y++)
    for (int64_t x = 0; x < 4; x++)
      pixels[4 * y + x] =
          y0 + y >= w->rows || x0 + x >= w->columns
              ? c->zeros
              : c->g + ((image * w->rows + y0 + y) * w->columns + x0 + x) * w->out + j;
  for (int64_t k = 0; k < width; k += FK_LANES) {
    V g[16], half[24], v[6];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) g[i] = LOAD(pixels[i] + k);
#pragma clang loop unroll(full)
    for (int x = 0; x < 4; x++) FN(winograd_spread)(g + x, 4, half + x, 4);
#pragma clang loop unroll(full)
    for (int y = 0; y < 6; y++) {
      FN(winograd_spread)(half + 4 * y, 1, v, 1);
#pragma clang loop unroll(full)
      for (int x = 0; x < 6; x++) STORE(to + (6 * y + x) * stride + k, v[x]);
    }
  }
}

static void FN(winograd_weight_unit)(void *context, int64_t index) {
  const FN(winograd_weight_call) *c = context;
  const FN(winograd_call) *w = &c->w;
  enum { TILES = FN(winograd_pairs) };
  const int64_t panel = index % w->panels, block = index / w->panels % c->in_blocks;
  const int64_t slot = index / w->panels / c->in_blocks;
  const int64_t j = panel * w->panel, width = w->out - j < w->panel ? w->out - j : w->panel;
  const int64_t first = block * c->in_block;
  const int64_t in = w->in - first < c->in_block ? w->in - first : c->in_block;
  const int64_t x_stride = FN(winograd_stride)(TILES * in);
  const int64_t g_stride = FN(winograd_stride)(TILES * width);
  const int64_t u_stride = FN(winograd_stride)(in * width);
  const size_t bytes = sizeof(T) * (size_t)(36 * (x_stride + g_stride + u_stride));
  T *x = fk_allocate(bytes), *g = x + 36 * x_stride, *u = g + 36 * g_stride;
  memset(u, 0, sizeof(T) * (size_t)(36 * u_stride));
  const T *pairs[2 * TILES + FN(pair_ahead)];
  FN(pair_tile) tile = {.x = pairs, .g = pairs + TILES + FN(pair_ahead), .ldc = width};
  const int vectors = (int)(width / FK_LANES);
  const int64_t rows = FK_TAP_ROWS(vectors), last = (slot + 1) * c->slot_tiles;
  const int64_t end = last < w->tiles ? last : w->tiles;
  for (int i = 0; i < TILES + FN(pair_ahead); i++) pairs[i] = x + (i < TILES ? i : 0) * in;
  for (int i = 0; i < TILES; i++) pairs[TILES + FN(pair_ahead) + i] = g + i * width;
  for (int64_t t0 = slot * c->slot_tiles; t0 < end; t0 += TILES) {
    tile.count = end - t0 < TILES ? end - t0 : TILES;
    for (int64_t t = 0; t < tile.count; t++) {
      FN(winograd_transform)(w, t0 + t, first, in, x + t * in, x_stride);
      FN(winograd_gradients)(c, t0 + t, j, width, g + t * width, g_stride);
    }
    for (int64_t i = 0; i < 36; i++)
      for (int64_t k = 0; k < in; k += rows) {
        tile.x_offset = i * x_stride + k;
        tile.g_offset = i * g_stride;
        tile.out = u + i * u_stride + k * width;
        FN(pair_blocks)(vectors, (int)(in - k < rows ? in - k : rows), &tile);
      }
  }
  T *gw = c->sums ? c->sums + slot * 9 * w->in * w->out : c->gw;
  for (int64_t k = 0; k < in; k++)
    for (int64_t l = 0; l < width; l += FK_LANES) {
      V v[36], half[18], taps[9];
#pragma clang loop unroll(full)
      for (int i = 0; i < 36; i++) v[i] = LOAD(u + i * u_stride + k * width + l);
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) FN(winograd_gather)(v + i, 6, half + i, 6);
#pragma clang loop unroll(full)
      for (int i = 0; i < 3; i++) FN(winograd_gather)(half + 6 * i, 1, taps + 3 * i, 1);
      for (int i = 0; i < 9; i++) {
        T *to = gw + (i * w->in + first + k) * w->out + j + l;
        STORE(to, !c->sums && c->accumulate ? LOAD(to) + taps[i] : taps[i]);
      }
    }
  fk_deallocate(x, bytes);
}

static void FN(winograd_weights)(const fk_convolution_shape *s, const T *x, const T *g, T *gw,
                                 bool accumulate) {
  FN(winograd_weight_call) c = {
      .w = {.images = s->images, .height = s->height, .width = s->width, .in = s->in_channels,
            .rows = s->out_height, .columns = s->out_width, .out = s->out_channels,
            .pad_y = s->pad_y, .pad_x = s->pad_x, .left = x},
      .g = g,
      .gw = gw,
      .accumulate = accumulate};
  FN(winograd_call) *w = &c.w;
  FN(winograd_cut)(w);
  const size_t zero_bytes = sizeof(T) * (size_t)(w->in > w->out ? w->in : w->out);
  T *zeros = fk_allocate(zero_bytes);
  memset(zeros, 0, zero_bytes);
  w->zeros = c.zeros = zeros;
  // By the shape alone, so that results do not depend on the number of threads.
  c.in_block = w->in < 64 ? w->in : 64;
  c.in_blocks = (w->in + c.in_block - 1) / c.in_block;
  const int64_t parts = c.in_blocks * w->panels, finest = w->tiles / 96;
  c.slots = parts >= 8 ? 1 : 16 / parts;
  if (c.slots > finest) c.slots = finest;
  if (c.slots < 1) c.slots = 1;
  c.slot_tiles = (w->tiles + c.slots - 1) / c.slots;
  c.slots = (w->tiles + c.slot_tiles - 1) / c.slot_tiles;
  const int64_t weights = 9 * w->in * w->out;
  const size_t bytes = c.slots > 1 ? sizeof(T) * (size_t)(c.slots * weights) : 0;
  if (bytes > 0) c.sums = fk_allocate(bytes);
  fk_parallel(parts * c.slots, fk_worker_count(), FN(winograd_weight_unit), &c);
  if (bytes > 0) {
    FN(sum_slots)((FN(slot_sums)){c.sums, gw, weights, c.slots, accumulate});
    fk_deallocate(c.sums, bytes);
  }
  fk_deallocate(zeros, zero_bytes);
}
