// Which pixels of an image each tap of a convolution sees: lists of pointers, and rows with zeros
// at their sides.

typedef struct {
  int64_t y, x;     // the tap's place relative to (row * step_y, column * step_x)
  int64_t weights;  // which part [in, out] of the weights
} FN(tap);

typedef struct {
  // Result pixel (image, j, i) lies at image * out_image + j * out_row + i * out_column.
  int64_t images, rows, columns, out_image, out_row, out_column;
  int64_t height, width, in_image, in_row, in_column;  // the left image
  int64_t step_y, step_x;
  int64_t tap_count;
  const FN(tap) * taps;
  bool by_position;     // pixels in the order (row, column, image) instead of (image, row, column)
  int64_t padded_left;  // >= 0: rows are first copied with so many pixels of zeros before them and
  int64_t padded_width; // this width in all, since a tap is then a run over several pixels
  int64_t in, out;      // elements of a tap, columns of the result
  const T *left, *weights, *bias, *residual, *zeros;
  T *result;
  int64_t ldw;        // weights [in, ldw], or [out, ldw] where transposed
  bool transposed;
  bool accumulate;
  fk_activation activation;
  T slope;
  // How it is cut.
  int64_t vectors, panel, panels;    // of a panel of columns
  int64_t tap_block, channel_block;  // of a block of the contraction
  int64_t tap_blocks, channel_blocks;
  int64_t pixels, pixel_block, pixel_units, column_units, lines;
  int64_t first_unit, first_packing;  // among those of all passes
  T *packed;                          // null: each unit packs its own
} FN(pass);

// Result pixels that follow each other along the row, or over the images at one position.
typedef struct {
  int64_t image, j, i, count;
} FN(pixel_run);

static FN(pixel_run) FN(run_from)(const FN(pass) * p, int64_t q, int64_t most) {
  FN(pixel_run) run;
  if (p->by_position) {
    const int64_t position = q / p->images;
    run = (FN(pixel_run)){q % p->images, position / p->columns, position % p->columns, 0};
    run.count = p->images - run.image;
  } else {
    const int64_t line = q / p->columns;
    run = (FN(pixel_run)){line / p->rows, line % p->rows, q % p->columns, 0};
    run.count = p->columns - run.i;
  }
  if (run.count > most) run.count = most;
  return run;
}

// Where the first pixel of a run is in the result, and how far it is from one to the next there and
// on the left.
static int64_t FN(run_place)(const FN(pass) * p, FN(pixel_run) run) {
  return run.image * p->out_image + run.j * p->out_row + run.i * p->out_column;
}

static int64_t FN(run_out_step)(const FN(pass) * p) {
  return p->by_position ? p->out_image : p->out_column;
}

static int64_t FN(run_in_step)(const FN(pass) * p) {
  return p->by_position ? p->in_image : p->in_column * p->step_x;
}

// Pixels low..<high of a run see `tap` within the image; returns what pixel low sees, where `base`
// is the image `first_image` on the left.
static uintptr_t FN(run_inside)(const FN(pass) * p, FN(pixel_run) run, FN(tap) tap, const T *base,
                                int64_t first_image, int64_t *low, int64_t *high) {
  const int64_t y = run.j * p->step_y + tap.y, x = run.i * p->step_x + tap.x, n = run.count;
  *low = 0;
  *high = n;
  if (y < 0 || y >= p->height) {
    *high = 0;
  } else if (p->by_position) {
    if (x < 0 || x >= p->width) *high = 0;
  } else {
    if (x < 0) *low = (-x + p->step_x - 1) / p->step_x;
    if (x + (n - 1) * p->step_x >= p->width)
      *high = p->width <= x ? 0 : (p->width - x + p->step_x - 1) / p->step_x;
    if (*low > n) *low = n;
  }
  if (*high <= *low) {
    *high = *low;
    return 0;
  }
  const int64_t column = x + (p->by_position ? 0 : *low * p->step_x);
  return (uintptr_t)base +
         (uintptr_t)((run.image - first_image) * p->in_image + y * p->in_row +
                     column * p->in_column) *
             sizeof(T);
}

