// Fused steps of flows: the affine coupling and the log-density of location-scale families.
//
// A coupling touches scattered columns, so elements are gathered into short dense runs, where the
// exponentials vectorise, and scattered back.

enum { FN(run_length) = 256 };

// The log-scales of a run and d s / d raw.
static void FN(log_scales)(fk_scale kind, T bound, int n, const T *restrict raw, T *restrict s,
                           T *restrict slope) {
  switch (kind) {
  case FK_SCALE_TANH:
    for (int i = 0; i < n; i++) {
      const T t = FN(tanh)(raw[i] / bound);
      s[i] = bound * t;
      slope[i] = 1 - t * t;
    }
    break;
  case FK_SCALE_SOFT:
    for (int i = 0; i < n; i++) {
      const T d = 1 / (1 + (raw[i] < 0 ? -raw[i] : raw[i]) / bound);
      s[i] = raw[i] * d;
      slope[i] = d * d;
    }
    break;
  case FK_SCALE_FREE:
    for (int i = 0; i < n; i++) {
      s[i] = raw[i];
      slope[i] = 1;
    }
    break;
  default:
    for (int i = 0; i < n; i++) s[i] = slope[i] = 0;
  }
}

typedef struct {
  int64_t row, column;
} FN(place);

FK_INLINE void FN(next_place)(FN(place) * p, int64_t count) {
  if (++p->column == count) {
    p->column = 0;
    p->row++;
  }
}

static void FN(coupling)(bool to_data, fk_scale kind, double bound, int64_t rows,
                         int64_t dimension, int64_t count, const int64_t *indices, const void *xv,
                         const void *rawv, int64_t raw_stride, const void *tv, int64_t t_stride,
                         void *vv, void *logdetv) {
  const T *x = xv, *raw = rawv, *t = tv;
  T *v = vv, *logdet = logdetv;
  memcpy(v, x, sizeof(T) * (size_t)(rows * dimension));
  memset(logdet, 0, sizeof(T) * (size_t)rows);
  T xs[FN(run_length)], ts[FN(run_length)], raws[FN(run_length)], s[FN(run_length)];
  T slope[FN(run_length)], vs[FN(run_length)];
  const int64_t total = rows * count;
  FN(place) start = {0, 0};
  for (int64_t done = 0; done < total; done += FN(run_length)) {
    const int n = (int)(total - done < FN(run_length) ? total - done : FN(run_length));
    FN(place) p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, count)) {
      xs[i] = x[p.row * dimension + indices[p.column]];
      ts[i] = t[p.row * t_stride + p.column];
      raws[i] = kind == FK_SCALE_NONE ? 0 : raw[p.row * raw_stride + p.column];
    }
    FN(log_scales)(kind, (T)bound, n, raws, s, slope);
    if (to_data)
      for (int i = 0; i < n; i++) vs[i] = xs[i] * FN(exp)(s[i]) + ts[i];
    else
      for (int i = 0; i < n; i++) {
        vs[i] = (xs[i] - ts[i]) * FN(exp)(-s[i]);
        s[i] = -s[i];
      }
    p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, count)) {
      v[p.row * dimension + indices[p.column]] = vs[i];
      logdet[p.row] += s[i];
    }
    start = p;
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
  T xs[FN(run_length)], vs[FN(run_length)], raws[FN(run_length)], s[FN(run_length)];
  T slope[FN(run_length)], gs[FN(run_length)], gl[FN(run_length)], gxs[FN(run_length)];
  const int64_t total = rows * count;
  FN(place) start = {0, 0};
  for (int64_t done = 0; done < total; done += FN(run_length)) {
    const int n = (int)(total - done < FN(run_length) ? total - done : FN(run_length));
    FN(place) p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, count)) {
      const int64_t at = p.row * dimension + indices[p.column];
      xs[i] = x[at];
      vs[i] = v[at];
      gs[i] = gv ? gv[at] : 0;
      gl[i] = glogdet ? glogdet[p.row] : 0;
      raws[i] = kind == FK_SCALE_NONE ? 0 : raw[p.row * raw_stride + p.column];
    }
    FN(log_scales)(kind, (T)bound, n, raws, s, slope);
    // gxs: gradient of x; gs: of t; raws: of raw.
    if (to_data)
      for (int i = 0; i < n; i++) {
        const T e = FN(exp)(s[i]);
        gxs[i] = gs[i] * e;
        raws[i] = (gs[i] * xs[i] * e + gl[i]) * slope[i];
      }
    else
      for (int i = 0; i < n; i++) {
        const T e = FN(exp)(-s[i]);
        gxs[i] = gs[i] * e;
        raws[i] = (-gs[i] * vs[i] - gl[i]) * slope[i];
        gs[i] = -gxs[i];
      }
    p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, count)) {
      gx[p.row * dimension + indices[p.column]] = gxs[i];
      gt[p.row * t_stride + p.column] = gs[i];
      if (kind != FK_SCALE_NONE) graw[p.row * raw_stride + p.column] = raws[i];
    }
    start = p;
  }
}

