// Runs: short dense stretches of whole rows, or of part of a long row, in which elements of many
// rows share vectors. They are whole vectors long; what lies behind the rows is of no account.

enum { FN(run_length) = 2048 / (int)sizeof(T), FN(run_space) = FN(run_length) + 2 * FK_LANES };

// Room for a run.
typedef T FN(run)[FN(run_space)] __attribute__((aligned(FK_VECTOR_BYTES)));

FK_INLINE unsigned FN(whole_vectors)(int64_t n) {
  return (unsigned)((n + FK_LANES - 1) / FK_LANES);
}

// Loops over runs: exactly the vectors. Not interleaved, that no remainder is done one by one.
#define FK_EACH_IN_RUN                                                                             \
  _Pragma("clang loop interleave(disable)") for (                                                  \
      unsigned i = 0; i != vectors * (unsigned)FK_LANES; i++)

// What a run leaves of its last vector is zero, lest it be no number.
FK_INLINE void FN(clear_tail)(int64_t n, T *run) {
  if (n % FK_LANES != 0) STORE(run + n / FK_LANES * FK_LANES, (V)(0));
}

// LOAD(places + FK_LANES - n) is positive in the first n lanes.
static const T FN(places)[2 * FK_LANES] = {[0 ... FK_LANES - 1] = 1};

// sums[r] = the sum of row r of a run, which is overwritten. In which order depends on `count`
// alone. Run and sums have room for two vectors more.
static void FN(row_sums)(int64_t rows, int64_t count, T *run, T *sums) {
  if (count > FK_LANES) {
    const V kept = LOAD(FN(places) + FK_LANES - count % FK_LANES);
    for (int64_t r = 0; r < rows; r++) {
      const T *row = run + r * count;
      V sum = LOAD(row);
      int64_t i = FK_LANES;
      for (; i + FK_LANES <= count; i += FK_LANES) sum += LOAD(row + i);
      if (i < count) sum += kept > 0 ? LOAD(row + i) : (V)(0);
      STORE(run + r * FK_LANES, sum);
    }
    count = FK_LANES;
  }
  // Pairs, across all rows at once.
  for (; count % 2 == 0; count /= 2)
    for (int64_t i = 0; 2 * i < rows * count; i += FK_LANES) {
      const V a = LOAD(run + 2 * i), b = LOAD(run + 2 * i + FK_LANES);
      STORE(run + i, FK_EVEN(a, b) + FK_ODD(a, b));
    }
  if (count == 1) {
    memcpy(sums, run, sizeof(T) * (size_t)rows);
    return;
  }
  const V kept = LOAD(FN(places) + FK_LANES - count);
  for (int64_t r0 = 0; r0 < rows; r0 += FK_LANES) {
    V v[FK_LANES];
#pragma clang loop unroll(full)
    for (int j = 0; j < FK_LANES; j++)
      v[j] = kept > 0 ? LOAD(run + (r0 + j < rows ? r0 + j : r0) * count) : (V)(0);
#pragma clang loop unroll(full)
    for (int left = FK_LANES / 2; left >= 1; left /= 2)
#pragma clang loop unroll(full)
      for (int i = 0; i < left; i++)
        v[i] = FK_EVEN(v[2 * i], v[2 * i + 1]) + FK_ODD(v[2 * i], v[2 * i + 1]);
    STORE(sums + r0, v[0]);
  }
}

// Every element of row r of a run becomes values[r].
static void FN(spread)(int64_t rows, int64_t count, const T *values, T *run) {
  if (count >= FK_LANES) {
    for (int64_t r = 0; r < rows; r++) {
      const V value = (V)(values[r]);
      T *row = run + r * count;
      for (int64_t i = 0; i + FK_LANES < count; i += FK_LANES) STORE(row + i, value);
      STORE(row + count - FK_LANES, value);
    }
    return;
  }
  int64_t odd = count;
  while (odd % 2 == 0) odd /= 2;
  if (odd == 1)
    memcpy(run, values, sizeof(T) * (size_t)rows);
  else
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < odd; i++) run[r * odd + i] = values[r];
  // Doubled in place, from the end.
  for (int64_t n = rows * odd; odd < count; odd *= 2, n *= 2)
    for (int64_t i = (n - 1) / FK_LANES * FK_LANES; i >= 0; i -= FK_LANES) {
      const V v = LOAD(run + i);
      STORE(run + 2 * i, FK_ZIP_LOW(v, v));
      STORE(run + 2 * i + FK_LANES, FK_ZIP_HIGH(v, v));
    }
}
