// What the vector kernels of random numbers share with random.c: every rounding is stated, so that
// all instruction sets agree to the bit.
#ifndef FK_PORTABLE_H
#define FK_PORTABLE_H

#include "CFlowKernels.h"
#include <math.h>
#include <string.h>

// Numerators and denominators of AS 241 for |p - 1/2| <= 0.425, and for tails above about 1e-11.
extern const double fk_normal_centre[2][8], fk_normal_tail[2][8];

// The places of the ones among four bits, 16 bits each from the lowest on, and how many there are.
extern const uint64_t fk_places_of_four[16];
extern const uint8_t fk_count_of_four[16];

// The same scheme as the vector kernel of the logarithm, fixed to separate roundings.
__attribute__((always_inline)) static inline double fk_portable_log_inline(double x) {
#pragma clang fp contract(off)
  int64_t i;
  memcpy(&i, &x, sizeof i);
  i += 0x3ff0000000000000 - 0x3fe6a09e667f3bcd;
  const double e = (double)((int32_t)((uint64_t)i >> 52) - 1023);
  i = (i & 0xfffffffffffff) + 0x3fe6a09e667f3bcd;
  double m;
  memcpy(&m, &i, sizeof m);
  const double f = m - 1, s = f / (2 + f), z = s * s;
  double series = 0;
#pragma clang loop unroll(full)
  for (int k = 21; k >= 3; k -= 2) series = series * z + 2.0 / k;
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + series * z) + e * 0x1.a39ef35793c76p-33;
  return e * 0x1.62e42fee00000p-1 + (f + (tail - half_square));
}

#endif
