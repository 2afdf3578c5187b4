// Sizes of the buffers of networks, the same for every scalar type and instruction set.
#include "kernels/table.h"

int64_t fk_network_prepared_count(const fk_network *n) {
  return fk_network_transposed_offset(n, n->layers);
}

int64_t fk_network_saved_count(const fk_network *n, int64_t rows) {
  return fk_network_hidden_offset(n, rows, n->layers - 1);
}
