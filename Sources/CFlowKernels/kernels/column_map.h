// Increasing maps of one column (fk_map_kind): which one it is, and those that are short.

// Scratch of a map, in vectors: for each part, what its forward and backward passes keep of it.
enum { FN(map_arrays) = 8, FN(map_extra) = 8 };

static const T FN(no_gradient)[FN(run_space)];

static void FN(affine_map)(const struct fk_map *m, bool to_data, int64_t stride, const T *xs,
                           const T *theta, T *ys, T *log_slopes) {
  FN(run) s;
  for (int64_t from = 0; from < stride; from += FN(run_length)) {
    const int64_t left = stride - from;
    const unsigned vectors = FN(whole_vectors)(left < FN(run_length) ? left : FN(run_length));
    const T *x = xs + from, *t = theta + stride + from;
    T *y = ys + from, *log_slope = log_slopes + from;
    FN(log_scales)(false, m->scale, (T)m->bound, vectors, theta + from, s, NULL);
    if (to_data)
      FK_EACH_IN_RUN {
        y[i] = x[i] * FN(exp)(s[i]) + t[i];
        log_slope[i] += s[i];
      }
    else
      FK_EACH_IN_RUN {
        y[i] = (x[i] - t[i]) * FN(exp)(-s[i]);
        log_slope[i] -= s[i];
      }
  }
}

static void FN(affine_map_backward)(const struct fk_map *m, bool to_data, int64_t stride,
                                    const T *xs, const T *ys, const T *theta, const T *gys,
                                    const T *glogs, T *gxs, T *gtheta) {
  FN(run) s, slope;
  for (int64_t from = 0; from < stride; from += FN(run_length)) {
    const int64_t left = stride - from;
    const unsigned vectors = FN(whole_vectors)(left < FN(run_length) ? left : FN(run_length));
    const T *gy = gys ? gys + from : FN(no_gradient), *gl = glogs ? glogs + from : FN(no_gradient);
    // What the scale multiplies: x, or the result.
    const T *scaled = (to_data ? xs : ys) + from;
    T *gx = gxs + from, *gs = gtheta + from, *gt = gtheta + stride + from;
    FN(log_scales)(true, m->scale, (T)m->bound, vectors, theta + from, s, slope);
    if (to_data)
      FK_EACH_IN_RUN {
        const T g = gy[i], e = FN(exp)(s[i]);
        gx[i] = g * e;
        gt[i] = g;
        gs[i] = (g * scaled[i] * e + gl[i]) * slope[i];
      }
    else
      FK_EACH_IN_RUN {
        const T g = gy[i], by_x = g * FN(exp)(-s[i]);
        gx[i] = by_x;
        gt[i] = -by_x;
        gs[i] = (-g * scaled[i] - gl[i]) * slope[i];
      }
  }
}

static void FN(map)(const struct fk_map *m, bool to_data, int64_t stride, const void *xv,
                    const void *thetav, void *yv, void *log_slopev) {
  const T *x = xv, *theta = thetav;
  T *y = yv, *log_slope = log_slopev;
  const size_t bytes = sizeof(V) * (size_t)(FN(map_arrays) * m->parts + FN(map_extra));
  switch (m->kind) {
  case FK_MAP_AFFINE: FN(affine_map)(m, to_data, stride, x, theta, y, log_slope); return;
  case FK_MAP_LATENT_AFFINE: FN(affine_map)(m, !to_data, stride, x, theta, y, log_slope); return;
  case FK_MAP_ADDITIVE:
    for (int64_t i = 0; i < stride; i += FK_LANES)
      STORE(y + i, to_data ? LOAD(x + i) + LOAD(theta + i) : LOAD(x + i) - LOAD(theta + i));
    return;
  case FK_MAP_SPLINE: case FK_MAP_LOGISTICS: case FK_MAP_BERNSTEIN: break;
  }
  V *scratch = fk_allocate(bytes);
  if (m->kind == FK_MAP_SPLINE)
    FN(spline_map)(m, to_data, stride, x, theta, scratch, y, log_slope);
  else if (m->kind == FK_MAP_LOGISTICS)
    FN(logistics_map)(m, to_data, stride, x, theta, scratch, y, log_slope);
  else
    FN(bernstein_map)(m, to_data, stride, x, theta, scratch, y, log_slope);
  fk_deallocate(scratch, bytes);
}

static void FN(map_backward)(const struct fk_map *m, bool to_data, int64_t stride, const void *xv,
                             const void *yv, const void *thetav, const void *gyv,
                             const void *glogv, void *gxv, void *gthetav) {
  const T *x = xv, *y = yv, *theta = thetav, *gy = gyv, *glog = glogv;
  T *gx = gxv, *gtheta = gthetav;
  const size_t bytes = sizeof(V) * (size_t)(FN(map_arrays) * m->parts + FN(map_extra));
  switch (m->kind) {
  case FK_MAP_AFFINE:
    FN(affine_map_backward)(m, to_data, stride, x, y, theta, gy, glog, gx, gtheta);
    return;
  case FK_MAP_LATENT_AFFINE:
    FN(affine_map_backward)(m, !to_data, stride, x, y, theta, gy, glog, gx, gtheta);
    return;
  case FK_MAP_ADDITIVE:
    for (int64_t i = 0; i < stride; i += FK_LANES) {
      const V g = gy ? LOAD(gy + i) : (V)(0);
      STORE(gx + i, g);
      STORE(gtheta + i, to_data ? g : -g);
    }
    return;
  case FK_MAP_SPLINE: case FK_MAP_LOGISTICS: case FK_MAP_BERNSTEIN: break;
  }
  V *scratch = fk_allocate(bytes);
  if (m->kind == FK_MAP_SPLINE)
    FN(spline_map_backward)(m, to_data, stride, x, y, theta, gy, glog, scratch, gx, gtheta);
  else if (m->kind == FK_MAP_LOGISTICS)
    FN(logistics_map_backward)(m, to_data, stride, x, y, theta, gy, glog, scratch, gx, gtheta);
  else
    FN(bernstein_map_backward)(m, to_data, stride, x, y, theta, gy, glog, scratch, gx, gtheta);
  fk_deallocate(scratch, bytes);
}
