// Pooling of images [images, height, width, channels]. Pieces are cut by the shape alone, and each
// element of a result is written by one of them.

typedef struct {
  int64_t images, height, width, channels;
  int64_t kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x;
  int64_t out_height, out_width;
  bool counts_padding;
  const T *x;
  T *y;
  int32_t *places;
  int64_t rows, piece_rows;  // of all images together; in one piece
} FN(pool);

typedef FK_INT FN(place_vector) __attribute__((ext_vector_type(FK_LANES)));
typedef int32_t FN(loose_places) __attribute__((ext_vector_type(FK_LANES), aligned(4)));

// `elements`: how many are looked at in all.
static void FN(pool_pieces)(FN(pool) * p, int64_t rows, int64_t elements,
                            void (*body)(void *, int64_t)) {
  if (rows < 1 || p->channels < 1) return;
  int64_t pieces = elements / 32768;
  pieces = pieces < 1 ? 1 : (pieces > 64 ? 64 : pieces);
  p->rows = rows;
  p->piece_rows = (rows + pieces - 1) / pieces;
  fk_parallel((rows + p->piece_rows - 1) / p->piece_rows, fk_worker_count(), body, p);
}

// The part of a window that lies within the image along one axis, [first, last).
FK_INLINE void FN(window)(int64_t out, int64_t stride, int64_t pad, int64_t kernel, int64_t size,
                          int64_t *first, int64_t *last) {
  const int64_t start = out * stride - pad;
  *first = start < 0 ? 0 : start;
  *last = start + kernel < size ? start + kernel : size;
}

// What a mean over a window divides by, along one axis: windows may hang over the padding.
FK_INLINE int64_t FN(window_size)(const bool counts_padding, int64_t out, int64_t stride,
                                  int64_t pad, int64_t kernel, int64_t size) {
  const int64_t start = out * stride - pad;
  const int64_t first = counts_padding || start > 0 ? start : 0;
  const int64_t end = counts_padding ? size + pad : size;
  return (start + kernel < end ? start + kernel : end) - first;
}

// MARK: - Windows

#define FK_PUT_PLACES(p, v) (*(FN(loose_places) *)(p) = __builtin_convertvector(v, FN(loose_places)))
#define FK_PUT_PLACE(p, v) (*(p) = (int32_t)(v))

// One output pixel; y0...x1 is its window. The body for four vectors, one, and one element.
#define FK_MAX_WINDOW(count, K, I, GET, PUT, PUT_PLACE)                                            \
  {                                                                                                \
    K best[count];                                                                                 \
    I at[count];                                                                                   \
    FK_UNROLL for (int v = 0; v < count; v++) best[v] = (K)(-(T)INFINITY);                         \
    FK_UNROLL for (int v = 0; v < count; v++) at[v] = (I)((FK_INT)(y0 * p->width + x0));           \
    for (int64_t iy = y0; iy < y1; iy++)                                                           \
      for (int64_t ix = x0; ix < x1; ix++) {                                                       \
        const FK_INT place = (FK_INT)(iy * p->width + ix);                                         \
        const T *from = x + place * channels + c;                                                  \
        FK_UNROLL for (int v = 0; v < count; v++) {                                                \
          const K value = GET(from + v * FK_LANES);                                                \
          at[v] = ((value > best[v]) | (value != value)) ? (I)(place) : at[v];                     \
          best[v] = ((value > best[v]) | (value != value)) ? value : best[v];                      \
        }                                                                                          \
      }                                                                                            \
    FK_UNROLL for (int v = 0; v < count; v++) {                                                    \
      PUT(y + c + v * FK_LANES, best[v]);                                                          \
      if (wants_places) PUT_PLACE(places + c + v * FK_LANES, at[v]);                               \
    }                                                                                              \
  }

