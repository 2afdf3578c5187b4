#ifndef FK_SPARE_H
#define FK_SPARE_H

#include <stdbool.h>
#include <stddef.h>

// Smaller blocks are not worth a lock.
enum { FK_SMALLEST_SPARE = 1 << 18 };

// A kept block of exactly so many bytes, or NULL.
void *fk_take_spare(size_t bytes);
// Keeps a block of so many bytes; false where nobody wants blocks to be kept.
bool fk_keep_spare(void *block, size_t bytes);

#endif
