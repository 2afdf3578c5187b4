// Gradients of convolutions by their weights. For each tap, the weights' part [in, out] is the sum
// over all pixels that see the tap of the outer product of pixel and gradient; blocks of it stay in
// registers over a list of such pixels.
//
// Threads own disjoint parts of the weights. Where there are too few parts, the pixels are cut into
// slots as well, and the sums of these are added in order: how many there are depends on the shape
// alone, and so the result does not depend on the number of threads.

typedef struct {
  FN(pass) pass;  // geometry; `left` is x, and places of the result are those of g
  T *gw;
  bool accumulate;
  // A part: so many elements of all taps, and panels of columns.
  int64_t in_block, in_blocks, panel_block, panel_blocks;
  int64_t pixel_block;
  int64_t slots, slot_pixels;
  T *sums;  // [slots, taps, in, out], null where there is one
} FN(weight_call);

// What a unit of work sums, and its scratch.
typedef struct {
  int64_t first, beyond;              // elements of the taps
  int64_t first_panel, last_panel;
  const T **pairs;                    // [2, pixel_block]
  T *packed;                          // [panels, pixel_block, panel], null: gradients as they lie
  T *out;
} FN(weight_part);

// The gradients of pixels q..<end side by side, with zeros to whole vectors after them.
static void FN(pack_gradients)(const FN(pass) * p, const T *g, int64_t q, int64_t end,
                               int64_t columns, T *to) {
  const int64_t step = FN(run_out_step)(p), whole = columns - columns % FK_LANES;
  while (q < end) {
    const FN(pixel_run) run = FN(run_from)(p, q, end - q);
    const T *from = g + FN(run_place)(p, run);
    for (int64_t c = 0; c < run.count; c++, from += step, to += p->panel) {
      for (int64_t j = 0; j < whole; j += FK_LANES) STORE(to + j, LOAD(from + j));
      for (int64_t j = whole; j < p->panel; j++) to[j] = j < columns ? from[j] : 0;
    }
    q += run.count;
  }
}

// Pixels q..<end for one part.
static void FN(weight_pixels)(const FN(weight_call) * c, const FN(pass) * shared,
                              const FN(weight_part) * part, int64_t q, int64_t end) {
  FN(pass) p = *shared;
  const T *base = p.left;
  int64_t first_image = 0;
  T *padded = NULL;
  size_t padded_bytes = 0;
  if (p.padded_left >= 0) {
    base = FN(pad_rows)(&p, q, end, &padded, &padded_bytes);
    first_image = q / (p.rows * p.columns);
  }
  const T *packed = part->packed;
  const int64_t packed_panel = c->pixel_block * p.panel;
  for (int64_t panel = part->first_panel; packed && panel < part->last_panel; panel++) {
    const int64_t j = panel * p.panel, width = p.out - j < p.panel ? p.out - j : p.panel;
    FN(pack_gradients)(&p, p.result + j, q, end, width,
                       part->packed + (panel - part->first_panel) * packed_panel);
  }
  FN(pair_tile) tile = {
      .x = part->pairs, .g = part->pairs + c->pixel_block + FN(pair_ahead), .ldc = p.ldw};
  const uintptr_t in_step = (uintptr_t)FN(run_in_step)(&p) * sizeof(T);
  const uintptr_t g_step = (uintptr_t)(packed ? p.panel : FN(run_out_step)(&p)) * sizeof(T);
  for (int64_t t = 0; t < p.tap_count; t++) {
    const T **x = part->pairs, **g = part->pairs + c->pixel_block + FN(pair_ahead);
    for (int64_t done = q; done < end;) {
      const FN(pixel_run) run = FN(run_from)(&p, done, end - done);
      int64_t low, high;
      const uintptr_t from = FN(run_inside)(&p, run, p.taps[t], base, first_image, &low, &high);
      const uintptr_t to = (packed ? (uintptr_t)(packed + (done - q) * p.panel)
                                   : (uintptr_t)(p.result + FN(run_place)(&p, run))) +
                           (uintptr_t)low * g_step;
      for (int64_t i = 0; i < high - low; i++) x[i] = (const T *)(from + (uintptr_t)i * in_step);
      for (int64_t i = 0; i < high - low; i++) g[i] = (const T *)(to + (uintptr_t)i * g_step);
      x += high - low;
      g += high - low;
      done += run.count;
    }
    tile.count = x - part->pairs;
    if (tile.count == 0) continue;
    for (int i = 0; i < FN(pair_ahead); i++) x[i] = x[-1];
    for (int64_t panel = part->first_panel; panel < part->last_panel; panel++) {
      const int64_t j = panel * p.panel, width = p.out - j < p.panel ? p.out - j : p.panel;
      const int vectors = (int)((width + FK_LANES - 1) / FK_LANES);
      const int64_t rows = FK_TAP_ROWS(vectors);
      tile.g_offset = packed ? (panel - part->first_panel) * packed_panel : j;
      for (int64_t k = part->first; k < part->beyond; k += rows) {
        const int n = (int)(part->beyond - k < rows ? part->beyond - k : rows);
        tile.x_offset = k;
        tile.out = part->out + p.taps[t].weights + k * p.ldw + j;
        if (width % FK_LANES == 0)
          FN(pair_blocks)(vectors, n, &tile);
        else
          FN(pair_blocks_ragged)(width, vectors, n, &tile);
      }
    }
  }
  if (padded) fk_deallocate(padded, padded_bytes);
}

