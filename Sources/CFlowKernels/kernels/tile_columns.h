// Between rows of data [rows, columns] and tiles that lie column by column, [count, stride]. Lists
// of columns are mostly permutations or parts of all columns, so the columns are walked as they lie
// in memory, neighbours that are in the list together, and each goes where the list says.

enum { FN(few_columns) = 2 };

// v[i] of a square block becomes its column i; of those only the first `wanted` are made.
FK_INLINE void FN(turn_block)(const int wanted, V v[FK_LANES]) {
  V w[FK_LANES];
  FK_UNROLL_STAIR for (int round = FK_LANES; round > 1; round /= 2) {
    FK_UNROLL_STAIR for (int i = 0; i < FK_LANES / 2; i++) {
      w[2 * i] = FK_ZIP_LOW(v[i], v[i + FK_LANES / 2]);
      w[2 * i + 1] = FK_ZIP_HIGH(v[i], v[i + FK_LANES / 2]);
    }
    FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++)
      if (round > 2 || i < wanted) v[i] = w[i];
  }
}

// Where in the list each column is, -1 where it is not; false where one is there twice.
static bool FN(list_places)(int64_t columns, int64_t count, const int64_t *indices,
                            int32_t *places) {
  for (int64_t c = 0; c < columns; c++) places[c] = -1;
  for (int64_t i = 0; i < count; i++) {
    int32_t *place = places + (indices ? indices[i] : i);
    if (*place >= 0) return false;
    *place = (int32_t)i;
  }
  return true;
}

// The next neighbouring columns of the list from `*column` on, at most `most`; 0 after the last.
FK_INLINE int64_t FN(next_run)(int64_t columns, const int32_t *places, int64_t most,
                               int64_t *column) {
  while (*column < columns && places[*column] < 0) ++*column;
  int64_t run = 0;
  while (run < most && *column + run < columns && places[*column + run] >= 0) run++;
  return run;
}

FK_INLINE void FN(run_to_columns)(const int wanted, int64_t run, int64_t rows, int64_t columns,
                                  int64_t column, const int32_t *places, const T *x, int64_t stride,
                                  T *out) {
  for (int64_t r = 0; r < stride; r += FK_LANES) {
    V v[FK_LANES];
    const T *from = x + r * columns + column;
    const int64_t last = (r + FK_LANES - 1) * columns + column + FK_LANES;
    if (r + FK_LANES <= rows && last <= rows * columns) {
      FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++) v[i] = LOAD(from + i * columns);
    } else {
      // Rows that are not there are zeros, and nothing behind the last one is read.
      T block[FK_LANES][FK_LANES] = {{0}};
      for (int64_t i = 0; i < FK_LANES && r + i < rows; i++)
        for (int64_t j = 0; j < run; j++) block[i][j] = from[i * columns + j];
      FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++) v[i] = LOAD(block[i]);
    }
    FN(turn_block)(wanted, v);
    FK_UNROLL_STAIR for (int i = 0; i < wanted; i++)
      if (i < run) STORE(out + places[column + i] * stride + r, v[i]);
  }
}

static void FN(column_to_columns)(int64_t rows, int64_t columns, const T *x, int64_t stride,
                                  T *out) {
  if (columns == 1)
    memcpy(out, x, sizeof(T) * (size_t)rows);
  else
    for (int64_t r = 0; r < rows; r++) out[r] = x[r * columns];
  memset(out + rows, 0, sizeof(T) * (size_t)(stride - rows));
}

static void FN(to_columns)(int64_t rows, int64_t columns, int64_t count, const int64_t *indices,
                           const void *xv, int64_t stride, void *outv) {
  const T *x = xv;
  T *out = outv;
  const size_t bytes = sizeof(int32_t) * (size_t)(columns + 1);
  int32_t *places = fk_allocate(bytes);
  if (!FN(list_places)(columns, count, indices, places)) {
    for (int64_t i = 0; i < count; i++)
      FN(column_to_columns)(rows, columns, x + indices[i], stride, out + i * stride);
    count = 0;
  }
  for (int64_t column = 0, run; count > 0; column += run) {
    run = FN(next_run)(columns, places, FK_LANES, &column);
    if (run == 0) break;
    if (run <= FN(few_columns))
      for (int64_t j = column; j < column + run; j++)
        FN(column_to_columns)(rows, columns, x + j, stride, out + places[j] * stride);
    else if (run <= FK_LANES / 4)
      FN(run_to_columns)(FK_LANES / 4, run, rows, columns, column, places, x, stride, out);
    else if (run <= FK_LANES / 2)
      FN(run_to_columns)(FK_LANES / 2, run, rows, columns, column, places, x, stride, out);
    else
      FN(run_to_columns)(FK_LANES, run, rows, columns, column, places, x, stride, out);
  }
  fk_deallocate(places, bytes);
}

// The first n of a vector, without a call for each.
FK_INLINE void FN(put_first)(int64_t n, V v, T *to) {
  T values[FK_LANES];
  STORE(values, v);
  const T *from = values;
  FK_UNROLL_STAIR for (int part = FK_LANES; part >= 1; part /= 2)
    if (n & part) {
      memcpy(to, from, sizeof(T) * (size_t)part);
      to += part;
      from += part;
    }
}

FK_INLINE void FN(run_to_rows)(int64_t run, int64_t rows, int64_t columns, int64_t column,
                               const int32_t *places, const T *x, int64_t stride, T *out) {
  for (int64_t r = 0; r < rows; r += FK_LANES) {
    V v[FK_LANES];
    FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++)
      v[i] = i < run ? LOAD(x + places[column + i] * stride + r) : (V)(0);
    FN(turn_block)(FK_LANES, v);
    T *to = out + r * columns + column;
    if (run == FK_LANES && r + FK_LANES <= rows) {
      FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++) STORE(to + i * columns, v[i]);
    } else {
      FK_UNROLL_STAIR for (int i = 0; i < FK_LANES; i++)
        if (r + i < rows) FN(put_first)(run, v[i], to + i * columns);
    }
  }
}

static void FN(to_rows)(int64_t rows, int64_t columns, int64_t count, const int64_t *indices,
                        const void *xv, int64_t stride, void *outv) {
  const T *x = xv;
  T *out = outv;
  const size_t bytes = sizeof(int32_t) * (size_t)(columns + 1);
  int32_t *places = fk_allocate(bytes);
  // Of a column that is there twice, the last one stays.
  if (!FN(list_places)(columns, count, indices, places))
    for (int64_t i = 0; i < count; i++) places[indices[i]] = (int32_t)i;
  for (int64_t column = 0, run;; column += run) {
    run = FN(next_run)(columns, places, FK_LANES, &column);
    if (run == 0) break;
    if (run > FN(few_columns)) {
      FN(run_to_rows)(run, rows, columns, column, places, x, stride, out);
    } else if (columns == 1) {
      memcpy(out, x + places[0] * stride, sizeof(T) * (size_t)rows);
    } else {
      for (int64_t j = column; j < column + run; j++)
        for (int64_t r = 0; r < rows; r++) out[r * columns + j] = x[places[j] * stride + r];
    }
  }
  fk_deallocate(places, bytes);
}