FK_INLINE void FN(max_pixel)(const bool wants_places, const FN(pool) * p, const T *x, int64_t y0,
                             int64_t y1, int64_t x0, int64_t x1, T *y, int32_t *places) {
  const int64_t channels = p->channels;
  int64_t c = 0;
  for (; c + 4 * FK_LANES <= channels; c += 4 * FK_LANES)
    FK_MAX_WINDOW(4, V, FN(place_vector), LOAD, STORE, FK_PUT_PLACES)
  for (; c + FK_LANES <= channels; c += FK_LANES)
    FK_MAX_WINDOW(1, V, FN(place_vector), LOAD, STORE, FK_PUT_PLACES)
  if (c < channels && channels >= FK_LANES) {
    c = channels - FK_LANES;
    FK_MAX_WINDOW(1, V, FN(place_vector), LOAD, STORE, FK_PUT_PLACES)
    c = channels;
  }
  for (; c < channels; c++) FK_MAX_WINDOW(1, T, FK_INT, FK_GET, FK_PUT, FK_PUT_PLACE)
}
#undef FK_MAX_WINDOW
#undef FK_PUT_PLACES
#undef FK_PUT_PLACE

#define FK_MEAN_WINDOW(count, K, GET, PUT)                                                         \
  {                                                                                                \
    K sum[count];                                                                                  \
    FK_UNROLL for (int v = 0; v < count; v++) sum[v] = (K)((T)0);                                  \
    for (int64_t iy = y0; iy < y1; iy++)                                                           \
      for (int64_t ix = x0; ix < x1; ix++) {                                                       \
        const T *from = x + (iy * p->width + ix) * channels + c;                                   \
        FK_UNROLL for (int v = 0; v < count; v++) sum[v] += GET(from + v * FK_LANES);              \
      }                                                                                            \
    FK_UNROLL for (int v = 0; v < count; v++) PUT(y + c + v * FK_LANES, sum[v] * share);           \
  }

FK_INLINE void FN(mean_pixel)(const FN(pool) * p, const T *x, T share, int64_t y0, int64_t y1,
                              int64_t x0, int64_t x1, T *y) {
  const int64_t channels = p->channels;
  int64_t c = 0;
  for (; c + 4 * FK_LANES <= channels; c += 4 * FK_LANES) FK_MEAN_WINDOW(4, V, LOAD, STORE)
  for (; c + FK_LANES <= channels; c += FK_LANES) FK_MEAN_WINDOW(1, V, LOAD, STORE)
  if (c < channels && channels >= FK_LANES) {
    c = channels - FK_LANES;
    FK_MEAN_WINDOW(1, V, LOAD, STORE)
    c = channels;
  }
  for (; c < channels; c++) FK_MEAN_WINDOW(1, T, FK_GET, FK_PUT)
}
#undef FK_MEAN_WINDOW

// Rows of output pixels; `kind` 0: mean, 1: maximum, 2: maximum with places.
FK_INLINE void FN(pool_rows)(const int kind, const FN(pool) * p, int64_t index) {
  const int64_t first = index * p->piece_rows;
  const int64_t last = first + p->piece_rows < p->rows ? first + p->piece_rows : p->rows;
  for (int64_t row = first; row < last; row++) {
    const int64_t image = row / p->out_height, oy = row % p->out_height;
    const T *x = p->x + image * p->height * p->width * p->channels;
    int64_t y0, y1, x0, x1;
    FN(window)(oy, p->stride_y, p->pad_y, p->kernel_y, p->height, &y0, &y1);
    const int64_t high = FN(window_size)(p->counts_padding, oy, p->stride_y, p->pad_y, p->kernel_y,
                                         p->height);
    for (int64_t ox = 0; ox < p->out_width; ox++) {
      const int64_t at = (row * p->out_width + ox) * p->channels;
      FN(window)(ox, p->stride_x, p->pad_x, p->kernel_x, p->width, &x0, &x1);
      if (kind == 0) {
        const int64_t wide = FN(window_size)(p->counts_padding, ox, p->stride_x, p->pad_x,
                                             p->kernel_x, p->width);
        FN(mean_pixel)(p, x, 1 / (T)(high * wide), y0, y1, x0, x1, p->y + at);
      } else {
        FN(max_pixel)(kind == 2, p, x, y0, y1, x0, x1, p->y + at, kind == 2 ? p->places + at : NULL);
      }
    }
  }
}

static void FN(average_piece)(void *p, int64_t index) { FN(pool_rows)(0, p, index); }
static void FN(max_piece)(void *p, int64_t index) { FN(pool_rows)(1, p, index); }
static void FN(max_places_piece)(void *p, int64_t index) { FN(pool_rows)(2, p, index); }

