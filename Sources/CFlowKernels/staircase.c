// Sizes and blocks of staircase networks (kernels/staircase.h).
#include "kernels/table.h"
#include "staircase_plan.h"

fk_stair_layout fk_stair_layout_of(const fk_staircase *n, int64_t layer) {
  fk_stair_layout at = {.end = 0};
  for (int64_t l = 0; l <= layer; l++) {
    const int64_t in = n->network.widths[l], out = n->network.widths[l + 1];
    const int64_t weights = fk_network_aligned(in * out);
    at.by_output = at.end;
    at.by_input = at.by_output + weights;
    at.outputs = at.by_input + weights;
    at.inputs = at.outputs + fk_network_aligned(2 * out);
    at.end = at.inputs + fk_network_aligned(2 * in);
  }
  return at;
}

int64_t fk_staircase_prepared_count(const fk_staircase *n) {
  return fk_stair_layout_of(n, n->network.layers - 1).end;
}

int64_t fk_stair_saved_offset(const fk_staircase *n, int64_t stride, int64_t layer) {
  int64_t offset = 0;
  for (int64_t l = 0; l < layer; l++) offset += stride * n->network.widths[l + 1];
  return offset;
}

int64_t fk_staircase_saved_count(const fk_staircase *n, int64_t stride) {
  return fk_stair_saved_offset(n, stride, n->network.layers - 1);
}

// A block of r units costs (r + 3/4) * length, since it loads a vector for each element of the
// contraction too; the next group is that which costs least for what it is worth. Units without
// inputs go alone.
int64_t fk_stair_groups(int64_t count, const int64_t *lengths, fk_stair_group *groups) {
  int64_t made = 0;
  for (int64_t from = 0; from < count;) {
    int64_t best = 0, best_cost = 0, best_worth = 0, worth = 0, longest = 0;
    for (int64_t r = 1; r <= FK_STAIR_ROWS && from + r <= count; r++) {
      const int64_t length = lengths[from + r - 1];
      if (length > longest) longest = length;
      worth += length;
      const int64_t cost = (4 * r + 3) * longest;
      if (best > 0 && cost * best_worth > best_cost * worth) continue;
      if (best > 0 && best_cost == 0 && cost > 0) break;
      best = r;
      best_cost = cost;
      best_worth = worth;
    }
    int64_t length = lengths[from];
    if (lengths[from + best - 1] > length) length = lengths[from + best - 1];
    groups[made++] = (fk_stair_group){.count = (int32_t)best, .length = (int32_t)length};
    from += best;
  }
  return made;
}

void fk_stair_input_lengths(const fk_staircase *n, int64_t layer, int64_t *lengths) {
  const int64_t in = n->network.widths[layer], out = n->network.widths[layer + 1];
  int64_t first = 0;
  for (int64_t i = 0; i < in; i++) {
    while (first < out && fk_stair_extent(n, layer, first) <= i) first++;
    lengths[i] = out - first;
  }
}

// MARK: - Counts

static int64_t group_work(int64_t count, const int64_t *lengths) {
  const size_t bytes = sizeof(fk_stair_group) * (size_t)(count + 1);
  fk_stair_group *groups = fk_allocate(bytes);
  const int64_t made = fk_stair_groups(count, lengths, groups);
  int64_t work = 0;
  for (int64_t g = 0; g < made; g++) work += 2 * (int64_t)groups[g].count * groups[g].length;
  fk_deallocate(groups, bytes);
  return work;
}

int64_t fk_stair_weights(const fk_staircase *n, int64_t layer, int64_t from, int64_t to) {
  int64_t weights = 0;
  for (int64_t j = from; j < to; j++) weights += fk_stair_extent(n, layer, j);
  return weights;
}

int64_t fk_stair_forward_work(const fk_staircase *n, int64_t layer, int64_t from, int64_t to) {
  const int64_t in = n->network.widths[layer], out = n->network.widths[layer + 1];
  // Ranges of units are cut where the extents change.
  if (from > 0 || to < out) return 2 * fk_stair_weights(n, layer, from, to);
  return n->extents[layer] ? group_work(out, n->extents[layer]) : 2 * in * out;
}

int64_t fk_stair_input_gradient_work(const fk_staircase *n, int64_t layer) {
  const int64_t in = n->network.widths[layer];
  const size_t bytes = sizeof(int64_t) * (size_t)(in + 1);
  int64_t *lengths = fk_allocate(bytes);
  fk_stair_input_lengths(n, layer, lengths);
  const int64_t work = group_work(in, lengths);
  fk_deallocate(lengths, bytes);
  return work;
}

int64_t fk_stair_weight_gradient_work(const fk_staircase *n, int64_t layer) {
  const int64_t out = n->network.widths[layer + 1];
  int64_t work = 0;
  for (int64_t j = 0; j < out; j += FK_STAIR_UNITS) {
    const int64_t last = out - j < FK_STAIR_UNITS ? out - 1 : j + FK_STAIR_UNITS - 1;
    const int64_t extent = fk_stair_extent(n, layer, last);
    work += 2 * FK_STAIR_UNITS * ((extent + FK_STAIR_INPUTS - 1) / FK_STAIR_INPUTS) *
            FK_STAIR_INPUTS;
  }
  return work;
}