static void FN(weight_unit)(void *context, int64_t index) {
  const FN(weight_call) *c = context;
  FN(pass) p = c->pass;
  const int64_t panels = index % c->panel_blocks;
  index /= c->panel_blocks;
  const int64_t block = index % c->in_blocks;
  index /= c->in_blocks;
  const int64_t slot = index % c->slots, group = index / c->slots;
  p.left += group * p.in;
  p.result += group * p.out;
  FN(weight_part) part = {
      .first = block * c->in_block,
      .beyond = (block + 1) * c->in_block < p.in ? (block + 1) * c->in_block : p.in,
      .first_panel = panels * c->panel_block,
      .last_panel = (panels + 1) * c->panel_block < p.panels ? (panels + 1) * c->panel_block
                                                             : p.panels,
      .out = (c->sums ? c->sums + slot * p.tap_count * p.in * p.ldw : c->gw) + group * p.out,
  };
  const int64_t j = part.first_panel * p.panel;
  const int64_t end_column = part.last_panel * p.panel < p.out ? part.last_panel * p.panel : p.out;
  if (c->sums || !c->accumulate)
    for (int64_t t = 0; t < p.tap_count; t++)
      for (int64_t k = part.first; k < part.beyond; k++)
        memset(part.out + p.taps[t].weights + k * p.ldw + j, 0,
               sizeof(T) * (size_t)(end_column - j));
  // Where there are several panels, the gradients of one lie far apart.
  const bool packs = p.out % FK_LANES != 0 || p.out > p.panel;
  const size_t pair_bytes = sizeof(T *) * (size_t)(2 * c->pixel_block + FN(pair_ahead));
  const size_t bytes =
      pair_bytes +
      (packs ? sizeof(T) * (size_t)(c->panel_block * c->pixel_block * p.panel) : 0);
  part.pairs = fk_allocate(bytes);
  part.packed = packs ? (T *)(void *)(part.pairs + 2 * c->pixel_block + FN(pair_ahead)) : NULL;
  const int64_t last = (slot + 1) * c->slot_pixels, end = last < p.pixels ? last : p.pixels;
  for (int64_t q = slot * c->slot_pixels; q < end;) {
    int64_t count = end - q < c->pixel_block ? end - q : c->pixel_block;
    if (p.padded_left >= 0) {  // not beyond an image
      const int64_t left = p.rows * p.columns - q % (p.rows * p.columns);
      if (count > left) count = left;
    }
    FN(weight_pixels)(c, &p, &part, q, q + count);
    q += count;
  }
  fk_deallocate(part.pairs, bytes);
}

