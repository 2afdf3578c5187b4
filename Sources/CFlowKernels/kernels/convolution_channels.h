// Convolutions of which every channel is its own group (depthwise): vectors run over channels.

typedef struct {
  const fk_convolution_shape *s;
  const T *x, *weights, *bias, *residual;
  T *y;
  fk_activation activation;
  T slope;
  bool accumulate;
  int64_t slots;
  T *sums;
} FN(channel_call);

enum { FN(channel_block) = 4 * FK_LANES };

// The taps k with 0 <= from + k * step < size.
FK_INLINE void FN(taps_inside)(int64_t from, int64_t step, int64_t size, int64_t kernel,
                               int64_t *low, int64_t *high) {
  *low = from < 0 ? (-from + step - 1) / step : 0;
  *high = from >= size ? 0 : (size - from + step - 1) / step;
  if (*high > kernel) *high = kernel;
  if (*low > *high) *low = *high;
}

// y [channels] of one pixel, for FN(channel_block) channels from c on.
FK_INLINE void FN(channel_pixel)(const FN(channel_call) * c, const T *image, int64_t iy, int64_t ix,
                                 int64_t ky0, int64_t ky1, int64_t kx0, int64_t kx1, int64_t from,
                                 int64_t place) {
  const fk_convolution_shape *s = c->s;
  const int64_t channels = s->in_channels;
  V sum[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < 4; v++) sum[v] = c->bias ? LOAD(c->bias + from + v * FK_LANES) : (V)(0);
  for (int64_t ky = ky0; ky < ky1; ky++) {
    const T *row = image + ((iy + ky * s->dilation_y) * s->width + ix) * channels + from;
    const T *w = c->weights + ky * s->kernel_width * channels + from;
    for (int64_t kx = kx0; kx < kx1; kx++) {
      const T *x = row + kx * s->dilation_x * channels;
#pragma clang loop unroll(full)
      for (int v = 0; v < 4; v++)
        sum[v] += LOAD(x + v * FK_LANES) * LOAD(w + kx * channels + v * FK_LANES);
    }
  }
  const T slope = c->slope;
#pragma clang loop unroll(full)
  for (int v = 0; v < 4; v++) {
    V y = sum[v];
    if (c->residual) y += LOAD(c->residual + place + from + v * FK_LANES);
    if (c->activation == FK_RELU) y = y < 0 ? (V)(0) : y;
    if (c->activation == FK_LEAKY_RELU) y = y > 0 ? y : y * slope;
    STORE(c->y + place + from + v * FK_LANES, y);
  }
}

static void FN(channel_row)(void *context, int64_t row) {
  const FN(channel_call) *c = context;
  const fk_convolution_shape *s = c->s;
  const int64_t channels = s->in_channels, whole = channels / FN(channel_block);
  const T *image = c->x + row / s->out_height * s->height * s->width * channels;
  const int64_t iy = row % s->out_height * s->stride_y - s->pad_y;
  int64_t ky0, ky1, kx0, kx1;
  FN(taps_inside)(iy, s->dilation_y, s->height, s->kernel_height, &ky0, &ky1);
  for (int64_t ox = 0; ox < s->out_width; ox++) {
    const int64_t ix = ox * s->stride_x - s->pad_x;
    const int64_t place = (row * s->out_width + ox) * channels;
    FN(taps_inside)(ix, s->dilation_x, s->width, s->kernel_width, &kx0, &kx1);
    for (int64_t b = 0; b < whole; b++)
      FN(channel_pixel)(c, image, iy, ix, ky0, ky1, kx0, kx1, b * FN(channel_block), place);
    T *y = c->y + place;
    for (int64_t j = whole * FN(channel_block); j < channels; j++) y[j] = c->bias ? c->bias[j] : 0;
    for (int64_t ky = ky0; ky < ky1; ky++)
      for (int64_t kx = kx0; kx < kx1; kx++) {
        const T *x =
            image + ((iy + ky * s->dilation_y) * s->width + ix + kx * s->dilation_x) * channels;
        const T *w = c->weights + (ky * s->kernel_width + kx) * channels;
        for (int64_t j = whole * FN(channel_block); j < channels; j++) y[j] += x[j] * w[j];
      }
    for (int64_t j = whole * FN(channel_block); j < channels; j++) {
      if (c->residual) y[j] += c->residual[place + j];
      if (c->activation == FK_RELU) y[j] = y[j] < 0 ? 0 : y[j];
      if (c->activation == FK_LEAKY_RELU) y[j] = y[j] > 0 ? y[j] : y[j] * c->slope;
    }
    if (c->activation > FK_LEAKY_RELU) FN(activate)(c->activation, c->slope, channels, y);
  }
}

