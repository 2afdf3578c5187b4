// Counts what kernels do: calls, floating-point operations and bytes, by a formula from the
// arguments of each call.
//
// Operations are those of the algorithm, whatever instructions it is compiled to: an addition,
// subtraction, multiplication, division or square root is one, so a multiply-add is two; so is one
// value of an elementary or special function (exp, log, tanh, sigmoid, erf, ...). Nothing are
// comparisons, selections, absolute values, changes of sign, rounding, copies and conversions, work
// on integers, and what is worked out once for a call. Both sides of a selection count.
//
// Bytes are those of each array argument that is read, once, and of each that is written, once: an
// array that is added to counts twice. Scratch memory, and what caches do, is not in them.
//
// Counts follow from the arguments alone: rows that a kernel skips for their values count too, and
// indices count as though they were distinct.
//
// A kernel that has no formula here does not compile.
#include "counts.h"
#include "staircase_plan.h"
#include <stdlib.h>

// MARK: - Formulas

static int64_t product(int64_t rank, const int64_t *shape) {
  int64_t count = 1;
  for (int64_t axis = 0; axis < rank; axis++) count *= shape[axis];
  return count;
}

// Elements of an array that is walked with these strides: an axis of stride 0 sees one again.
static int64_t distinct(int64_t rank, const int64_t *shape, const int64_t *strides) {
  int64_t count = 1;
  for (int64_t axis = 0; axis < rank; axis++)
    count *= strides[axis] != 0 || shape[axis] == 0 ? shape[axis] : 1;
  return count;
}

// Of an activation, and of a gradient's way back through it.
static const struct {
  int forward, backward;
} activations[] = {
    [FK_IDENTITY] = {0, 0}, [FK_RELU] = {0, 0}, [FK_LEAKY_RELU] = {1, 1}, [FK_TANH] = {1, 3},
    [FK_SIGMOID] = {1, 3},  [FK_ELU] = {2, 2},  [FK_SOFTPLUS] = {1, 2},
};

// Of a function, of its derivative (without the product with the gradient), and how many of
// argument and value the derivative reads.
static const struct {
  int value, slope, reads;
} functions[] = {
    [FK_NEG] = {0, 0, 0},           [FK_ABS] = {0, 0, 1},         [FK_SIGN] = {0, 0, 0},
    [FK_SQUARE] = {1, 1, 1},        [FK_SQRT] = {1, 1, 1},        [FK_RECIPROCAL] = {1, 1, 1},
    [FK_EXP] = {1, 0, 1},           [FK_EXPM1] = {1, 1, 1},       [FK_LOG] = {1, 1, 1},
    [FK_LOG1P] = {1, 2, 1},         [FK_SIN] = {1, 1, 1},         [FK_COS] = {1, 1, 1},
    [FK_ATAN] = {1, 3, 1},          [FK_TANH_OP] = {1, 2, 1},     [FK_SIGMOID_OP] = {1, 2, 1},
    [FK_SOFTPLUS_OP] = {1, 1, 1},   [FK_LOG_SIGMOID] = {1, 1, 1}, [FK_RELU_OP] = {0, 0, 1},
    [FK_LEAKY_RELU_OP] = {1, 0, 1}, [FK_ELU_OP] = {2, 1, 2},      [FK_SILU] = {2, 5, 1},
    [FK_GELU] = {5, 10, 1},         [FK_ERF] = {1, 3, 1},         [FK_FLOOR] = {0, 0, 0},
    [FK_LGAMMA] = {1, 1, 1},        [FK_DIGAMMA] = {1, 1, 1},     [FK_POWER] = {1, 2, 1},
    [FK_CLIP] = {0, 0, 1},          [FK_SCALE_SHIFT] = {2, 0, 0},
};

static int is_arithmetic(fk_binary_op op) { return op <= FK_DIV || op == FK_POW; }

// Of the log-scale of a coupling, and of it with its derivative.
static const struct {
  int value, both;
} scales[] = {
    [FK_SCALE_NONE] = {0, 0},
    [FK_SCALE_TANH] = {3, 5},
    [FK_SCALE_SOFT] = {4, 5},
    [FK_SCALE_FREE] = {0, 0},
    [FK_SCALE_SOFTPLUS] = {3, 5},
};

