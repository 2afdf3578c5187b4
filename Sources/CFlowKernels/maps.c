// Increasing maps of one column: what all instruction sets share.
#include "CFlowKernels.h"

int64_t fk_map_parameters(const struct fk_map *m) {
  const bool linear = m->tails == FK_TAILS_LINEAR;
  switch (m->kind) {
  case FK_MAP_AFFINE: case FK_MAP_LATENT_AFFINE: return 2;
  case FK_MAP_ADDITIVE: return 1;
  case FK_MAP_SPLINE:
    return 3 * m->parts + (linear ? -1 : (m->tails == FK_TAILS_CIRCULAR ? 0 : 1));
  case FK_MAP_LOGISTICS: return 3 * m->parts;
  case FK_MAP_BERNSTEIN: return m->parts + (linear ? -2 : 1);
  }
  return 0;
}
