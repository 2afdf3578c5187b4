// Means over whole images, and gradients that go where the maximum was: pieces are an image's strip
// of channels.

typedef struct {
  int64_t pixels, out_pixels, channels;
  int64_t strip, strips;  // channels in a strip, strips in an image
  const T *x;
  const int32_t *places;
  T *y;
} FN(strips);

static void FN(strip_pieces)(FN(strips) * s, int64_t images, void (*body)(void *, int64_t)) {
  const int64_t channels = s->channels;
  if (images < 1 || channels < 1) return;
  // Few images: strips of whole cache lines; and never more than the buffers on the stack hold.
  int64_t strip = images >= 16 ? channels : channels * images / 1024 * 64 + 64;
  strip = strip > FN(most_columns) ? FN(most_columns) : (strip > channels ? channels : strip);
  s->strip = strip;
  s->strips = (channels + strip - 1) / strip;
  const bool is_small = images * channels * (s->pixels + s->out_pixels) < 32768;
  fk_parallel(images * s->strips, is_small ? 1 : fk_worker_count(), body, s);
}

FK_INLINE int64_t FN(strip_at)(const FN(strips) * s, int64_t index, int64_t *first) {
  *first = index % s->strips * s->strip;
  return s->channels - *first < s->strip ? s->channels - *first : s->strip;
}

FK_INLINE void FN(pixel_sums)(const int rows, int64_t width, int64_t stride, const T *x,
                            T *restrict sums) {
#define BODY(K, GET, PUT)                                                                          \
  {                                                                                                \
    K sum = GET(sums + c);                                                                         \
    FK_UNROLL for (int r = 0; r < rows; r++) sum += GET(x + r * stride + c);                       \
    PUT(sums + c, sum);                                                                            \
  }
  FK_ALONG(width, BODY)
#undef BODY
}

static void FN(global_average_piece)(void *context, int64_t index) {
  const FN(strips) *s = context;
  const int64_t image = index / s->strips, channels = s->channels, pixels = s->pixels;
  int64_t first;
  const int64_t width = FN(strip_at)(s, index, &first);
  const T *x = s->x + image * pixels * channels + first;
  T *y = s->y + image * channels + first;
  T sums[FN(most_columns)];
  double totals[FN(most_columns)];
  for (int64_t c = 0; c < width; c++) sums[c] = 0, totals[c] = 0;
  for (int64_t r = 0; r < pixels;) {
    const int64_t end = r + FN(flush_rows) < pixels ? r + FN(flush_rows) : pixels;
    for (; r + 8 <= end; r += 8) FN(pixel_sums)(8, width, channels, x + r * channels, sums);
    for (; r < end; r++) FN(pixel_sums)(1, width, channels, x + r * channels, sums);
    FN(flush)(width, sums, totals);
  }
  for (int64_t c = 0; c < width; c++) y[c] = (T)(totals[c] / (double)pixels);
}

static void FN(global_average)(int64_t images, int64_t pixels, int64_t channels, const void *x,
                               void *y) {
  FN(strips) s = {.pixels = pixels, .channels = channels, .x = x, .y = y};
  FN(strip_pieces)(&s, images, FN(global_average_piece));
}

static void FN(global_gradient_piece)(void *context, int64_t index) {
  const FN(strips) *s = context;
  const int64_t image = index / s->strips, channels = s->channels;
  int64_t first;
  const int64_t width = FN(strip_at)(s, index, &first);
  const T *g = s->x + image * channels + first, share = 1 / (T)s->pixels;
  for (int64_t r = 0; r < s->pixels; r++) {
    T *gx = s->y + (image * s->pixels + r) * channels + first;
#define BODY(K, GET, PUT) PUT(gx + c, GET(gx + c) + GET(g + c) * share);
    FK_ALONG(width, BODY)
#undef BODY
  }
}

static void FN(global_average_backward)(int64_t images, int64_t pixels, int64_t channels,
                                        const void *g, void *gx) {
  FN(strips) s = {.pixels = pixels, .channels = channels, .x = g, .y = gx};
  FN(strip_pieces)(&s, images, FN(global_gradient_piece));
}

static void FN(max_gradient_piece)(void *context, int64_t index) {
  const FN(strips) *s = context;
  const int64_t image = index / s->strips, channels = s->channels;
  int64_t first;
  const int64_t width = FN(strip_at)(s, index, &first);
  T *gx = s->y + image * s->pixels * channels + first;
  for (int64_t o = 0; o < s->out_pixels; o++) {
    const int64_t at = (image * s->out_pixels + o) * channels + first;
    const T *g = s->x + at;
    const int32_t *place = s->places + at;
    for (int64_t c = 0; c < width; c++) gx[place[c] * channels + c] += g[c];
  }
}

static void FN(max_pool_backward)(int64_t images, int64_t pixels, int64_t out_pixels,
                                  int64_t channels, const void *g, const int32_t *places,
                                  void *gx) {
  FN(strips) s = {.pixels = pixels, .out_pixels = out_pixels, .channels = channels, .x = g,
                  .places = places, .y = gx};
  FN(strip_pieces)(&s, images, FN(max_gradient_piece));
}
