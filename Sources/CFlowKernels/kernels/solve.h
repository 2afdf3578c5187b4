// Increasing equations, solved on all lanes at once: Newton steps kept in a bracket that every
// evaluation narrows, halved instead where a step would leave it or the steps do not shrink. A lane
// that is done stays as it is while others go on: its result does not depend on its neighbours.

#if FK_IS_FLOAT
#define FK_EPSILON 0x1p-23f
enum { FN(most_steps) = 100 };
#else
#define FK_EPSILON 0x1p-52
enum { FN(most_steps) = 200 };
#endif

typedef struct {
  V value, slope;
} FN(evaluated);

// f(x) = y for low <= x <= high; errors of f up to `noise` are no errors.
FK_INLINE V FN(solve)(FN(evaluated) (*f)(const void *context, V x), const void *context, V y, V low,
                      V high, V x, V noise) {
  x = FN(lanes_clip)(x, low, high);
  V last = high - low;
  FK_INTEGERS done = 0;
  for (int step = 0; step < FN(most_steps); step++) {
    const FN(evaluated) here = f(context, x);
    const V error = here.value - y, newton = error / here.slope;
    low = error < 0 ? x : low;
    high = error > 0 ? x : high;
    const V next = x - newton, length = FN(lanes_abs)(newton);
    const FK_INTEGERS close = FN(lanes_abs)(error) <= noise;
    // A step that ends the search need not shrink.
    const FK_INTEGERS good = (next >= low) & (next <= high) & ((2 * length <= last) | close);
    const V to = good ? next : (close ? x : low + (T)0.5 * (high - low));
    last = FN(lanes_abs)(to - x);
    const FK_INTEGERS ends = close | (last <= FK_EPSILON * FN(lanes_abs)(to)) | (error != error);
    x = done ? x : to;
    done |= ends;
    if (__builtin_reduce_and(done) != 0) break;
  }
  return x;
}
