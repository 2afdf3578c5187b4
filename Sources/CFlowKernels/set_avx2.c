// AVX2 with FMA, chosen at run time; no compiler flag needed.
#if defined(__x86_64__)
#include "kernels/table.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)

#define FK_SET_NAME avx2
#define FK_VECTOR_BYTES 32
#define FK_ROWS 6
#define FK_VECTORS 2

#define FK_IS_FLOAT 1
#include "kernels/all.h"
#undef FK_IS_FLOAT
#define FK_IS_FLOAT 0
#include "kernels/all.h"

#pragma clang attribute pop
#endif
