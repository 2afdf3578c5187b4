// The affine coupling. It touches some columns only, so runs of their elements are taken together
// (where they do not lie together anyhow), transformed, and put back.

// The log-scales of a run and, where `slope` is not null, d s / d raw.
FK_INLINE void FN(log_scales)(const bool sloped, fk_scale kind, T bound, unsigned vectors,
                              const T *restrict raw, T *restrict s, T *restrict slope) {
  if (kind == FK_SCALE_SOFTPLUS) {
    FK_EACH_IN_RUN {
      const T scale = FN(softplus)(raw[i]) + bound;
      s[i] = FN(log)(scale);
      if (sloped) slope[i] = FN(sigmoid)(raw[i]) / scale;
    }
    return;
  }
#define EACH(value, derivative)                                                                    \
  FK_EACH_IN_RUN {                                                                                 \
    const T x = raw[i];                                                                            \
    const T u = (value);                                                                           \
    s[i] = (kind == FK_SCALE_TANH ? bound * u : x * u);                                            \
    if (sloped) slope[i] = (derivative);                                                           \
  }
  // The inverse of a power of two is exact, and a product is several times faster than a quotient.
  const T inverse = 1 / bound;
  const bool exact = (FN(bits)(bound) & (((FK_INT)1 << FK_MANTISSA) - 1)) == 0;
  if (kind == FK_SCALE_TANH && exact)
    EACH(FN(tanh)(x * inverse), 1 - u * u)
  else if (kind == FK_SCALE_TANH)
    EACH(FN(tanh)(x / bound), 1 - u * u)
  else if (kind == FK_SCALE_SOFT)
    EACH(1 / (1 + (x < 0 ? -x : x) / bound), u * u)
  else
    EACH(1, 1)
#undef EACH
}

// Where the elements lie together in the matrix, runs of whole vectors need not be moved.
FK_INLINE bool FN(lies_together)(FN(columns) c, int64_t rows) {
  return !c.indices && c.step == 1 && (rows == 1 || c.stride == c.count) &&
         rows * c.count % FK_LANES == 0;
}

// A run of a matrix, in place or in `run`.
FK_INLINE const T *FN(taken)(FN(columns) c, int64_t rows, const T *matrix, T *run) {
  if (FN(lies_together)(c, rows)) return matrix + c.first;
  const int64_t n = rows * c.count;
  FN(clear_tail)(n, run);
  FN(take_into)(c, rows, matrix, run, c.count);
  return run;
}

// Runs of the elements that a coupling transforms: `rows` rows of columns `from` to from + count.
typedef struct {
  int64_t row, rows, from, count;
} FN(stretch);

FK_INLINE FN(stretch) FN(first_stretch)(int64_t rows, int64_t count) {
  const int64_t most = count > 0 && count < FN(run_length) ? FN(run_length) / count : 1;
  return (FN(stretch)){.rows = rows < most ? rows : most,
                       .count = count < FN(run_length) ? count : FN(run_length)};
}

FK_INLINE FN(stretch) FN(next_stretch)(FN(stretch) s, int64_t rows, int64_t count) {
  s.from += s.count;
  if (s.from == count) {
    s.from = 0;
    s.row += s.rows;
  }
  if (s.rows > rows - s.row) s.rows = rows - s.row;
  s.count = count - s.from < FN(run_length) ? count - s.from : FN(run_length);
  return s;
}

static void FN(coupling)(bool to_data, fk_scale kind, double bound, int64_t rows,
                         int64_t dimension, int64_t count, const int64_t *indices, const void *xv,
                         const void *rawv, int64_t raw_stride, const void *tv, int64_t t_stride,
                         void *vv, void *logdetv) {
  const T *x = xv, *raw = rawv, *t = tv;
  T *v = vv, *logdet = logdetv;
  memcpy(v, x, sizeof(T) * (size_t)(rows * dimension));
  memset(logdet, 0, sizeof(T) * (size_t)rows);
  if (count == 0) return;
  const FN(columns) at = FN(columns_of)(count, indices, dimension);
  const FN(columns) raw_at = FN(next_columns)(count, raw_stride);
  const FN(columns) t_at = FN(next_columns)(count, t_stride);
  FN(run) x_run, t_run, raw_run, s, vs, sums;
  FN(stretch) p = FN(first_stretch)(rows, count);
  for (; p.row < rows; p = FN(next_stretch)(p, rows, count)) {
    const unsigned vectors = FN(whole_vectors)(p.rows * p.count);
    const FN(columns) here = FN(part)(at, p.from, p.count);
    const T *xs = FN(taken)(here, p.rows, x + p.row * dimension, x_run);
    const T *ts =
        FN(taken)(FN(part)(t_at, p.from, p.count), p.rows, t + p.row * t_stride, t_run);
    if (kind == FK_SCALE_NONE) {
      if (to_data)
        FK_EACH_IN_RUN vs[i] = xs[i] + ts[i];
      else
        FK_EACH_IN_RUN vs[i] = xs[i] - ts[i];
    } else {
      const T *raws =
          FN(taken)(FN(part)(raw_at, p.from, p.count), p.rows, raw + p.row * raw_stride, raw_run);
      FN(log_scales)(false, kind, (T)bound, vectors, raws, s, NULL);
      if (to_data)
        FK_EACH_IN_RUN vs[i] = xs[i] * FN(exp)(s[i]) + ts[i];
      else
        FK_EACH_IN_RUN {
          s[i] = -s[i];
          vs[i] = (xs[i] - ts[i]) * FN(exp)(s[i]);
        }
      FN(row_sums)(p.rows, p.count, s, sums);
      for (int64_t r = 0; r < p.rows; r++) logdet[p.row + r] += sums[r];
    }
    FN(put_from)(here, p.rows, v + p.row * dimension, vs, p.count);
  }
}