// Of an increasing map, and of its gradients: so many for each part and for each element. Where an
// equation is solved, steps count as one.
static int64_t map_operations(const struct fk_map *m, int64_t stride, bool backward) {
  const int64_t own = scales[m->scale].value, both = scales[m->scale].both;
  switch (m->kind) {
  case FK_MAP_AFFINE:
  case FK_MAP_LATENT_AFFINE: return stride * (backward ? both + 6 : own + 4);
  case FK_MAP_ADDITIVE: return stride * (backward ? 0 : 1);
  case FK_MAP_SPLINE: return stride * (backward ? 24 * m->parts + 110 : 12 * m->parts + 50);
  case FK_MAP_LOGISTICS: return stride * (backward ? 50 * m->parts + 20 : 30 * m->parts + 10);
  case FK_MAP_BERNSTEIN: return stride * (backward ? 24 * m->parts + 20 : 14 * m->parts + 15);
  }
  return 0;
}

// Of the log-density of one element, and of its derivative by it.
static const struct {
  int density, gradient;
} families[] = {
    [FK_GAUSSIAN] = {5, 4},
    [FK_LAPLACE] = {3, 4},
    [FK_LOGISTIC] = {7, 6},
};

// Of a network: its parameters, and the operations of both directions.
static int64_t parameters(const fk_network *n) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->layers; l++)
    count += n->widths[l + 1] * (n->widths[l] + (n->biases[l] ? 1 : 0));
  return count;
}

static int64_t forward_operations(const fk_network *n, int64_t rows) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->layers; l++) {
    const int own = l + 1 < n->layers ? activations[n->activation].forward : 0;
    count += rows * n->widths[l + 1] * (2 * n->widths[l] + own);
  }
  return count;
}

static int64_t backward_operations(const fk_network *n, int64_t rows, bool by_input,
                                   const fk_network_gradient *gradient) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->layers; l++) {
    const int64_t product = 2 * rows * n->widths[l] * n->widths[l + 1];
    if (l > 0) count += product + rows * n->widths[l] * activations[n->activation].backward;
    if (l == 0 && by_input) count += product;
    if (gradient && gradient->weights[l]) count += product;
    if (gradient && gradient->biases[l]) count += rows * n->widths[l + 1];
  }
  return count;
}

static int64_t gradients(const fk_network *n, const fk_network_gradient *gradient) {
  int64_t count = 0;
  for (int64_t l = 0; gradient && l < n->layers; l++) {
    if (gradient->weights[l]) count += n->widths[l] * n->widths[l + 1];
    if (gradient->biases[l]) count += n->widths[l + 1];
  }
  return count;
}

// Of a staircase: its parameters within the extents, and the operations of both directions. They
// are those of its blocks, which end with the longest of their units.
static int64_t staircase_parameters(const fk_staircase *n) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->network.layers; l++)
    count += fk_stair_weights(n, l, 0, n->network.widths[l + 1]) +
             (n->network.biases[l] ? n->network.widths[l + 1] : 0);
  return count;
}

static int64_t units_operations(const fk_staircase *n, int64_t stride, int64_t layer, int64_t from,
                                int64_t to) {
  const bool hidden = layer + 1 < n->network.layers;
  return stride * (fk_stair_forward_work(n, layer, from, to) +
                   (hidden ? (to - from) * activations[n->network.activation].forward : 0));
}

static int64_t staircase_forward_operations(const fk_staircase *n, int64_t stride) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->network.layers; l++)
    count += units_operations(n, stride, l, 0, n->network.widths[l + 1]);
  return count;
}

static int64_t staircase_backward_operations(const fk_staircase *n, int64_t stride, bool by_input,
                                             const fk_network_gradient *gradient) {
  int64_t count = 0;
  for (int64_t l = 0; l < n->network.layers; l++) {
    if (l > 0 || by_input) count += fk_stair_input_gradient_work(n, l);
    if (l > 0) count += n->network.widths[l] * activations[n->network.activation].backward;
    if (gradient && gradient->weights[l]) count += fk_stair_weight_gradient_work(n, l);
    if (gradient && gradient->biases[l]) count += n->network.widths[l + 1];
  }
  return stride * count;
}

static int64_t staircase_gradients(const fk_staircase *n, const fk_network_gradient *gradient) {
  int64_t count = 0;
  for (int64_t l = 0; gradient && l < n->network.layers; l++) {
    if (gradient->weights[l]) count += fk_stair_weights(n, l, 0, n->network.widths[l + 1]);
    if (gradient->biases[l]) count += n->network.widths[l + 1];
  }
  return count;
}

// Of a convolution: elements of its arrays, and its multiply-adds by the plain formula, those with
// zeros outside of the image among them; minimal filtering takes fewer (convolution_winograd.h).
static int64_t convolution_in(const fk_convolution_shape *s) {
  return s->images * s->height * s->width * s->in_channels;
}