// Each row of the input gradient gathers from the rows of g that saw it.
static void FN(channel_input_row)(void *context, int64_t row) {
  const FN(channel_call) *c = context;
  const fk_convolution_shape *s = c->s;
  const int64_t channels = s->in_channels, image = row / s->height, iy = row % s->height;
  T *gx = c->y + row * s->width * channels;
  if (!c->accumulate) memset(gx, 0, sizeof(T) * (size_t)(s->width * channels));
  for (int64_t i = 0; c->bias && i < s->width; i++)
    for (int64_t j = 0; j < channels; j++) gx[i * channels + j] += c->bias[j];
  for (int64_t ky = 0; ky < s->kernel_height; ky++) {
    const int64_t y = iy + s->pad_y - ky * s->dilation_y;
    if (y < 0 || y % s->stride_y != 0 || y / s->stride_y >= s->out_height) continue;
    const T *g = c->x + (image * s->out_height + y / s->stride_y) * s->out_width * channels;
    for (int64_t kx = 0; kx < s->kernel_width; kx++) {
      const T *w = c->weights + (ky * s->kernel_width + kx) * channels;
      int64_t ox0, ox1;
      FN(taps_inside)(kx * s->dilation_x - s->pad_x, s->stride_x, s->width, s->out_width, &ox0,
                      &ox1);
      for (int64_t ox = ox0; ox < ox1; ox++) {
        T *to = gx + (ox * s->stride_x - s->pad_x + kx * s->dilation_x) * channels;
        const T *from = g + ox * channels;
        for (int64_t j = 0; j < channels; j++) to[j] += from[j] * w[j];
      }
    }
  }
}

// Sums of a slot of result rows: slots are a matter of the shape alone.
static void FN(channel_weight_slot)(void *context, int64_t slot) {
  const FN(channel_call) *c = context;
  const fk_convolution_shape *s = c->s;
  const int64_t channels = s->in_channels, rows = s->images * s->out_height;
  const int64_t weights = s->kernel_height * s->kernel_width * channels;
  T *sums = c->sums + slot * weights;
  memset(sums, 0, sizeof(T) * (size_t)weights);
  for (int64_t row = slot * rows / c->slots; row < (slot + 1) * rows / c->slots; row++) {
    const T *image = c->x + row / s->out_height * s->height * s->width * channels;
    const T *g = c->weights + row * s->out_width * channels;
    const int64_t iy = row % s->out_height * s->stride_y - s->pad_y;
    int64_t ky0, ky1, ox0, ox1;
    FN(taps_inside)(iy, s->dilation_y, s->height, s->kernel_height, &ky0, &ky1);
    for (int64_t ky = ky0; ky < ky1; ky++)
      for (int64_t kx = 0; kx < s->kernel_width; kx++) {
        const int64_t ix = kx * s->dilation_x - s->pad_x;
        T *to = sums + (ky * s->kernel_width + kx) * channels;
        const T *x = image + (iy + ky * s->dilation_y) * s->width * channels;
        FN(taps_inside)(ix, s->stride_x, s->width, s->out_width, &ox0, &ox1);
        int64_t j = 0;
        for (; j + FK_LANES <= channels; j += FK_LANES) {
          V sum = LOAD(to + j);
          for (int64_t ox = ox0; ox < ox1; ox++)
            sum += LOAD(x + (ix + ox * s->stride_x) * channels + j) * LOAD(g + ox * channels + j);
          STORE(to + j, sum);
        }
        for (; j < channels; j++)
          for (int64_t ox = ox0; ox < ox1; ox++)
            to[j] += x[(ix + ox * s->stride_x) * channels + j] * g[ox * channels + j];
      }
  }
}

static bool FN(is_channelwise)(const fk_convolution_shape *s) {
  return s->groups > 1 && s->in_channels == s->groups && s->out_channels == s->groups;
}

static void FN(channel_weight_gradient)(const fk_convolution_shape *s, const T *x, const T *g,
                                        T *gw, bool accumulate) {
  const int64_t rows = s->images * s->out_height;
  const int64_t weights = s->kernel_height * s->kernel_width * s->in_channels;
  FN(channel_call) c = {.s = s, .x = x, .weights = g, .slots = rows < 16 ? rows : 16};
  if (c.slots < 1) c.slots = 1;
  const size_t bytes = sizeof(T) * (size_t)(c.slots * weights);
  c.sums = fk_allocate(bytes);
  fk_parallel(c.slots, fk_worker_count(), FN(channel_weight_slot), &c);
  if (!accumulate) memset(gw, 0, sizeof(T) * (size_t)weights);
  for (int64_t slot = 0; slot < c.slots; slot++)
    for (int64_t i = 0; i < weights; i++) gw[i] += c.sums[slot * weights + i];
  fk_deallocate(c.sums, bytes);
}
