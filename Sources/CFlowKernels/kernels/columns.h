// Columns of a matrix by a list of their numbers. The lists are nearly always arithmetic
// progressions (alternating masks, halves), so those of step 1 and 2 move by vectors, and what lies
// evenly across rows as one long row.

typedef struct {
  const int64_t *indices;  // null: those are first, first + step, ...
  int64_t first, step;
  int64_t count, stride;   // columns in the list; elements from row to row
  bool bounded;            // the element after the last may not exist
} FN(columns);

// `columns` elements a row, all of which exist.
static FN(columns) FN(columns_of)(int64_t count, const int64_t *indices, int64_t columns) {
  const int64_t first = indices && count > 0 ? indices[0] : 0;
  int64_t step = indices && count > 1 ? indices[1] - first : 1;
  bool even = step > 0;
  for (int64_t i = 0; even && i < count; i++)
    even = (indices ? indices[i] : i) == first + i * step;
  if (count == 1) step = columns;
  return (FN(columns)){.indices = even ? NULL : indices,
                       .first = even ? first : 0,
                       .step = step,
                       .count = count,
                       .stride = columns,
                       .bounded = first == 0 && columns < 2 * count};
}

// Neighbouring columns where more or fewer elements may follow in a row.
FK_INLINE FN(columns) FN(next_columns)(int64_t count, int64_t stride) {
  return (FN(columns)){.step = count == 1 ? stride : 1,
                       .count = count,
                       .stride = stride,
                       .bounded = true};
}

// The columns from `from` on, `count` of them.
FK_INLINE FN(columns) FN(part)(FN(columns) c, int64_t from, int64_t count) {
  if (count == c.count) return c;
  if (c.indices)
    c.indices += from;
  else
    c.first += from * c.step;
  c.count = count;
  c.bounded = true;
  return c;
}

typedef enum { FN(take), FN(put), FN(add) } FN(move_kind);

FK_INLINE void FN(move_one)(const FN(move_kind) kind, T *matrix, T *list) {
  if (kind == FN(take)) *list = *matrix;
  if (kind == FN(put)) *matrix = *list;
  if (kind == FN(add)) *matrix += *list;
}

FK_INLINE void FN(move_next)(const FN(move_kind) kind, int64_t n, T *matrix, T *list) {
  int64_t i = 0;
  for (; i + FK_LANES <= n; i += FK_LANES) {
    T *m = matrix + i, *l = list + i;
    if (kind == FN(take)) STORE(l, LOAD(m));
    if (kind == FN(put)) STORE(m, LOAD(l));
    if (kind == FN(add)) STORE(m, LOAD(m) + LOAD(l));
  }
#pragma clang loop vectorize(disable)
  for (; i < n; i++) FN(move_one)(kind, matrix + i, list + i);
}

// Every second element: the later ones of pairs (odd) or the earlier ones. Their neighbours are
// stored as they were.
FK_INLINE void FN(move_second)(const FN(move_kind) kind, const bool odd, int64_t n, int64_t pairs,
                               T *matrix, T *list) {
  T *pair = matrix - odd;
  int64_t i = 0;
  for (; i + FK_LANES <= pairs; i += FK_LANES) {
    T *m = pair + 2 * i, *l = list + i;
    const V a = LOAD(m), b = LOAD(m + FK_LANES);
    const V early = FK_EVEN(a, b), late = FK_ODD(a, b);
    if (kind == FN(take)) {
      STORE(l, odd ? late : early);
      continue;
    }
    const V moved = kind == FN(put) ? LOAD(l) : (odd ? late : early) + LOAD(l);
    const V x = odd ? early : moved, y = odd ? moved : late;
    STORE(m, FK_ZIP_LOW(x, y));
    STORE(m + FK_LANES, FK_ZIP_HIGH(x, y));
  }
#pragma clang loop vectorize(disable)
  for (; i < n; i++) FN(move_one)(kind, matrix + 2 * i, list + i);
}

