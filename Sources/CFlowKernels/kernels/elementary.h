// Elementary functions of one scalar, free of branches so that loops over them vectorise.
//
// exp: x = k ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial in r, and a scaling in two halves so
// that subnormal results are right. log: x = 2^e m with m in [sqrt 1/2, sqrt 2), and the odd series
// of 2 atanh(f / (2 + f)), f = m - 1, arranged so that f itself is added last. expm1 keeps e^r - 1
// apart from the scaling; tanh is expm1(2x) / (expm1(2x) + 2). Bounds in ulp: Docs/Architecture.md.

#if FK_IS_FLOAT
#define FK_INT int32_t
#define FK_UINT uint32_t
#define FK_MANTISSA 23
#define FK_BIAS 127
#define FK_ROUND 0x1.8p23f
#define FK_LN2_HI 0x1.62e4p-1f
#define FK_LN2_LO 0x1.7f7d1cp-20f
#define FK_EXP_MAX 89.0f
#define FK_EXP_MIN -105.0f
#define FK_EXPM1_MIN -20.0f
#define FK_TANH_MAX 10.0f
#define FK_MIN_NORMAL 0x1p-126f
#define FK_SQRT_HALF_BITS 0x3f3504f3
#define FK_ONE_BITS 0x3f800000
#define FK_SUBNORMAL_SHIFT 25
#define FK_SUBNORMAL_SCALE 0x1p25f
#else
#define FK_INT int64_t
#define FK_UINT uint64_t
#define FK_MANTISSA 52
#define FK_BIAS 1023
#define FK_ROUND 0x1.8p52
#define FK_LN2_HI 0x1.62e42fee00000p-1
#define FK_LN2_LO 0x1.a39ef35793c76p-33
#define FK_EXP_MAX 710.0
#define FK_EXP_MIN -746.0
#define FK_EXPM1_MIN -40.0
#define FK_TANH_MAX 22.0
#define FK_MIN_NORMAL 0x1p-1022
#define FK_SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#define FK_ONE_BITS 0x3ff0000000000000
#define FK_SUBNORMAL_SHIFT 54
#define FK_SUBNORMAL_SCALE 0x1p54
#endif

FK_INLINE FK_INT FN(bits)(T x) {
  FK_INT i;
  memcpy(&i, &x, sizeof i);
  return i;
}

FK_INLINE T FN(from_bits)(FK_INT i) {
  T x;
  memcpy(&x, &i, sizeof x);
  return x;
}

FK_INLINE T FN(power_of_two)(FK_INT k) {
  return FN(from_bits)((FK_INT)((FK_UINT)(k + FK_BIAS) << FK_MANTISSA));
}

// r^2/2! + r^3/3! + ..., so that e^r - 1 = r + tail(r).
FK_INLINE T FN(exp_tail)(T r) {
#if FK_IS_FLOAT
  T p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
#else
  T p = 1.0 / 6227020800.0;
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
  return p * (r * r);
}

// Comparisons are written so that NaN passes through every clamp.
FK_INLINE T FN(exp)(T x) {
  x = x > FK_EXP_MAX ? FK_EXP_MAX : x;
  x = x < FK_EXP_MIN ? FK_EXP_MIN : x;
  const T shifted = x * (T)1.44269504088896340736 + FK_ROUND;
  const T kf = shifted - FK_ROUND;
  const FK_INT k = FN(bits)(shifted) - FN(bits)(FK_ROUND);
  T r = x - kf * FK_LN2_HI;
  r = r - kf * FK_LN2_LO;
  const T p = (FN(exp_tail)(r) + r) + 1;
  const FK_INT half = (FK_INT)((FK_UINT)(k + 4096) >> 1) - 2048;
  return p * FN(power_of_two)(half) * FN(power_of_two)(k - half);
}

FK_INLINE T FN(expm1)(T x) {
  x = x > FK_EXP_MAX ? FK_EXP_MAX : x;
  x = x < FK_EXPM1_MIN ? FK_EXPM1_MIN : x;
  const T shifted = x * (T)1.44269504088896340736 + FK_ROUND;
  const T kf = shifted - FK_ROUND;
  const FK_INT k = FN(bits)(shifted) - FN(bits)(FK_ROUND);
  T r = x - kf * FK_LN2_HI;
  r = r - kf * FK_LN2_LO;
  const T p = FN(exp_tail)(r) + r;
  // 2^(k-1), because 2^k itself may overflow where the result does not.
  const T h = FN(power_of_two)(k - 1);
  return 2 * (h * p + (h - (T)0.5));
}

FK_INLINE T FN(log)(T x) {
  const bool small = x < FK_MIN_NORMAL;
  const T scaled = small ? x * FK_SUBNORMAL_SCALE : x;
  FK_INT i = FN(bits)(scaled) + (FK_INT)((FK_UINT)FK_ONE_BITS - FK_SQRT_HALF_BITS);
  const int32_t e =
      (int32_t)((FK_UINT)i >> FK_MANTISSA) - FK_BIAS - (small ? FK_SUBNORMAL_SHIFT : 0);
  i = (i & (((FK_INT)1 << FK_MANTISSA) - 1)) + FK_SQRT_HALF_BITS;
  const T f = FN(from_bits)(i) - 1;
  const T s = f / (2 + f);
  const T z = s * s;
#if FK_IS_FLOAT
  T series = 2.0f / 9;
#else
  T series = 2.0 / 21;
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
  const T half_square = (T)0.5 * f * f;
  const T ef = (T)e;
  T y = s * (half_square + series * z) + ef * FK_LN2_LO;
  y = (y - half_square) + f;
  y = y + ef * FK_LN2_HI;
  y = x == 0 ? (T)-INFINITY : y;
  y = x < 0 ? (T)NAN : y;
  y = x == (T)INFINITY ? x : y;
  return x != x ? x : y;
}

// log(1 + x) with the rounding error of 1 + x divided out (Kahan).
FK_INLINE T FN(log1p)(T x) {
  const T u = 1 + x;
  const T d = u - 1;
  const T y = FN(log)(u) * (x / (d == 0 ? (T)1 : d));
  const T z = d == 0 ? x : y;
  return u == (T)INFINITY || u == 0 ? FN(log)(u) : z;
}

FK_INLINE T FN(tanh)(T x) {
  const T a = x < 0 ? -x : x;
  const T e = FN(expm1)(2 * (a > FK_TANH_MAX ? FK_TANH_MAX : a));
  const T y = e / (e + 2);
  return x < 0 ? -y : y;
}

FK_INLINE T FN(sigmoid)(T x) {
  const T e = FN(exp)(x < 0 ? x : -x);
  return (x < 0 ? e : (T)1) / (1 + e);
}

FK_INLINE T FN(softplus)(T x) {
  return (x > 0 ? x : (x != x ? x : (T)0)) + FN(log1p)(FN(exp)(x < 0 ? x : -x));
}

#if FK_IS_FLOAT
#define FK_LIBM(name) name##f
#else
#define FK_LIBM(name) name
#endif
// Apple hides the reentrant forms; its plain ones are safe but for `signgam`, which is not read.
#if defined(__APPLE__)
#define FK_LIBM_LGAMMA(x, sign) ((void)(sign), FK_LIBM(lgamma)(x))
#elif FK_IS_FLOAT
#define FK_LIBM_LGAMMA lgammaf_r
#else
#define FK_LIBM_LGAMMA lgamma_r
#endif

FK_INLINE T FN(digamma)(T x) { return (T)fk_digamma((double)x); }
FK_INLINE T FN(trigamma)(T x) { return (T)fk_trigamma((double)x); }