static int64_t convolution_out(const fk_convolution_shape *s) {
  return s->images * s->out_height * s->out_width * s->out_channels;
}

static int64_t convolution_window(const fk_convolution_shape *s) {
  return s->kernel_height * s->kernel_width * (s->in_channels / s->groups);
}

static int64_t convolution_arrays(const fk_convolution_shape *s) {
  return convolution_in(s) + convolution_out(s) + convolution_window(s) * s->out_channels;
}

// Operations and bytes of a call, from its parameters by name and `scalar`, the bytes of a scalar.
#define WORK_matmul                                                                                \
  m * n *(2 * k + activations[activation].forward),                                                \
      m * n == 0 ? 0 : scalar * (m * k + k * n + m * n * (accumulate ? 2 : 1) + (bias ? n : 0))
#define WORK_activation_backward                                                                   \
  rows * columns * (activations[activation].backward + (bias_gradient ? 1 : 0)),                   \
      scalar * (rows * columns * (activation == FK_IDENTITY ? 2 : 3) +                             \
                (bias_gradient ? 2 * columns : 0))
#define WORK_unary n * functions[op].value, scalar * 2 * n
#define WORK_unary_backward n * (1 + functions[op].slope), scalar * n * (2 + functions[op].reads)
#define WORK_binary                                                                                \
  product(rank, shape) * is_arithmetic(op),                                                        \
      scalar * (product(rank, shape) + distinct(rank, shape, a_strides) +                          \
                distinct(rank, shape, b_strides))
#define WORK_copy_strided                                                                          \
  0, scalar * (distinct(rank, shape, in_strides) + distinct(rank, shape, out_strides))
#define WORK_add_strided                                                                           \
  product(rank, shape),                                                                            \
      scalar * (product(rank, shape) + 2 * distinct(rank, shape, out_strides))
#define WORK_max_axis 0, scalar * outer * inner * (axis + 1) + INDEX * outer * inner
#define WORK_select 0, scalar * 4 * n
#define WORK_gather 0, scalar * 2 * outer * count * inner + INDEX * count
#define WORK_scatter_add outer * count * inner, scalar * 3 * outer * count * inner + INDEX * count
#define WORK_add_scaled 2 * n, scalar * 3 * n
#define WORK_fill 0, scalar * n
#define WORK_sum_squares 2 * n, scalar * n + (int64_t)sizeof *out
#define WORK_sum n, scalar * n + (int64_t)sizeof *out
#define WORK_coupling                                                                              \
  rows * count * (scales[kind].value + 4),                                                         \
      scalar * rows * (2 * dimension + 1 + count * (kind == FK_SCALE_NONE ? 1 : 2)) + INDEX * count
#define WORK_coupling_backward                                                                     \
  rows * count * (scales[kind].both + (to_data ? 6 : 5)),                                          \
      scalar * rows *                                                                              \
              (dimension * (gv ? 2 : 1) + (glogdet ? 1 : 0) +                                      \
               count * (kind == FK_SCALE_NONE ? 3 : 5)) +                                          \
          INDEX * count
#define WORK_map map_operations(m, stride, false), scalar *stride *(4 + fk_map_parameters(m))
#define WORK_map_backward                                                                          \
  map_operations(m, stride, true),                                                                 \
      scalar *stride *(2 + (gy ? 1 : 0) + (glog ? 1 : 0) + 2 * fk_map_parameters(m))
#define WORK_location_scale                                                                        \
  rows * (dimension * families[family].density + 1) + 3 * dimension,                               \
      scalar * (rows * (dimension + 1) + 2 * dimension)
#define WORK_location_scale_backward                                                               \
  rows * dimension * (families[family].gradient + (glocation ? 1 : 0) + (glog_scale ? 4 : 0)) +    \
      dimension,                                                                                   \
      scalar * (rows * (2 * dimension + 1) +                                                       \
                dimension * (2 + (glocation ? 2 : 0) + (glog_scale ? 2 : 0)))
#define WORK_adam 17 * n, scalar * 7 * n
#define WORK_momentum n * (nesterov ? 9 : 7), scalar * 5 * n
#define WORK_moving_average 3 * n, scalar * 3 * n
#define WORK_add_slots n * (count - 1), scalar * n * (count + 1)
#define WORK_clamp_in_place 0, scalar * 2 * n
#define WORK_multiply_add_peak (int64_t)*flops, 2 * (int64_t)sizeof *flops