// Short rows, of a constant count.
FK_INLINE void FN(move_few)(const FN(move_kind) kind, const int count, int64_t step, int64_t rows,
                            T *matrix, int64_t stride, T *list, int64_t list_stride) {
  for (int64_t r = 0; r < rows; r++) {
    T kept[8];
    T *m = matrix + r * stride, *l = list + r * list_stride;
    // All loads come before all stores, so that they may become vectors.
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++)
      kept[i] = kind == FN(take) ? m[i * step] : (kind == FN(put) ? 0 : m[i * step]) + l[i];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++)
      if (kind == FN(take))
        l[i] = kept[i];
      else
        m[i * step] = kind == FN(put) ? l[i] : kept[i];
  }
}

FK_INLINE void FN(move)(const FN(move_kind) kind, FN(columns) c, int64_t rows, T *matrix, T *list,
                        int64_t list_stride) {
  if (c.indices) {
    for (int64_t r = 0; r < rows; r++)
      for (int64_t i = 0; i < c.count; i++)
        FN(move_one)(kind, matrix + r * c.stride + c.indices[i], list + r * list_stride + i);
    return;
  }
  matrix += c.first;
  if (c.stride == c.count * c.step && list_stride == c.count) {
    c.count *= rows;
    c.stride *= rows;
    rows = rows > 0;
  }
  if (rows > 1 && c.step == 1) switch (c.count) {
#define FEW(count)                                                                                 \
  case count: FN(move_few)(kind, count, 1, rows, matrix, c.stride, list, list_stride); return;
      FEW(2) FEW(3) FEW(4) FEW(8)
    }
#undef FEW
  if (rows > 1) switch (c.count) {
#define FEW(count)                                                                                 \
  case count: FN(move_few)(kind, count, c.step, rows, matrix, c.stride, list, list_stride); return;
      FEW(1) FEW(2) FEW(3) FEW(4)
    }
#undef FEW
  const int64_t pairs = c.count - c.bounded;
  for (int64_t r = 0; r < rows; r++) {
    T *m = matrix + r * c.stride, *l = list + r * list_stride;
    if (c.step == 1)
      FN(move_next)(kind, c.count, m, l);
    else if (c.step == 2 && c.first > 0)
      FN(move_second)(kind, true, c.count, c.count, m, l);
    else if (c.step == 2)
      FN(move_second)(kind, false, c.count, pairs, m, l);
    else
      for (int64_t i = 0; i < c.count; i++) FN(move_one)(kind, m + i * c.step, l + i);
  }
}

static void FN(take_into)(FN(columns) c, int64_t rows, const T *matrix, T *list,
                          int64_t list_stride) {
  FN(move)(FN(take), c, rows, (T *)matrix, list, list_stride);
}

static void FN(put_from)(FN(columns) c, int64_t rows, T *matrix, const T *list,
                         int64_t list_stride) {
  FN(move)(FN(put), c, rows, matrix, (T *)list, list_stride);
}

static void FN(take_columns)(int64_t rows, int64_t count, int64_t in_columns,
                             const int64_t *indices, const void *in, int64_t out_columns,
                             void *out) {
  FN(take_into)(FN(columns_of)(count, indices, in_columns), rows, in, out, out_columns);
}

static void FN(add_columns)(int64_t rows, int64_t count, int64_t in_columns, const void *in,
                            int64_t out_columns, const int64_t *indices, void *out) {
  FN(move)(FN(add), FN(columns_of)(count, indices, out_columns), rows, out, (T *)in, in_columns);
}

static void FN(gather)(int64_t outer, int64_t axis, int64_t inner, int64_t count,
                       const int64_t *indices, const void *inv, void *outv) {
  if (inner == 1) {
    FN(take_columns)(outer, count, axis, indices, inv, count, outv);
    return;
  }
  const T *in = inv;
  T *out = outv;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t c = 0; c < count; c++) {
      const T *from = in + (o * axis + indices[c]) * inner;
      T *to = out + (o * count + c) * inner;
      for (int64_t i = 0; i < inner; i++) to[i] = from[i];
    }
}

static void FN(scatter_add)(int64_t outer, int64_t axis, int64_t inner, int64_t count,
                            const int64_t *indices, const void *inv, void *outv) {
  if (inner == 1) {
    FN(add_columns)(outer, count, count, inv, axis, indices, outv);
    return;
  }
  const T *in = inv;
  T *out = outv;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t c = 0; c < count; c++) {
      const T *from = in + (o * count + c) * inner;
      T *to = out + (o * axis + indices[c]) * inner;
      for (int64_t i = 0; i < inner; i++) to[i] += from[i];
    }
}
