// Hooks of the counting that counts.c does.
#ifndef FK_COUNTS_H
#define FK_COUNTS_H

#include "CFlowKernels.h"
#include <stdatomic.h>

// How many countings are under way in the process: all that a kernel looks at where there is none.
extern _Atomic int fk_countings;

static inline bool fk_is_counting(void) {
  return __builtin_expect(atomic_load_explicit(&fk_countings, memory_order_relaxed) != 0, 0);
}

// Workers take over the counting of the thread whose job they run.
void fk_set_current_counts(fk_counts *counts);

// Adds one call of a kernel to the counting of this thread.
#define FK_DECLARE_COUNT(name, parameters, arguments)                                              \
  void fk_count_##name(fk_type type, FK_STRIP parameters);
FK_KERNELS(FK_DECLARE_COUNT)
#undef FK_DECLARE_COUNT

#endif
