// A convolution as products: every result pixel of a grid sees, for each of a list of taps, one
// pixel of the image on the left. A forward pass is one such pass for each group of channels, an
// input gradient is one for each group and each phase of the strides.
//
// Each pass is cut into units of (block of pixels) x (panels of columns). A unit lists the pointers
// of its pixels once, and runs all blocks of the contraction and all its panels over that list. How
// it is cut has no influence on results: each element is summed in the order of taps and channels.

// rows x columns of `in` transposed.
static void FN(transpose_strided)(int64_t rows, int64_t columns, const T *in, int64_t ld_in, T *out,
                                  int64_t ld_out) {
  const int64_t whole_rows = rows - rows % FK_LANES, whole_columns = columns - columns % FK_LANES;
  for (int64_t r = 0; r < whole_rows; r += FK_LANES)
    for (int64_t c = 0; c < whole_columns; c += FK_LANES) {
      V v[FK_LANES], w[FK_LANES];
#pragma clang loop unroll(full)
      for (int i = 0; i < FK_LANES; i++) v[i] = LOAD(in + (r + i) * ld_in + c);
#pragma clang loop unroll(full)
      for (int round = FK_LANES; round > 1; round /= 2) {
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES / 2; i++) {
          w[2 * i] = FK_ZIP_LOW(v[i], v[i + FK_LANES / 2]);
          w[2 * i + 1] = FK_ZIP_HIGH(v[i], v[i + FK_LANES / 2]);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < FK_LANES; i++) v[i] = w[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < FK_LANES; i++) STORE(out + (c + i) * ld_out + r, v[i]);
    }
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; c++)
      out[c * ld_out + r] = in[r * ld_in + c];
}

// The part of the contraction that is block `block`.
typedef struct {
  int64_t tap, taps, channel, channels;
} FN(span);

static FN(span) FN(span_at)(const FN(pass) * p, int64_t block) {
  FN(span) part = {.tap = block / p->channel_blocks * p->tap_block,
                   .channel = block % p->channel_blocks * p->channel_block};
  part.taps = p->tap_count - part.tap < p->tap_block ? p->tap_count - part.tap : p->tap_block;
  part.channels =
      p->in - part.channel < p->channel_block ? p->in - part.channel : p->channel_block;
  return part;
}

// Whether the weights can be used as they lie.
static bool FN(in_place)(const FN(pass) * p) {
  return !p->transposed && p->panels == 1 && p->ldw == p->panel && p->out == p->panel &&
         p->channel_blocks == 1;
}

// to [taps, channels, panel]
static void FN(pack_weights)(const FN(pass) * p, FN(span) part, int64_t panel, T *to) {
  const int64_t j = panel * p->panel, columns = p->out - j < p->panel ? p->out - j : p->panel;
  for (int64_t t = part.tap; t < part.tap + part.taps; t++) {
    const T *weights = p->weights + p->taps[t].weights;
    if (columns < p->panel) memset(to, 0, sizeof(T) * (size_t)(part.channels * p->panel));
    if (p->transposed) {
      FN(transpose_strided)(columns, part.channels, weights + j * p->ldw + part.channel, p->ldw, to,
                            p->panel);
    } else {
      const T *from = weights + part.channel * p->ldw + j;
      const int64_t whole = columns - columns % FK_LANES;
      for (int64_t k = 0; k < part.channels; k++)
        for (int64_t c = 0; c < columns; c += c < whole ? FK_LANES : 1)
          if (c < whole)
            STORE(to + k * p->panel + c, LOAD(from + k * p->ldw + c));
          else
            to[k * p->panel + c] = from[k * p->ldw + c];
    }
    to += part.channels * p->panel;
  }
}

// Where a block of a panel lies among the packed weights [panels, tap_count * in, panel].
static T *FN(packed_at)(const FN(pass) * p, FN(span) part, int64_t panel) {
  return p->packed +
         (panel * p->tap_count * p->in + part.tap * p->in + part.channel * part.taps) * p->panel;
}

