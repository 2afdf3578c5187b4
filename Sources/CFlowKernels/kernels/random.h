// Standard normals, many at a time: the same bits as random.c draws one by one, since every
// rounding is the same one. Most lie in the centre of AS 241 and stay in registers from the counter
// to the result; the places of the rest are noted, so that their logarithms are vectors, too.

enum { FN(draw_run) = 512, FN(draw_lanes) = FK_VECTOR_BYTES / 2 };

typedef uint64_t FN(words) __attribute__((ext_vector_type(FN(draw_lanes)), aligned(8)));
typedef double FN(draws) __attribute__((ext_vector_type(FN(draw_lanes)), aligned(8)));
typedef T FN(results) __attribute__((ext_vector_type(FN(draw_lanes)), aligned(sizeof(T))));
typedef bool FN(mask) __attribute__((ext_vector_type(FN(draw_lanes))));

// Open uniforms of blocks first, first + 1, ..., which have the upper 32 bits in common. Every lane
// holds 32 bits of the counter, and whatever a product leaves above them, so that nothing is
// widened or narrowed on the way.
FK_INLINE void FN(open_uniforms)(uint64_t seed, uint64_t stream, uint64_t first, FN(draws) *out) {
#pragma clang fp contract(off)
  const uint64_t m0 = 0xD2511F53u, m1 = 0xCD9E8D57u, half = 0xffffffffu;
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  // In the first two rounds one of the two products is the same for all blocks.
  const uint64_t p1 = m1 * (uint32_t)stream, q0 = m0 * (uint32_t)((p1 ^ first) >> 32 ^ k0);
  FN(words) low = (FN(words))((uint32_t)first);
#pragma clang loop unroll(full)
  for (int i = 0; i < FN(draw_lanes); i++) low[i] += (uint64_t)i;
  const FN(words) p0 = (low & half) * m0;
  FN(words) c2 = (p0 >> 32) ^ ((stream >> 32) ^ k1), c3 = p0;
  k0 += 0x9E3779B9u;
  k1 += 0xBB67AE85u;
  const FN(words) q1 = (c2 & half) * m1;
  FN(words) c0 = (q1 >> 32) ^ ((uint32_t)p1 ^ k0), c1 = q1;
  c2 = c3 ^ ((q0 >> 32) ^ k1);
  c3 = (FN(words))(q0);
#pragma clang loop unroll(full)
  for (int round = 2; round < 10; round++) {
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
    const FN(words) r0 = (c0 & half) * m0, r1 = (c2 & half) * m1;
    c0 = (r1 >> 32) ^ c1 ^ (uint64_t)k0;
    c2 = (r0 >> 32) ^ c3 ^ (uint64_t)k1;
    c1 = r1;
    c3 = r0;
  }
  // 1 + bits 2^-52, less all but half a unit of it: exact, as is what the callers take off.
  const FN(words) bits = (c0 << 20 | (c1 & half) >> 12) & 0xfffffffffffff;
  *out = __builtin_bit_cast(FN(draws), bits | 0x3ff0000000000000) - (1 - 0x1p-53);
}

FK_INLINE double FN(normal_ratio)(const double *p, const double *q, double r) {
#pragma clang fp contract(off)
  double a = p[7], b = q[7];
#pragma clang loop unroll(full)
  for (int i = 6; i >= 0; i--) {
    a = a * r + p[i];
    b = b * r + q[i];
  }
  return a / b;
}

// Notes the ones among the bits as places from `base` on; returns how many there are by then.
FK_INLINE int FN(note)(uint32_t bits, int base, uint16_t *places, int count) {
#pragma clang loop unroll(full)
  for (int i = 0; i < FN(draw_lanes); i += 4, bits >>= 4) {
    const uint64_t four = fk_places_of_four[bits & 15] + (uint64_t)(base + i) * 0x1000100010001;
    memcpy(places + count, &four, sizeof four);
    count += fk_count_of_four[bits & 15];
  }
  return count;
}

static void FN(random_normal)(uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                              void *outv) {
#pragma clang fp contract(off)
  enum { lanes = FN(draw_lanes), run = FN(draw_run) };
  T *out = outv;
  double q[run], tails[run + lanes], roots[run + lanes];
  uint16_t places[run + 4];
  for (int count; n > 0; n -= count, first += (uint64_t)count, out += count) {
    // The blocks of a run have the upper half of their counters in common.
    const int64_t same = ((int64_t)1 << 32) - (int64_t)(uint32_t)first, most = n < run ? n : run;
    count = (int)(same < most ? same : most);
    int rest = 0;
    for (int i = 0; i < count; i += lanes) {
      FN(draws) d;
      FN(open_uniforms)(seed, stream, first + (uint64_t)i, &d);
      d -= 0.5;
      *(FN(draws) *)(q + i) = d;
      const FN(mask) far = __builtin_convertvector(__builtin_elementwise_abs(d) > 0.425, FN(mask));
      uint32_t bits = 0;
      memcpy(&bits, &far, sizeof far);
      rest = FN(note)(bits, i, places, rest);
      const FN(draws) r = 0.180625 - d * d;
      FN(draws) a = fk_normal_centre[0][7], b = fk_normal_centre[1][7];
#pragma clang loop unroll(full)
      for (int k = 6; k >= 0; k--) {
        a = a * r + fk_normal_centre[0][k];
        b = b * r + fk_normal_centre[1][k];
      }
      const FN(results) x = __builtin_convertvector(d * (a / b), FN(results));
      if (i + lanes <= count)
        *(FN(results) *)(out + i) = x;
      else
        memcpy(out + i, &x, sizeof(T) * (size_t)(count - i));
    }
    while (rest > 0 && places[rest - 1] >= count) rest--;
    for (int i = 0; i < rest; i++) tails[i] = 0.5 - fabs(q[places[i]]);
    for (int i = 0; i < lanes; i++) tails[rest + i] = 0.5;
    const int padded = (rest + lanes - 1) / lanes * lanes;
    for (int i = 0; i < padded; i++) {
      roots[i] = __builtin_elementwise_sqrt(-fk_portable_log_inline(tails[i]));
      tails[i] = FN(normal_ratio)(fk_normal_tail[0], fk_normal_tail[1], roots[i] - 1.6);
    }
    for (int i = 0; i < rest; i++) {
      const double d = q[places[i]];
      // Beyond 5 the tail has a third form: fewer than two draws in 10^11.
      const double size = roots[i] <= 5 ? tails[i] : fabs(fk_normal_quantile(d + 0.5));
      out[places[i]] = (T)copysign(size, d);
    }
  }
}
