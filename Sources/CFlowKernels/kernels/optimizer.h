// One pass over all parameters: optimizers, gradient slots, averages.

static void FN(adam)(int64_t n, void *pv, const void *gv, void *mv, void *vv, double gradient_scale,
                     double rate, double beta1, double beta2, double epsilon, double correction1,
                     double correction2, double decay, bool decoupled) {
  T *restrict p = pv, *restrict m = mv, *restrict v = vv;
  const T *restrict g = gv;
  const T scale = (T)gradient_scale, b1 = (T)beta1, b2 = (T)beta2, eps = (T)epsilon;
  const T c1 = (T)(1 - beta1), c2 = (T)(1 - beta2);
  const T step = (T)(rate / correction1), root = (T)(1 / sqrt(correction2));
  const T shrink = decoupled ? (T)(1 - rate * decay) : 1, l2 = decoupled ? 0 : (T)decay;
  for (int64_t i = 0; i < n; i++) {
    const T gi = g[i] * scale + l2 * p[i];
    const T mi = b1 * m[i] + c1 * gi;
    const T vi = b2 * v[i] + c2 * gi * gi;
    m[i] = mi;
    v[i] = vi;
    p[i] = shrink * p[i] - step * mi / (__builtin_elementwise_sqrt(vi) * root + eps);
  }
}

static void FN(momentum)(int64_t n, void *pv, const void *gv, void *velocityv,
                         double gradient_scale, double rate, double momentum_value, double decay,
                         bool nesterov) {
  T *restrict p = pv, *restrict velocity = velocityv;
  const T *restrict g = gv;
  const T scale = (T)gradient_scale, lr = (T)rate, mu = (T)momentum_value, l2 = (T)decay;
  for (int64_t i = 0; i < n; i++) {
    const T gi = g[i] * scale + l2 * p[i];
    const T vi = mu * velocity[i] + gi;
    velocity[i] = vi;
    p[i] -= lr * (nesterov ? gi + mu * vi : vi);
  }
}

static void FN(moving_average)(int64_t n, double decay, const void *xv, void *averagev) {
  const T *restrict x = xv;
  T *restrict average = averagev;
  const T rate = (T)(1 - decay);
  for (int64_t i = 0; i < n; i++) average[i] += rate * (x[i] - average[i]);
}

static void FN(add_slots)(int64_t n, int64_t count, const void *const *slots, void *outv) {
  T *restrict out = outv;
  const T *first = slots[0];
  if (out != first) memcpy(out, first, sizeof(T) * (size_t)n);
  for (int64_t s = 1; s < count; s++) {
    const T *restrict slot = slots[s];
    for (int64_t i = 0; i < n; i++) out[i] += slot[i];
  }
}

static void FN(clamp_in_place)(int64_t n, double limit_value, void *xv) {
  T *x = xv;
  const T limit = (T)limit_value;
  for (int64_t i = 0; i < n; i++) x[i] = x[i] > limit ? limit : (x[i] < -limit ? -limit : x[i]);
}