// Minus the constant part of the log-density at scale 1.
static double FN(location_scale_constant)(fk_family family) {
  switch (family) {
  case FK_GAUSSIAN: return 0.91893853320467274178;
  case FK_LAPLACE: return 0.69314718055994530942;
  default: return 0;
  }
}

// out -= sum over columns of |e| + 2 log(1 + exp(-|e|)), in runs across rows.
static void FN(subtract_logistic)(int64_t rows, int64_t dimension, const T *x, const T *location,
                                  const T *inverse, T *out) {
  T values[FN(run_length)];
  const int64_t total = rows * dimension;
  FN(place) start = {0, 0};
  for (int64_t done = 0; done < total; done += FN(run_length)) {
    const int n = (int)(total - done < FN(run_length) ? total - done : FN(run_length));
    FN(place) p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, dimension)) {
      const T e = (x[done + i] - location[p.column]) * inverse[p.column];
      values[i] = e < 0 ? -e : e;
    }
    for (int i = 0; i < n; i++) values[i] += 2 * FN(log1p)(FN(exp)(-values[i]));
    p = start;
    for (int i = 0; i < n; i++, FN(next_place)(&p, dimension)) out[p.row] -= values[i];
    start = p;
  }
}

static void FN(location_scale)(fk_family family, int64_t rows, int64_t dimension, const void *xv,
                               const void *locationv, const void *log_scalev, void *outv) {
  const T *x = xv, *location = locationv, *log_scale = log_scalev;
  T *out = outv;
  const size_t bytes = sizeof(T) * (size_t)dimension;
  T *inverse = fk_allocate(bytes);
  double constant = 0;
  for (int64_t d = 0; d < dimension; d++) {
    inverse[d] = FN(exp)(-log_scale[d]);
    constant -= (double)log_scale[d] + FN(location_scale_constant)(family);
  }
  for (int64_t r = 0; r < rows; r++) {
    const T *row = x + r * dimension;
    T sum = 0;
    if (family == FK_GAUSSIAN)
      for (int64_t d = 0; d < dimension; d++) {
        const T e = (row[d] - location[d]) * inverse[d];
        sum += (T)0.5 * e * e;
      }
    else if (family == FK_LAPLACE)
      for (int64_t d = 0; d < dimension; d++) {
        const T e = (row[d] - location[d]) * inverse[d];
        sum += e < 0 ? -e : e;
      }
    out[r] = (T)constant - sum;
  }
  if (family == FK_LOGISTIC) FN(subtract_logistic)(rows, dimension, x, location, inverse, out);
  fk_deallocate(inverse, bytes);
}

// -d log f / d e at scale 1.
FK_INLINE T FN(location_scale_score)(fk_family family, T e) {
  switch (family) {
  case FK_GAUSSIAN: return e;
  case FK_LAPLACE: return (T)(e > 0) - (T)(e < 0);
  default: return FN(tanh)((T)0.5 * e);
  }
}

static void FN(location_scale_backward)(fk_family family, int64_t rows, int64_t dimension,
                                        const void *xv, const void *locationv,
                                        const void *log_scalev, const void *gv, void *gxv,
                                        void *glocationv, void *glog_scalev) {
  const T *x = xv, *location = locationv, *log_scale = log_scalev, *g = gv;
  T *gx = gxv, *glocation = glocationv, *glog_scale = glog_scalev;
  const size_t bytes = sizeof(T) * (size_t)dimension;
  T *inverse = fk_allocate(bytes);
  for (int64_t d = 0; d < dimension; d++) inverse[d] = FN(exp)(-log_scale[d]);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t d = 0; d < dimension; d++) {
      const int64_t at = r * dimension + d;
      // Not 0 times a score that overflows.
      if (g[r] == 0) {
        gx[at] = 0;
        continue;
      }
      const T e = (x[at] - location[d]) * inverse[d];
      const T score = FN(location_scale_score)(family, e);
      gx[at] = -g[r] * score * inverse[d];
      if (glocation) glocation[d] -= gx[at];
      if (glog_scale) glog_scale[d] += g[r] * (score * e - 1);
    }
  fk_deallocate(inverse, bytes);
}