// Pointers left [tap_count, count] and places of pixels from q on; hits [groups of rows,
// tap_count].
static void FN(list_pixels)(const FN(pass) * p, const T *base, int64_t first_image, int64_t q,
                            int64_t count, int64_t rows, const T **left, int64_t *places,
                            uint8_t *hits) {
  const int64_t out_step = FN(run_out_step)(p);
  const uintptr_t in_step = (uintptr_t)FN(run_in_step)(p) * sizeof(T);
  for (int64_t done = 0; done < count;) {
    const FN(pixel_run) run = FN(run_from)(p, q + done, count - done);
    const int64_t place = FN(run_place)(p, run);
    for (int64_t c = 0; c < run.count; c++) places[done + c] = place + c * out_step;
    for (int64_t t = 0; t < p->tap_count; t++) {
      const T **to = left + t * count + done;
      int64_t low, high;
      const uintptr_t from =
          FN(run_inside)(p, run, p->taps[t], base, first_image, &low, &high);
      for (int64_t c = 0; c < low; c++) to[c] = p->zeros;
      for (int64_t c = low; c < high; c++)
        to[c] = (const T *)(from + (uintptr_t)(c - low) * in_step);
      for (int64_t c = high; c < run.count; c++) to[c] = p->zeros;
      if (low == high) continue;
      for (int64_t g = (done + low) / rows; g <= (done + high - 1) / rows; g++)
        hits[g * p->tap_count + t] = 1;
    }
    done += run.count;
  }
}

// Pixels q..<end of unit `unit` of the pass.
static void FN(unit_pixels)(const FN(pass) * p, int64_t unit, int64_t *q, int64_t *end) {
  if (p->lines == 0) {
    *q = unit * p->pixel_block;
    *end = *q + p->pixel_block;
  } else if (p->lines >= p->rows) {  // whole images
    *q = unit * p->lines * p->columns;
    *end = *q + p->lines * p->columns;
  } else {  // lines of one image
    const int64_t units = (p->rows + p->lines - 1) / p->lines, image = unit / units;
    const int64_t line = unit % units * p->lines;
    const int64_t beyond = line + p->lines < p->rows ? line + p->lines : p->rows;
    *q = (image * p->rows + line) * p->columns;
    *end = (image * p->rows + beyond) * p->columns;
  }
  if (*end > p->pixels) *end = p->pixels;
}

// Rows of the left image that lines q..<end see, with zeros at their sides. `local` becomes the
// pass with the geometry of the copy; returns where row 0 of the first image would lie.
static const T *FN(pad_rows)(FN(pass) * local, int64_t q, int64_t end, T **scratch, size_t *bytes) {
  const FN(pass) p = *local;
  const int64_t first = q / (p.rows * p.columns), last = (end - 1) / (p.rows * p.columns);
  int64_t low = p.height, high = 0;
  for (int64_t t = 0; t < p.tap_count; t++) {
    const int64_t j0 = first == last ? q / p.columns % p.rows : 0;
    const int64_t j1 = first == last ? (end - 1) / p.columns % p.rows : p.rows - 1;
    const int64_t y0 = j0 * p.step_y + p.taps[t].y, y1 = j1 * p.step_y + p.taps[t].y + 1;
    if (y0 < low) low = y0;
    if (y1 > high) high = y1;
  }
  if (low < 0) low = 0;
  if (high > p.height) high = p.height;
  if (high < low) high = low;
  const int64_t row = p.padded_width * p.in_column;
  const int64_t kept = p.width < p.padded_width - p.padded_left ? p.width
                                                                 : p.padded_width - p.padded_left;
  *bytes = sizeof(T) * (size_t)((last - first + 1) * (high - low) * row);
  T *to = *scratch = fk_allocate(*bytes);
  for (int64_t image = first; image <= last; image++)
    for (int64_t y = low; y < high; y++, to += row) {
      const T *from = p.left + image * p.in_image + y * p.in_row;
      const int64_t before = p.padded_left * p.in_column;
      const int64_t own = kept < 0 ? 0 : kept * p.in_column;
      const int64_t zeros = before < row ? before : row;
      memset(to, 0, sizeof(T) * (size_t)zeros);
      memcpy(to + zeros, from, sizeof(T) * (size_t)own);
      memset(to + zeros + own, 0, sizeof(T) * (size_t)(row - zeros - own));
    }
  local->in_row = row;
  local->in_image = (high - low) * row;
  local->width = p.padded_width;
  return (const T *)((uintptr_t)*scratch - (uintptr_t)(low * row) * sizeof(T));
}