static void FN(coupling_backward)(bool to_data, fk_scale kind, double bound, int64_t rows,
                                  int64_t dimension, int64_t count, const int64_t *indices,
                                  const void *xv, const void *rawv, int64_t raw_stride,
                                  const void *vv, const void *gvv, const void *glogdetv, void *gxv,
                                  void *grawv, void *gtv, int64_t t_stride) {
  const T *x = xv, *raw = rawv, *v = vv, *gv = gvv, *glogdet = glogdetv;
  T *gx = gxv, *graw = grawv, *gt = gtv;
  if (gv)
    memcpy(gx, gv, sizeof(T) * (size_t)(rows * dimension));
  else
    memset(gx, 0, sizeof(T) * (size_t)(rows * dimension));
  if (count == 0) return;
  const FN(columns) at = FN(columns_of)(count, indices, dimension);
  const FN(columns) raw_at = FN(next_columns)(count, raw_stride);
  const FN(columns) t_at = FN(next_columns)(count, t_stride);
  FN(run) x_run, raw_run, g_run, s, slope, gl, gxs, gt_run, graw_run;
  if (!gv) memset(g_run, 0, sizeof g_run);
  if (!glogdet) memset(gl, 0, sizeof gl);
  FN(stretch) p = FN(first_stretch)(rows, count);
  for (; p.row < rows; p = FN(next_stretch)(p, rows, count)) {
    const unsigned vectors = FN(whole_vectors)(p.rows * p.count);
    const int64_t start = p.row * dimension;
    const FN(columns) here = FN(part)(at, p.from, p.count);
    const FN(columns) t_here = FN(part)(t_at, p.from, p.count);
    const FN(columns) raw_here = FN(part)(raw_at, p.from, p.count);
    T *raw_to = graw + p.row * raw_stride, *t_to = gt + p.row * t_stride;
    T *graws = FN(lies_together)(raw_here, p.rows) ? raw_to + raw_here.first : graw_run;
    T *gts = FN(lies_together)(t_here, p.rows) ? t_to + t_here.first : gt_run;
    const T *gs = gv ? FN(taken)(here, p.rows, gv + start, g_run) : g_run;
    if (kind == FK_SCALE_NONE) {
      FK_EACH_IN_RUN {
        gxs[i] = gs[i];
        gts[i] = to_data ? gs[i] : -gs[i];
      }
    } else {
      const T *raws = FN(taken)(raw_here, p.rows, raw + p.row * raw_stride, raw_run);
      // What the scale multiplies: x, or the result.
      const T *xs = FN(taken)(here, p.rows, (to_data ? x : v) + start, x_run);
      if (glogdet) FN(spread)(p.rows, p.count, glogdet + p.row, gl);
      FN(log_scales)(true, kind, (T)bound, vectors, raws, s, slope);
      if (to_data)
        FK_EACH_IN_RUN {
          const T e = FN(exp)(s[i]);
          gxs[i] = gs[i] * e;
          gts[i] = gs[i];
          graws[i] = (gs[i] * xs[i] * e + gl[i]) * slope[i];
        }
      else
        FK_EACH_IN_RUN {
          const T e = FN(exp)(-s[i]);
          gxs[i] = gs[i] * e;
          gts[i] = -gxs[i];
          graws[i] = (-gs[i] * xs[i] - gl[i]) * slope[i];
        }
      if (graws == graw_run) FN(put_from)(raw_here, p.rows, raw_to, graws, p.count);
    }
    FN(put_from)(here, p.rows, gx + start, gxs, p.count);
    if (gts == gt_run) FN(put_from)(t_here, p.rows, t_to, gts, p.count);
  }
}