#define FK_GEOMETRY                                                                                \
  int64_t images, int64_t height, int64_t width, int64_t channels, int64_t kernel_y,               \
      int64_t kernel_x, int64_t stride_y, int64_t stride_x, int64_t pad_y, int64_t pad_x,          \
      int64_t out_height, int64_t out_width
#define FK_POOL                                                                                    \
  {                                                                                                \
    .images = images, .height = height, .width = width, .channels = channels,                      \
    .kernel_y = kernel_y, .kernel_x = kernel_x, .stride_y = stride_y, .stride_x = stride_x,        \
    .pad_y = pad_y, .pad_x = pad_x, .out_height = out_height, .out_width = out_width,              \
  }

static void FN(max_pool)(FK_GEOMETRY, const void *x, void *y, int32_t *places) {
  FN(pool) p = FK_POOL;
  p.x = x, p.y = y, p.places = places;
  FN(pool_pieces)(&p, images * out_height,
                  images * out_height * out_width * channels * kernel_y * kernel_x,
                  places ? FN(max_places_piece) : FN(max_piece));
}

static void FN(average_pool)(FK_GEOMETRY, bool counts_padding, const void *x, void *y) {
  FN(pool) p = FK_POOL;
  p.counts_padding = counts_padding, p.x = x, p.y = y;
  FN(pool_pieces)(&p, images * out_height,
                  images * out_height * out_width * channels * kernel_y * kernel_x,
                  FN(average_piece));
}

// MARK: - Gradients

// The windows that hold a pixel, along one axis, [first, last).
FK_INLINE void FN(windows_of)(int64_t in, int64_t stride, int64_t pad, int64_t kernel,
                              int64_t outputs, int64_t *first, int64_t *last) {
  const int64_t lowest = in + pad - kernel + 1;
  *first = lowest <= 0 ? 0 : (lowest + stride - 1) / stride;
  *last = (in + pad) / stride + 1 < outputs ? (in + pad) / stride + 1 : outputs;
}

// Here p->x is the gradient by the result, and p->y that by the images.
static void FN(average_gradient_piece)(void *context, int64_t index) {
  const FN(pool) *p = context;
  const int64_t first = index * p->piece_rows, channels = p->channels;
  const int64_t last = first + p->piece_rows < p->rows ? first + p->piece_rows : p->rows;
  for (int64_t row = first; row < last; row++) {
    const T *g = p->x + row / p->height * p->out_height * p->out_width * channels;
    int64_t y0, y1, x0, x1;
    FN(windows_of)(row % p->height, p->stride_y, p->pad_y, p->kernel_y, p->out_height, &y0, &y1);
    for (int64_t ix = 0; ix < p->width; ix++) {
      T *gx = p->y + (row * p->width + ix) * channels;
      FN(windows_of)(ix, p->stride_x, p->pad_x, p->kernel_x, p->out_width, &x0, &x1);
      for (int64_t oy = y0; oy < y1; oy++)
        for (int64_t ox = x0; ox < x1; ox++) {
          const T *from = g + (oy * p->out_width + ox) * channels;
          const T share =
              1 / (T)(FN(window_size)(p->counts_padding, oy, p->stride_y, p->pad_y, p->kernel_y,
                                      p->height) *
                      FN(window_size)(p->counts_padding, ox, p->stride_x, p->pad_x, p->kernel_x,
                                      p->width));
#define BODY(K, GET, PUT) PUT(gx + c, GET(gx + c) + GET(from + c) * share);
          FK_ALONG(channels, BODY)
#undef BODY
        }
    }
  }
}

static void FN(average_pool_backward)(FK_GEOMETRY, bool counts_padding, const void *g, void *gx) {
  FN(pool) p = FK_POOL;
  p.counts_padding = counts_padding, p.x = g, p.y = gx;
  FN(pool_pieces)(&p, images * height,
                  images * out_height * out_width * channels * kernel_y * kernel_x,
                  FN(average_gradient_piece));
}
#undef FK_GEOMETRY
#undef FK_POOL