#define WORK_network_prepare 0, 2 * scalar * fk_network_prepared_count(n)
#define WORK_network_forward                                                                       \
  forward_operations(n, rows),                                                                     \
      scalar * (rows * (n->widths[0] + n->widths[n->layers]) + parameters(n) +                     \
                (saved ? fk_network_saved_count(n, rows) : 0))
#define WORK_network_backward                                                                      \
  backward_operations(n, rows, gx != NULL, gradient),                                              \
      scalar * (rows * (n->widths[0] * (gx ? 2 : 1) + n->widths[n->layers]) +                      \
                fk_network_prepared_count(n) + fk_network_saved_count(n, rows) +                   \
                2 * gradients(n, gradient))
#define STAIRCASE_ENDS (n->network.widths[0] + n->network.widths[n->network.layers])
#define WORK_staircase_prepare                                                                     \
  0, scalar * (staircase_parameters(n) + fk_staircase_prepared_count(n))
#define WORK_staircase_forward                                                                     \
  staircase_forward_operations(n, stride),                                                         \
      scalar * (stride * STAIRCASE_ENDS + staircase_parameters(n) +                                \
                fk_staircase_saved_count(n, stride))
#define WORK_staircase_backward                                                                    \
  staircase_backward_operations(n, stride, gx != NULL, gradient),                                  \
      scalar * (stride * (STAIRCASE_ENDS + (gx ? n->network.widths[0] : 0)) +                      \
                staircase_parameters(n) + fk_staircase_saved_count(n, stride) +                    \
                2 * staircase_gradients(n, gradient))
#define WORK_staircase_units                                                                       \
  units_operations(n, stride, layer, from, to),                                                    \
      scalar * (stride * (to > from ? fk_stair_extent(n, layer, to - 1) + to - from : 0) +         \
                fk_stair_weights(n, layer, from, to) +                                             \
                (n->network.biases[layer] ? to - from : 0))
#define WORK_to_columns 0, scalar *count *(rows + stride) + (indices ? INDEX * count : 0)
#define WORK_to_rows 0, scalar * 2 * rows * count + (indices ? INDEX * count : 0)
// The second layer on each interval between thresholds; what its own bends take is left out, since
// their number is not in the arguments. Where pieces count, every unit bends once, as most do.
#define PIECES (n->widths[1] + n->widths[2] + 1)
#define WORK_piecewise_prepare                                                                     \
  n->widths[2] * (10 * n->widths[1] + (n->widths[1] + 1) * (4 + 5 * n->widths[3])),                \
      scalar * (parameters(n) + 3 * PIECES)
#define WORK_piecewise_forward                                                                     \
  2 * rows * n->widths[3],                                                                         \
      scalar * rows * (1 + n->widths[3]) + (pieces ? (int64_t)sizeof *pieces * rows : 0)
#define WORK_piecewise_backward                                                                    \
  rows * n->widths[3] * (sums ? 5 : 2),                                                            \
      scalar * rows * (n->widths[3] + (sums ? 1 : 0) + (gx ? 1 : 0)) +                             \
          (int64_t)sizeof *pieces * rows
#define WORK_piecewise_finish                                                                      \
  n->widths[2] * (n->widths[1] + n->widths[3] * (20 * n->widths[1] + 4 * PIECES)),                 \
      scalar * (parameters(n) + 2 * gradients(n, gradient)) +                                      \
          (int64_t)sizeof *sums * 2 * n->widths[3] * PIECES
#define WORK_take_columns 0, scalar * 2 * rows * count + (indices ? INDEX * count : 0)
#define WORK_add_columns rows *count, scalar * 3 * rows * count + INDEX * count
#define WORK_convolution                                                                           \
  convolution_out(s) *                                                                             \
      (2 * convolution_window(s) + activations[activation].forward + (residual ? 1 : 0)),          \
      scalar * (convolution_arrays(s) + (bias ? s->out_channels : 0) +                             \
                (residual ? convolution_out(s) : 0))
#define WORK_convolution_input_gradient                                                            \
  2 * convolution_out(s) * convolution_window(s),                                                  \
      scalar * (convolution_arrays(s) + (bias ? s->in_channels : 0) +                              \
                (accumulate ? convolution_in(s) : 0))
#define WORK_convolution_weight_gradient                                                           \
  2 * convolution_out(s) * convolution_window(s),                                                  \
      scalar * (convolution_arrays(s) +                                                            \
                (accumulate ? convolution_window(s) * s->out_channels : 0))
