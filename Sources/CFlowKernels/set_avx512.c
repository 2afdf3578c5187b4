// AVX-512 (F, DQ, BW, VL), chosen at run time; no compiler flag needed.
#if defined(__x86_64__)
#include "kernels/table.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi,bmi2"))), apply_to = function)

#define FK_SET_NAME avx512
#define FK_VECTOR_BYTES 64
#define FK_ROWS 6
#define FK_VECTORS 4

#define FK_IS_FLOAT 1
#include "kernels/all.h"
#undef FK_IS_FLOAT
#define FK_IS_FLOAT 0
#include "kernels/all.h"

#pragma clang attribute pop
#endif