static void FN(run_unit)(const FN(pass) * shared, int64_t unit) {
  FN(pass) p = *shared;
  int64_t q, end;
  FN(unit_pixels)(&p, unit / p.column_units, &q, &end);
  const int64_t count = end - q, rows = FK_TAP_ROWS(p.vectors);
  if (count <= 0) return;
  const int64_t groups = (count + rows - 1) / rows;
  const int64_t first_panel = unit % p.column_units * p.panels / p.column_units;
  const int64_t last_panel = (unit % p.column_units + 1) * p.panels / p.column_units;
  const T *left_base = p.left;
  int64_t first_image = 0;
  T *padded = NULL;
  size_t padded_bytes = 0;
  if (p.padded_left >= 0) {
    left_base = FN(pad_rows)(&p, q, end, &padded, &padded_bytes);
    first_image = q / (p.rows * p.columns);
  }
  const bool packs = !p.packed && !FN(in_place)(&p);
  const size_t pointers = sizeof(T *) * (size_t)(p.tap_count * count);
  const size_t places_bytes = sizeof(int64_t) * (size_t)count;
  const size_t right_bytes =
      packs ? sizeof(T) * (size_t)(p.tap_block * p.channel_block * p.panel) + 64 : 0;
  const size_t hit_bytes = (size_t)(groups * p.tap_count);
  const size_t bytes = right_bytes + pointers + places_bytes + hit_bytes;
  char *scratch = fk_allocate(bytes);
  T *right = (T *)(void *)scratch;
  const T **left = (const T **)(void *)(scratch + right_bytes / 64 * 64);
  int64_t *places = (int64_t *)(void *)((char *)left + pointers);
  uint8_t *hits = (uint8_t *)((char *)places + places_bytes);
  memset(hits, 0, hit_bytes);
  FN(list_pixels)(&p, left_base, first_image, q, count, rows, left, places, hits);

  FN(tap_tile) tile = {.stride = count, .slope = p.slope};
  const int64_t blocks = p.tap_blocks * p.channel_blocks;
  for (int64_t block = 0; block < blocks; block++) {
    const FN(span) part = FN(span_at)(&p, block);
    const bool last = block == blocks - 1;
    tile.taps = part.taps;
    tile.run = part.channels;
    tile.offset = part.channel;
    tile.adds = p.accumulate || block > 0;
    tile.activation = last ? p.activation : FK_IDENTITY;
    tile.ldb = p.panel;
    for (int64_t panel = first_panel; panel < last_panel; panel++) {
      const int64_t j = panel * p.panel, width = p.out - j < p.panel ? p.out - j : p.panel;
      tile.out = p.result + j;
      tile.bias = p.bias && block == 0 ? p.bias + j : NULL;
      tile.residual = p.residual && last ? p.residual + j : NULL;
      if (packs) {
        FN(pack_weights)(&p, part, panel, right);
        tile.right = right;
      } else if (p.packed) {
        tile.right = FN(packed_at)(&p, part, panel);
      } else {
        // Taps of the forward pass follow each other.
        tile.right = p.weights + (p.tap_count > 0 ? p.taps[part.tap].weights : 0);
      }
      const int vectors = (int)((width + FK_LANES - 1) / FK_LANES);
      for (int64_t g = 0; g < groups; g++) {
        const int n = (int)(count - g * rows < rows ? count - g * rows : rows);
        const T *const *pixels = left + part.tap * count + g * rows;
        const uint8_t *seen = hits + g * p.tap_count + part.tap;
        if (width % FK_LANES == 0)
          FN(tap_blocks)(vectors, n, &tile, pixels, seen, places + g * rows);
        else
          FN(tap_blocks_ragged)(width, vectors, n, &tile, pixels, seen, places + g * rows);
      }
    }
  }
  if (p.activation > FK_LEAKY_RELU) {
    const int64_t j = first_panel * p.panel;
    const int64_t beyond = last_panel * p.panel < p.out ? last_panel * p.panel : p.out;
    for (int64_t i = 0; i < count; i++)
      FN(activate)(p.activation, p.slope, beyond - j, p.result + places[i] + j);
  }
  fk_deallocate(scratch, bytes);
  if (padded) fk_deallocate(padded, padded_bytes);
}

// MARK: - Cutting

