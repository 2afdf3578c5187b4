// Sizes of networks that are piecewise linear in their one input.
#include "kernels/table.h"
#include <stdatomic.h>
#include <stdlib.h>

// Beyond this the products are cheaper than finding the pieces, and their tables grow.
enum { MOST_WIDTH = 1 << 10, MOST_WEIGHTS = 1 << 16, MOST_LINES = 1 << 18 };

bool fk_uses_pieces(void) {
  static _Atomic int uses = -1;
  int known = atomic_load_explicit(&uses, memory_order_relaxed);
  if (known < 0) {
    const char *wish = getenv("FLOWS_PIECEWISE");
    known = !(wish && strcmp(wish, "off") == 0);
    atomic_store_explicit(&uses, known, memory_order_relaxed);
  }
  return known;
}

bool fk_network_is_piecewise(const fk_network *n) {
  if (!fk_uses_pieces() || n->layers != 3 || n->widths[0] != 1) return false;
  if (n->activation != FK_RELU && !(n->activation == FK_LEAKY_RELU && n->slope > 0)) return false;
  return n->widths[1] <= MOST_WIDTH && n->widths[2] <= MOST_WIDTH &&
         n->widths[1] * n->widths[2] <= MOST_WEIGHTS &&
         fk_piecewise_most(n) * n->widths[3] <= MOST_LINES;
}

// Every unit of the second layer may bend once between any two thresholds of the first.
int64_t fk_piecewise_most(const fk_network *n) { return (n->widths[1] + 1) * (n->widths[2] + 1); }

int64_t fk_piecewise_keys(int64_t pieces) {
  int64_t total = 0;
  for (int64_t keys = pieces;; keys /= FK_FANOUT) {
    const int64_t nodes = keys / FK_FANOUT + 1;
    total += nodes * FK_FANOUT;
    if (nodes == 1) return total;
  }
}

int64_t fk_piecewise_bytes(fk_type type, const fk_network *n) {
  const int64_t size = type == FK_FLOAT ? 4 : 8, most = fk_piecewise_most(n);
  return (int64_t)sizeof(fk_piecewise_head) + size * fk_piecewise_keys(most) +
         size * 2 * n->widths[3] * most + (int64_t)sizeof(int32_t) * (most + n->widths[1]) +
         (int64_t)sizeof(uint32_t) * most * fk_piecewise_active(n);
}

int64_t fk_piecewise_count(const void *prepared) {
  return ((const fk_piecewise_head *)prepared)->pieces;
}