// Of the normal quantile, one value of a special function each.
#define WORK_random_normal n, scalar *n
// Statistics: the sum, and the square of each difference. A gradient on its way back through a
// normalisation: two sums of products with differences, and five operations for the result.
#define WORK_batch_statistics 4 * rows *channels, scalar *(rows + 2) * channels
#define WORK_batch_normalize                                                                       \
  rows *channels *(3 + (residual ? 1 : 0) + activations[activation].forward),                      \
      scalar * channels * (rows * (residual ? 3 : 2) + 4)
#define WORK_batch_normalize_backward                                                              \
  rows *channels *(9 + (accumulate ? 1 : 0) + activations[activation].backward),                   \
      scalar * channels *                                                                          \
          (rows * (3 + (activation == FK_IDENTITY ? 0 : 1) + (accumulate ? 1 : 0) +                \
                   (gresidual ? 1 : 0)) +                                                          \
           3 + (gscale ? 2 : 0) + (gshift ? 2 : 0))
// Whole windows, those parts that lie in the padding too.
#define POOL_IN images *height *width *channels
#define POOL_OUT images *out_height *out_width *channels
#define WORK_max_pool                                                                              \
  0, scalar *(POOL_IN + POOL_OUT) + (places ? (int64_t)sizeof *places * POOL_OUT : 0)
#define WORK_max_pool_backward                                                                     \
  images *out_pixels *channels,                                                                    \
      (scalar + (int64_t)sizeof *places) * images * out_pixels * channels +                        \
          2 * scalar * images * pixels * channels
#define WORK_average_pool POOL_OUT *kernel_y *kernel_x, scalar *(POOL_IN + POOL_OUT)
#define WORK_average_pool_backward                                                                 \
  2 * POOL_OUT *kernel_y *kernel_x, scalar *(2 * POOL_IN + POOL_OUT)
#define WORK_global_average images *pixels *channels, scalar *images *channels *(pixels + 1)
#define WORK_global_average_backward                                                               \
  images *(pixels + 1) * channels, scalar *images *channels *(2 * pixels + 1)

// MARK: - Counters

enum { INDEX = sizeof(int64_t) };

#define FK_NUMBER(name, parameters, arguments) NUMBER_##name,
enum { FK_KERNELS(FK_NUMBER) KERNELS };

#define FK_NAME(name, parameters, arguments) #name,
static const char *const names[] = {FK_KERNELS(FK_NAME)};

typedef struct {
  _Atomic int64_t calls, operations, bytes;
} counter;

struct fk_counts {
  fk_counts *outer;
  counter kernels[KERNELS];
};

_Atomic int fk_countings;
static _Thread_local fk_counts *current;

static void add(fk_counts *counts, int kernel, int64_t calls, int64_t operations, int64_t bytes) {
  counter *c = counts->kernels + kernel;
  atomic_fetch_add_explicit(&c->calls, calls, memory_order_relaxed);
  atomic_fetch_add_explicit(&c->operations, operations, memory_order_relaxed);
  atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
}

#define FK_COUNT(name, parameters, arguments)                                                      \
  void fk_count_##name(fk_type type, FK_STRIP parameters) {                                        \
    if (!current) return;                                                                          \
    const int64_t scalar = type == FK_FLOAT ? 4 : 8;                                               \
    const int64_t work[2] = {WORK_##name};                                                         \
    (void)scalar;                                                                                  \
    add(current, NUMBER_##name, 1, work[0], work[1]);                                              \
  }
FK_KERNELS(FK_COUNT)

fk_counts *fk_current_counts(void) { return current; }
void fk_set_current_counts(fk_counts *counts) { current = counts; }

fk_counts *fk_begin_counts(void) {
  fk_counts *counts = calloc(1, sizeof *counts);
  if (!counts) abort();
  counts->outer = current;
  current = counts;
  atomic_fetch_add(&fk_countings, 1);
  return counts;
}

void fk_end_counts(fk_counts *counts) {
  atomic_fetch_sub(&fk_countings, 1);
  current = counts->outer;
  if (!current) return;
  for (int k = 0; k < KERNELS; k++) {
    const fk_kernel_count c = fk_kernel_count_at(counts, k);
    add(current, k, c.calls, c.operations, c.bytes);
  }
}

void fk_free_counts(fk_counts *counts) { free(counts); }

int64_t fk_kernel_kinds(void) { return KERNELS; }

fk_kernel_count fk_kernel_count_at(const fk_counts *counts, int64_t kernel) {
  const counter *c = counts->kernels + kernel;
  return (fk_kernel_count){
      .name = names[kernel],
      .calls = atomic_load_explicit(&c->calls, memory_order_relaxed),
      .operations = atomic_load_explicit(&c->operations, memory_order_relaxed),
      .bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed),
  };
}
