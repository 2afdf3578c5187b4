// Standard normals, many at a time: the same bits as random.c draws one by one, since every rounding
// is the same one. Nearly all lie in the centre of AS 241 and are made in vectors; the rest are
// gathered, so that their logarithms are vectors, too.

enum { FN(draw_run) = 256, FN(draw_lanes) = 16 };

typedef uint32_t FN(words) __attribute__((ext_vector_type(16)));
typedef uint64_t FN(products) __attribute__((ext_vector_type(16)));
typedef double FN(uniforms) __attribute__((ext_vector_type(16), aligned(8)));

// Open uniforms of blocks first, first + 1, ...
FK_INLINE void FN(open_uniforms)(uint64_t seed, uint64_t stream, uint64_t first, double *out) {
  FN(products) block;
#pragma clang loop unroll(full)
  for (int i = 0; i < FN(draw_lanes); i++) block[i] = first + (uint64_t)i;
  FN(words) c0 = __builtin_convertvector(block, FN(words));
  FN(words) c1 = __builtin_convertvector(block >> 32, FN(words));
  FN(words) c2 = (FN(words))((uint32_t)stream), c3 = (FN(words))((uint32_t)(stream >> 32));
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    const FN(products) p0 = __builtin_convertvector(c0, FN(products)) * 0xD2511F53u;
    const FN(products) p1 = __builtin_convertvector(c2, FN(products)) * 0xCD9E8D57u;
    c0 = __builtin_convertvector(p1 >> 32, FN(words)) ^ c1 ^ k0;
    c2 = __builtin_convertvector(p0 >> 32, FN(words)) ^ c3 ^ k1;
    c1 = __builtin_convertvector(p1, FN(words));
    c3 = __builtin_convertvector(p0, FN(words));
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const FN(products) high = __builtin_convertvector(c0, FN(products)) << 32;
  const FN(products) bits = (high | __builtin_convertvector(c1, FN(products))) >> 12;
  // Below 2^52, so that the bits of 2^52 + bits are known without a conversion.
  const FN(products) shifted = bits | 0x4330000000000000;
  FN(uniforms) x;
  memcpy(&x, &shifted, sizeof x);
  {
#pragma clang fp contract(off)
    *(FN(uniforms) *)out = (x - 0x1p52 + 0.5) * 0x1p-52;
  }
}

FK_INLINE double FN(normal_ratio)(const double *p, const double *q, double r) {
#pragma clang fp contract(off)
  double a = 0, b = 0;
#pragma clang loop unroll(full)
  for (int i = 7; i >= 0; i--) {
    a = a * r + p[i];
    b = b * r + q[i];
  }
  return a / b;
}

static void FN(random_normal)(uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                              void *outv) {
#pragma clang fp contract(off)
  T *out = outv;
  double u[FN(draw_run)], x[FN(draw_run)], tails[FN(draw_run)], roots[FN(draw_run)];
  int places[FN(draw_run)];
  for (int64_t done = 0; done < n; done += FN(draw_run)) {
    const int count = (int)(n - done < FN(draw_run) ? n - done : FN(draw_run));
    for (int i = 0; i < count; i += FN(draw_lanes))
      FN(open_uniforms)(seed, stream, first + (uint64_t)(done + i), u + i);
    for (int i = 0; i < count; i++) {
      const double q = u[i] - 0.5;
      x[i] = q * FN(normal_ratio)(fk_normal_centre[0], fk_normal_centre[1], 0.180625 - q * q);
    }
    int rest = 0;
    for (int i = 0; i < count; i++) {
      const double q = u[i] - 0.5;
      places[rest] = i;
      tails[rest] = q < 0 ? u[i] : 1 - u[i];
      rest += !(fabs(q) <= 0.425);
    }
    for (int i = 0; i < rest; i++) {
      roots[i] = __builtin_elementwise_sqrt(-fk_portable_log_inline(tails[i]));
      tails[i] = FN(normal_ratio)(fk_normal_tail[0], fk_normal_tail[1], roots[i] - 1.6);
    }
    for (int i = 0; i < rest; i++) {
      const double p = u[places[i]];
      // Beyond 5 the tail has a third form: fewer than two draws in 10^11.
      const double size = roots[i] <= 5 ? tails[i] : fabs(fk_normal_quantile(p));
      x[places[i]] = p < 0.5 ? -size : size;
    }
    for (int i = 0; i < count; i++) out[done + i] = (T)x[i];
  }
}
