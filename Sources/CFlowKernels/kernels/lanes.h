// Elementary functions of a vector of lanes, for kernels that keep lanes in registers from one
// function to the next. The schemes are those of elementary.h, without what its callers never need:
// subnormal numbers, zeros and infinities. NaN passes.

typedef FK_INT FN(integers) __attribute__((ext_vector_type(FK_LANES)));
#define FK_INTEGERS FN(integers)
#if FK_IS_FLOAT
#define FK_LANES_EXP_MAX 88.0f
#define FK_LANES_EXP_MIN -87.0f
#else
#define FK_LANES_EXP_MAX 709.0
#define FK_LANES_EXP_MIN -708.0
#endif

FK_INLINE V FN(lanes_least)(V a, V b) { return b < a ? b : a; }
FK_INLINE V FN(lanes_most)(V a, V b) { return b > a ? b : a; }
FK_INLINE V FN(lanes_clip)(V x, V low, V high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}
FK_INLINE V FN(lanes_abs)(V x) {
  return (V)((FK_INTEGERS)x & (FK_INTEGERS)((FK_INT)((FK_UINT)-1 >> 1)));
}

// Of arguments from FK_LANES_EXP_MIN to FK_LANES_EXP_MAX, whose results are normal numbers.
FK_INLINE V FN(lanes_exp_within)(V x) {
  const V shifted = x * (T)1.44269504088896340736 + FK_ROUND;
  const V kf = shifted - FK_ROUND;
  const FK_INTEGERS k = (FK_INTEGERS)shifted - (FK_INTEGERS)(V)(FK_ROUND) + FK_BIAS;
  V r = x - kf * FK_LN2_HI;
  r = r - kf * FK_LN2_LO;
#if FK_IS_FLOAT
  V p = (V)(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
#else
  V p = (V)(1.0 / 6227020800.0);
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
#endif
  return ((p * (r * r) + r) + 1) * (V)(k << FK_MANTISSA);
}

// Never 0 and never infinite: arguments are clipped to those.
FK_INLINE V FN(lanes_exp)(V x) {
  x = x > FK_LANES_EXP_MAX ? (V)(FK_LANES_EXP_MAX) : x;
  x = x < FK_LANES_EXP_MIN ? (V)(FK_LANES_EXP_MIN) : x;
  return FN(lanes_exp_within)(x);
}

// Of positive normal numbers.
FK_INLINE V FN(lanes_log)(V x) {
  FK_INTEGERS i = (FK_INTEGERS)x + (FK_INT)((FK_UINT)FK_ONE_BITS - FK_SQRT_HALF_BITS);
  // The exponent as a number: an integer below 2^12 added to the bits of FK_ROUND counts units.
  const V e = (V)(((i >> FK_MANTISSA) - FK_BIAS) + (FK_INTEGERS)(V)(FK_ROUND)) - FK_ROUND;
  i = (i & (((FK_INT)1 << FK_MANTISSA) - 1)) + FK_SQRT_HALF_BITS;
  const V f = (V)i - 1;
  const V s = f / (2 + f);
  const V z = s * s;
#if FK_IS_FLOAT
  V series = (V)(2.0f / 9);
#else
  V series = (V)(2.0 / 21);
  series = series * z + 2.0 / 19;
  series = series * z + 2.0 / 17;
  series = series * z + 2.0 / 15;
  series = series * z + 2.0 / 13;
  series = series * z + 2.0 / 11;
  series = series * z + 2.0 / 9;
#endif
  series = series * z + (T)(2.0 / 7);
  series = series * z + (T)(2.0 / 5);
  series = series * z + (T)(2.0 / 3);
  const V half_square = (T)0.5 * f * f;
  V y = s * (half_square + series * z) + e * FK_LN2_LO;
  y = (y - half_square) + f;
  y = y + e * FK_LN2_HI;
  return x != x ? x : y;
}

// log(1 + x) for x >= 0, with the rounding error of 1 + x divided out (Kahan).
FK_INLINE V FN(lanes_log1p)(V x) {
  const V u = 1 + x, d = u - 1;
  return d == 0 ? x : FN(lanes_log)(u) * (x / d);
}

// softplus(x), and the sigmoid of x, its derivative.
FK_INLINE V FN(lanes_softplus)(V x, V *slope) {
  const V e = FN(lanes_exp)(-FN(lanes_abs)(x));
  *slope = (x < 0 ? e : (V)(1)) / (1 + e);
  return (x > 0 ? x : (x != x ? x : (V)(0))) + FN(lanes_log1p)(e);
}