// Cuts a pass whose geometry, sizes and operands are set.
static void FN(cut_pass)(FN(pass) * p) {
  const int64_t all = (p->out + FK_LANES - 1) / FK_LANES;
  p->panels = (all + FK_VECTORS - 1) / FK_VECTORS;
  p->vectors = (all + p->panels - 1) / p->panels;
  p->panel = p->vectors * FK_LANES;
  p->panels = (p->out + p->panel - 1) / p->panel;
  // Blocks of the contraction: whole taps, or parts of one.
  const int64_t most = 2560 / (int64_t)sizeof(T);
  const int64_t taps = p->tap_count > 0 ? p->tap_count : 1;
  p->channel_blocks = (p->in + most - 1) / most;
  p->channel_block = (p->in + p->channel_blocks - 1) / p->channel_blocks;
  p->tap_blocks = p->channel_blocks > 1 ? taps : (taps * p->in + most - 1) / most;
  p->tap_block = (taps + p->tap_blocks - 1) / p->tap_blocks;
  p->tap_blocks = (taps + p->tap_block - 1) / p->tap_block;
  // Pixels whose channels of a block stay in cache.
  const int64_t rows = FK_TAP_ROWS(p->vectors);
  int64_t pixels = 393216 / (int64_t)sizeof(T) / p->channel_block;
  pixels = pixels < 96 ? 96 : (pixels > 1024 ? 1024 : pixels);
  p->pixels = p->images * p->rows * p->columns;
  int64_t units = (p->pixels + pixels - 1) / pixels;
  p->column_units = units >= 8 || units == 0 ? 1 : (8 + units - 1) / units;
  if (p->column_units > p->panels) p->column_units = p->panels;
  if (units * p->column_units < 8) {
    const int64_t finest = (p->pixels + 95) / 96, wanted = 8 / p->column_units;
    if (units < wanted) units = wanted < finest ? wanted : (finest < 1 ? 1 : finest);
  }
  if (units < 1) units = 1;
  p->lines = 0;
  p->pixel_block = ((p->pixels + units - 1) / units + rows - 1) / rows * rows;
  if (p->pixel_block < rows) p->pixel_block = rows;
  p->pixel_units = (p->pixels + p->pixel_block - 1) / p->pixel_block;
  if (p->padded_left >= 0) {
    const int64_t columns = p->columns > 0 ? p->columns : 1;
    p->lines = (p->pixel_block + columns - 1) / columns;
    if (p->lines >= p->rows) {
      const int64_t images = p->rows > 0 ? p->lines / p->rows : 1;
      p->lines = images * p->rows;
      p->pixel_units = (p->images + images - 1) / images;
    } else {
      const int64_t units_of_image = (p->rows + p->lines - 1) / p->lines;
      p->lines = (p->rows + units_of_image - 1) / units_of_image;
      p->pixel_units = p->images * ((p->rows + p->lines - 1) / p->lines);
    }
  }
}

typedef struct {
  const FN(pass) * passes;
  int64_t count;
} FN(passes);

static const FN(pass) * FN(pass_of_unit)(const FN(passes) * all, int64_t unit) {
  int64_t pass = 0;
  while (pass + 1 < all->count && all->passes[pass + 1].first_unit <= unit) pass++;
  return all->passes + pass;
}

static void FN(pass_unit)(void *context, int64_t index) {
  const FN(pass) *p = FN(pass_of_unit)(context, index);
  FN(run_unit)(p, index - p->first_unit);
}

static void FN(packing)(void *context, int64_t index) {
  const FN(passes) *all = context;
  int64_t pass = 0;
  while (pass + 1 < all->count && all->passes[pass + 1].first_packing <= index) pass++;
  const FN(pass) *p = all->passes + pass;
  if (!p->packed) return;
  const int64_t i = index - p->first_packing;
  const FN(span) part = FN(span_at)(p, i / p->panels);
  FN(pack_weights)(p, part, i % p->panels, FN(packed_at)(p, part, i % p->panels));
}

// Cuts and runs passes that do not touch each other's results.
static void FN(run_passes)(FN(pass) * passes, int64_t count) {
  int64_t units = 0, packings = 0;
  size_t packed = 0;
  for (int64_t i = 0; i < count; i++) {
    FN(pass) *p = passes + i;
    FN(cut_pass)(p);
    p->first_unit = units;
    p->first_packing = packings;
    p->packed = NULL;
    units += p->pixel_units * p->column_units;
    // Shared where several units would pack the same.
    if (p->pixel_units > 2 && p->tap_count > 0 && !FN(in_place)(p)) {
      packings += p->tap_blocks * p->channel_blocks * p->panels;
      packed += sizeof(T) * (size_t)(p->panels * p->panel * p->tap_count * p->in);
    }
  }
  T *memory = packed > 0 ? fk_allocate(packed) : NULL;
  const FN(passes) all = {passes, count};
  if (memory) {
    T *next = memory;
    for (int64_t i = 0; i < count; i++) {
      FN(pass) *p = passes + i;
      if (p->pixel_units <= 2 || p->tap_count == 0 || FN(in_place)(p)) continue;
      p->packed = next;
      next += p->panels * p->panel * p->tap_count * p->in;
    }
    const int64_t workers = packed > 65536 ? fk_worker_count() : 1;
    fk_parallel(packings, workers, FN(packing), (void *)&all);
  }
  fk_parallel(units, fk_worker_count(), FN(pass_unit), (void *)&all);
  if (memory) fk_deallocate(memory, packed);
}