// Cuts the weights into parts that stay in cache, and the pixels into slots. By the shape alone.
static void FN(cut_weights)(FN(weight_call) * c, int64_t groups) {
  const FN(pass) *p = &c->pass;
  const int64_t most = 327680 / (int64_t)sizeof(T), finest = p->pixels / 512;
  c->in_block = p->in < 256 ? p->in : 256;
  c->panel_block = 256 / p->panel;
  if (c->panel_block > p->panels) c->panel_block = p->panels;
  if (c->panel_block < 1) c->panel_block = 1;
  for (;;) {
    c->in_blocks = (p->in + c->in_block - 1) / c->in_block;
    c->panel_blocks = (p->panels + c->panel_block - 1) / c->panel_block;
    const int64_t parts = groups * c->in_blocks * c->panel_blocks;
    const bool fits = p->tap_count * c->in_block * c->panel_block * p->panel <= most;
    if (fits && parts * (finest > 1 ? finest : 1) >= 8) break;
    if (c->in_block > 64)
      c->in_block = (c->in_block / 2 + 15) / 16 * 16;
    else if (c->panel_block > 1)
      c->panel_block = (c->panel_block + 1) / 2;
    else if (c->in_block > 32)
      c->in_block = 32;
    else
      break;
  }
  const int64_t parts = groups * c->in_blocks * c->panel_blocks;
  c->slots = parts >= 8 ? 1 : 16 / parts;
  if (c->slots > finest) c->slots = finest;
  if (c->slots < 1) c->slots = 1;
  c->slot_pixels = (p->pixels + c->slots - 1) / c->slots;
  c->pixel_block = 256;
  if (p->padded_left >= 0) {  // whole rows
    const int64_t columns = p->columns > 0 ? p->columns : 1;
    c->slot_pixels = (c->slot_pixels + columns - 1) / columns * columns;
    c->pixel_block = (c->pixel_block + columns - 1) / columns * columns;
  }
  if (c->slot_pixels < 1) c->slot_pixels = 1;
  c->slots = p->pixels > 0 ? (p->pixels + c->slot_pixels - 1) / c->slot_pixels : 1;
}

static void FN(convolution_weight_gradient)(const fk_convolution_shape *s, const void *x,
                                            const void *g, void *gw, bool accumulate) {
  if (FN(is_channelwise)(s)) {
    FN(channel_weight_gradient)(s, x, g, gw, accumulate);
    return;
  }
  if (FN(suits_winograd)(s, s->out_height, s->out_width)) {
    FN(winograd_weights)(s, x, g, gw, accumulate);
    return;
  }
  size_t bytes;
  FN(pass) *passes = FN(forward_passes)(s, &bytes);
  FN(weight_call) c = {.pass = passes[0], .gw = gw, .accumulate = accumulate};
  FN(pass) *p = &c.pass;
  p->left = x;
  p->result = (T *)(uintptr_t)g;
  // Runs of pixels that follow each other should be long.
  if (p->padded_left < 0 && s->images >= 8 && s->out_width < 8) p->by_position = true;
  FN(cut_pass)(p);
  FN(cut_weights)(&c, s->groups);
  const int64_t weights = p->tap_count * p->in * p->ldw;
  const size_t sum_bytes = c.slots > 1 ? sizeof(T) * (size_t)(c.slots * weights) : 0;
  if (sum_bytes > 0) c.sums = fk_allocate(sum_bytes);
  fk_parallel(s->groups * c.slots * c.in_blocks * c.panel_blocks, fk_worker_count(),
              FN(weight_unit), &c);
  if (sum_bytes > 0) {
    FN(sum_slots)((FN(slot_sums)){c.sums, gw, weights, c.slots, accumulate});
    fk_deallocate(c.sums, sum_bytes);
  }
  fk_deallocate(passes, bytes);
}
