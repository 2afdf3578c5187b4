// Baseline: SSE2 on x86-64, NEON on arm64 (whose 32 registers carry the wider block).
#include "kernels/table.h"

#define FK_SET_NAME baseline
#define FK_VECTOR_BYTES 16
#define FK_ROWS 6
#if defined(__aarch64__)
#define FK_VECTORS 4
#else
#define FK_VECTORS 2
#endif

#define FK_IS_FLOAT 1
#include "kernels/all.h"
#undef FK_IS_FLOAT
#define FK_IS_FLOAT 0
#include "kernels/all.h"
