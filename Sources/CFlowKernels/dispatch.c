// Chooses the instruction set and forwards every kernel to its table; counts the call on request.
#include "counts.h"
#include "kernels/table.h"
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int best_set = -1;
static _Thread_local int override_set = -1;

static fk_set detect(void) {
  fk_set best = FK_BASELINE;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2"))
    best = FK_AVX2;
  if (best == FK_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    best = FK_AVX512;
#endif
  const char *wish = getenv("FLOWS_SIMD");
  if (wish && strcmp(wish, "baseline") == 0) return FK_BASELINE;
  if (wish && strcmp(wish, "avx2") == 0 && best > FK_AVX2) return FK_AVX2;
  return best;
}

fk_set fk_best_set(void) {
  int set = atomic_load_explicit(&best_set, memory_order_relaxed);
  if (set < 0) {
    set = (int)detect();
    atomic_store_explicit(&best_set, set, memory_order_relaxed);
  }
  return (fk_set)set;
}

fk_set fk_current_set(void) {
  return override_set >= 0 ? (fk_set)override_set : fk_best_set();
}

void fk_override_set(int set) { override_set = set <= (int)fk_best_set() ? set : -1; }
int fk_set_override(void) { return override_set; }

static _Thread_local int64_t recordings;

void fk_begin_recording(void) { recordings++; }
void fk_end_recording(void) { recordings--; }
bool fk_is_recording(void) { return recordings > 0; }

int64_t fk_next_serial(void) {
  static _Atomic int64_t last;
  return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

static inline const fk_table *table(fk_type type) {
  switch (fk_current_set()) {
#if defined(__x86_64__)
  case FK_AVX512: return type == FK_FLOAT ? &fk_table_avx512_float : &fk_table_avx512_double;
  case FK_AVX2: return type == FK_FLOAT ? &fk_table_avx2_float : &fk_table_avx2_double;
#endif
  default: return type == FK_FLOAT ? &fk_table_baseline_float : &fk_table_baseline_double;
  }
}

#define FK_STRIP_ARGUMENTS(...) __VA_ARGS__
#define FK_DEFINE(name, parameters, arguments)                                                     \
  void fk_##name(fk_type type, FK_STRIP_ARGUMENTS parameters) {                                    \
    if (fk_is_counting()) {                                                                        \
      table(type)->name arguments;                                                                 \
      fk_count_##name(type, FK_STRIP_ARGUMENTS arguments);                                         \
    } else {                                                                                       \
      table(type)->name arguments;                                                                 \
    }                                                                                              \
  }
FK_KERNELS(FK_DEFINE)

void fk_convert(fk_type from, fk_type to, int64_t n, const void *in, void *out) {
  if (from == to)
    memcpy(out, in, (size_t)n * (from == FK_FLOAT ? 4 : 8));
  else if (from == FK_FLOAT)
    for (int64_t i = 0; i < n; i++) ((double *)out)[i] = ((const float *)in)[i];
  else
    for (int64_t i = 0; i < n; i++) ((float *)out)[i] = (float)((const double *)in)[i];
}
