// The per-element loops of Flows. Every kernel is written once, over scalar type and vector width,
// in kernels/*.h, and compiled for each instruction set by set_*.c; dispatch.c picks one at run time.
//
// Buffers are dense and row-major. `type` says which scalar the untyped pointers hold.
#ifndef C_FLOW_KERNELS_H
#define C_FLOW_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { FK_FLOAT = 0, FK_DOUBLE = 1 } fk_type;
typedef enum { FK_BASELINE = 0, FK_AVX2 = 1, FK_AVX512 = 2 } fk_set;

typedef enum {
  FK_FORM_NN = 0,  // C[m,n] = A[m,k] B[k,n]
  FK_FORM_TN = 1,  // C[m,n] = A[k,m]' B[k,n]
  FK_FORM_NT = 2,  // C[m,n] = A[m,k] B[n,k]'
} fk_form;

// Activations whose derivative is a function of their output, so that no pre-activation is stored.
typedef enum {
  FK_IDENTITY = 0,
  FK_RELU = 1,
  FK_LEAKY_RELU = 2,
  FK_TANH = 3,
  FK_SIGMOID = 4,
  FK_ELU = 5,
  FK_SOFTPLUS = 6,
} fk_activation;

typedef enum {
  FK_NEG, FK_ABS, FK_SIGN, FK_SQUARE, FK_SQRT, FK_RECIPROCAL, FK_EXP, FK_EXPM1, FK_LOG, FK_LOG1P,
  FK_SIN, FK_COS, FK_ATAN, FK_TANH_OP, FK_SIGMOID_OP, FK_SOFTPLUS_OP, FK_LOG_SIGMOID, FK_RELU_OP,
  FK_LEAKY_RELU_OP, FK_ELU_OP, FK_SILU, FK_GELU, FK_ERF, FK_FLOOR, FK_LGAMMA, FK_DIGAMMA, FK_POWER,
  FK_CLIP, FK_SCALE_SHIFT,
} fk_unary_op;

typedef enum {
  FK_ADD, FK_SUB, FK_MUL, FK_DIV, FK_MAX, FK_MIN, FK_POW, FK_GREATER, FK_GREATER_EQUAL, FK_EQUAL,
} fk_binary_op;

// How a coupling bounds its log-scale.
typedef enum {
  FK_SCALE_NONE = 0,  // additive coupling: s = 0
  FK_SCALE_TANH = 1,  // s = bound * tanh(raw / bound)
  FK_SCALE_SOFT = 2,  // s = raw / (1 + |raw / bound|)
  FK_SCALE_FREE = 3,  // s = raw
  FK_SCALE_SOFTPLUS = 4,  // s = log(softplus(raw) + bound)
} fk_scale;

// Densities with independent columns; the first three by location and scale alone.
typedef enum {
  FK_GAUSSIAN = 0,
  FK_LAPLACE = 1,
  FK_LOGISTIC = 2,
  FK_STUDENT_T = 3,
  FK_UNIFORM = 4,
  FK_GAMMA = 5,
  FK_BETA = 6,
} fk_family;

enum { FK_MAX_RANK = 6, FK_MAX_LAYERS = 8, FK_MAX_DEGREE = 64 };

// A perceptron: linear layers with one activation after all but the last.
typedef struct {
  int64_t layers;  // linear layers, 1...FK_MAX_LAYERS
  fk_activation activation;
  double slope;
  int64_t widths[FK_MAX_LAYERS + 1];
  const void *weights[FK_MAX_LAYERS];  // [in, out]
  const void *biases[FK_MAX_LAYERS];   // [out]; null: none
} fk_network;

// A convolution over images [images, height, width, in_channels] with weights [kernel_height,
// kernel_width, in_channels / groups, out_channels]; result [images, out_height, out_width,
// out_channels]. Output pixel (oy, ox) sees input rows oy*stride_y - pad_y + ky*dilation_y; outside
// of the image there are zeros. Group g sees input channels g*in/groups... and makes output
// channels g*out/groups....
typedef struct {
  int64_t images, height, width, in_channels, out_channels, groups;
  int64_t kernel_height, kernel_width, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x;
  int64_t out_height, out_width;
} fk_convolution_shape;

// Gradients are added to; null where not wanted.
typedef struct {
  void *weights[FK_MAX_LAYERS], *biases[FK_MAX_LAYERS];
} fk_network_gradient;

// Increasing maps of one column. In the latent direction, data to latent, a spline is its formula, a
// mixture y = logit sum_k pi_k sigmoid((x - mu_k) / s_k) and a polynomial itself; toward data they are
// solved.
typedef enum {
  FK_MAP_AFFINE = 0,     // toward data y = x exp(s(theta_0)) + theta_1
  FK_MAP_ADDITIVE = 1,   // toward data y = x + theta_0
  FK_MAP_SPLINE = 2,     // rational-quadratic: raw widths, heights, slopes
  FK_MAP_LOGISTICS = 3,  // raw pi, mu, raw log s of each component
  FK_MAP_BERNSTEIN = 4,  // linear tails: degree - 2 raw increments; learned: a shift, degree of them
  FK_MAP_LATENT_AFFINE = 5,  // toward latent y = x exp(s(theta_0)) + theta_1
} fk_map_kind;

// What lies beyond the interval [low, high] of a spline, or of a polynomial (the first two).
typedef enum {
  FK_TAILS_LINEAR = 0,    // the identity; slope 1 at the ends: 3 * bins - 1 parameters
  FK_TAILS_LEARNED = 1,   // straight lines of learned slopes: 3 * bins + 1
  FK_TAILS_CIRCULAR = 2,  // low and high are one point, with one slope (the first): 3 * bins
  FK_TAILS_CLOSED = 3,    // x is clipped, learned slopes at the ends: 3 * bins + 1
} fk_tails;

// From raw numbers r to shares of bins and slopes of splines.
typedef enum {
  // r / (1 + |2 r / log floor|), then softmax; r / (1 + |r / log floor|), then exp: zeros are the
  // identity (zuko).
  FK_FORM_SOFT = 0,
  FK_FORM_FLOORED = 1,  // floor + (1 - bins floor) softmax; floor + softplus(r) (nflows)
  FK_FORM_FLOORED_IDENTITY = 2,  // floor + softplus(r + log(exp(1 - floor) - 1)): zeros are, too
} fk_spline_form;

// Not a typedef, as the function has its name.
struct fk_map {
  fk_map_kind kind;
  int64_t parts;       // bins of a spline, components of a mixture, degree of a polynomial
                       // (2...FK_MAX_DEGREE)
  double low, high;
  fk_tails tails;
  fk_spline_form form;
  double part_floor;   // least share of a bin, or of an increment of a polynomial
  double slope_floor;  // least slope at a knot; learned tails of a polynomial: least increment
  fk_scale scale;      // affine
  double bound;
};

// A masked network whose units are sorted by degree: output j of a layer sees the inputs before
// extents[j], which never decreases. Weights beyond are of no account. A layer without extents
// (null) sees all.
typedef struct {
  fk_network network;
  const int64_t *extents[FK_MAX_LAYERS];  // [out]
} fk_staircase;

// name, parameters, arguments. Every kernel returns nothing.
#define FK_KERNELS(X)                                                                              \
  /* Matrix product; bias (may be null) and activation are applied at the end, `accumulate` adds   \
     to C and excludes both. */                                                                    \
  X(matmul,                                                                                        \
    (fk_form form, int64_t m, int64_t n, int64_t k, const void *a, const void *b, void *c,         \
     const void *bias, fk_activation activation, double slope, bool accumulate),                   \
    (form, m, n, k, a, b, c, bias, activation, slope, accumulate))                                 \
  /* What the other two need of the parameters, once after each change of them. */                 \
  X(network_prepare, (const fk_network *n, void *prepared), (n, prepared))                         \
  /* y [rows, out] of x [rows, in]; `saved` (may be null) keeps what the next kernel needs. */     \
  X(network_forward,                                                                               \
    (const fk_network *n, const void *prepared, int64_t rows, const void *x, void *saved,          \
     void *y),                                                                                     \
    (n, prepared, rows, x, saved, y))                                                              \
  /* gx (may be null) = the gradient by x, from that by y; `gradient` (may be null) is added to. */\
  X(network_backward,                                                                              \
    (const fk_network *n, const void *prepared, int64_t rows, const void *x, const void *saved,    \
     const void *gy, void *gx, const fk_network_gradient *gradient),                               \
    (n, prepared, rows, x, saved, gy, gx, gradient))                                               \
  /* out = g * activation'(y); bias_gradient (may be null) += column sums of out. */               \
  X(activation_backward,                                                                           \
    (fk_activation activation, double slope, int64_t rows, int64_t columns, const void *g,         \
     const void *y, void *out, void *bias_gradient),                                               \
    (activation, slope, rows, columns, g, y, out, bias_gradient))                                  \
  X(unary, (fk_unary_op op, int64_t n, const void *x, double p, double q, void *y),                \
    (op, n, x, p, q, y))                                                                           \
  /* out = g * op'(x), where y = op(x). */                                                         \
  X(unary_backward,                                                                                \
    (fk_unary_op op, int64_t n, const void *g, const void *x, const void *y, double p, double q,   \
     void *out),                                                                                   \
    (op, n, g, x, y, p, q, out))                                                                   \
  /* Element strides a_strides, b_strides (0 where broadcast) over a dense result. */              \
  X(binary,                                                                                        \
    (fk_binary_op op, int64_t rank, const int64_t *shape, const int64_t *a_strides,                \
     const int64_t *b_strides, const void *a, const void *b, void *out),                           \
    (op, rank, shape, a_strides, b_strides, a, b, out))                                            \
  X(copy_strided,                                                                                  \
    (int64_t rank, const int64_t *shape, const int64_t *in_strides, const int64_t *out_strides,    \
     const void *in, void *out),                                                                   \
    (rank, shape, in_strides, out_strides, in, out))                                               \
  /* out[...] += in[...], in dense, out strided (stride 0 sums an axis). */                        \
  X(add_strided,                                                                                   \
    (int64_t rank, const int64_t *shape, const int64_t *out_strides, const void *in, void *out),   \
    (rank, shape, out_strides, in, out))                                                           \
  /* Maximum over the middle axis of [outer, axis, inner], with the first index that attains it. */\
  X(max_axis,                                                                                      \
    (int64_t outer, int64_t axis, int64_t inner, const void *in, void *out, int64_t *indices),     \
    (outer, axis, inner, in, out, indices))                                                        \
  X(select, (int64_t n, const void *mask, const void *a, const void *b, void *out),                \
    (n, mask, a, b, out))                                                                          \
  X(gather,                                                                                        \
    (int64_t outer, int64_t axis, int64_t inner, int64_t count, const int64_t *indices,            \
     const void *in, void *out),                                                                   \
    (outer, axis, inner, count, indices, in, out))                                                 \
  X(scatter_add,                                                                                   \
    (int64_t outer, int64_t axis, int64_t inner, int64_t count, const int64_t *indices,            \
     const void *in, void *out),                                                                   \
    (outer, axis, inner, count, indices, in, out))                                                 \
  /* The first `count` columns of out [rows, out_columns] are the columns `indices` (null: the first \
     ones) of in [rows, in_columns]. */                                                            \
  X(take_columns,                                                                                  \
    (int64_t rows, int64_t count, int64_t in_columns, const int64_t *indices, const void *in,      \
     int64_t out_columns, void *out),                                                              \
    (rows, count, in_columns, indices, in, out_columns, out))                                      \
  /* The first `count` columns of in are added to the columns `indices` of out. */                 \
  X(add_columns,                                                                                   \
    (int64_t rows, int64_t count, int64_t in_columns, const void *in, int64_t out_columns,         \
     const int64_t *indices, void *out),                                                           \
    (rows, count, in_columns, in, out_columns, indices, out))                                      \
  /* Standard normals, as below. */                                                                \
  X(random_normal, (uint64_t seed, uint64_t stream, uint64_t first, int64_t n, void *out),         \
    (seed, stream, first, n, out))                                                                 \
  /* y += scale * x */                                                                             \
  X(add_scaled, (int64_t n, double scale, const void *x, void *y), (n, scale, x, y))               \
  X(fill, (int64_t n, double value, void *y), (n, value, y))                                       \
  X(sum_squares, (int64_t n, const void *x, double *out), (n, x, out))                             \
  X(sum, (int64_t n, const void *x, double *out), (n, x, out))                                     \
  /* What the other three need of the parameters of a staircase, once after each change of them.   \
     Here tiles lie column by column, [units, stride], with stride a multiple of 16 and zeros, in  \
     x and gy, where no rows are. */                                                               \
  X(staircase_prepare, (const fk_staircase *n, void *prepared), (n, prepared))                     \
  /* y [out, stride] of x [in, stride]; `saved` keeps what the next kernel needs. */               \
  X(staircase_forward,                                                                             \
    (const fk_staircase *n, const void *prepared, int64_t stride, const void *x, void *saved,      \
     void *y),                                                                                     \
    (n, prepared, stride, x, saved, y))                                                            \
  /* gx (may be null) from gy; `gradient` (may be null) is added to within the extents alone. */   \
  X(staircase_backward,                                                                            \
    (const fk_staircase *n, const void *prepared, int64_t stride, const void *x,                   \
     const void *saved, const void *gy, void *gx, const fk_network_gradient *gradient),            \
    (n, prepared, stride, x, saved, gy, gx, gradient))                                             \
  /* Units from ..< to of a layer, from the units before it: those rows of output [out, stride]    \
     alone, of the inputs that they see alone. */                                                  \
  X(staircase_units,                                                                               \
    (const fk_staircase *n, const void *prepared, int64_t stride, int64_t layer, int64_t from,     \
     int64_t to, const void *input, void *output),                                                 \
    (n, prepared, stride, layer, from, to, input, output))                                         \
  /* out [count, stride] are the columns `indices` (null: the first ones) of x [rows, columns],    \
     with zeros after the rows. */                                                                 \
  X(to_columns,                                                                                    \
    (int64_t rows, int64_t columns, int64_t count, const int64_t *indices, const void *x,          \
     int64_t stride, void *out),                                                                   \
    (rows, columns, count, indices, x, stride, out))                                               \
  /* And back: other columns of out [rows, columns] stay as they are. */                           \
  X(to_rows,                                                                                       \
    (int64_t rows, int64_t columns, int64_t count, const int64_t *indices, const void *x,          \
     int64_t stride, void *out),                                                                   \
    (rows, columns, count, indices, x, stride, out))                                               \
  /* A network that is piecewise linear in its one input (fk_network_is_piecewise): its pieces, in  \
     fk_piecewise_bytes of memory. */                                                              \
  X(piecewise_prepare, (const fk_network *n, void *prepared), (n, prepared))                       \
  /* y [rows, outputs] of x [rows], and which piece each row lies on. */                           \
  X(piecewise_forward,                                                                             \
    (const fk_network *n, const void *prepared, int64_t rows, const void *x, int32_t *pieces,      \
     void *y),                                                                                     \
    (n, prepared, rows, x, pieces, y))                                                             \
  /* From the gradient g of y: gx (may be null), and the sums of g x and g on each piece, added to \
     sums [pieces, outputs, 2] (may be null). */                                                   \
  X(piecewise_backward,                                                                            \
    (const fk_network *n, const void *prepared, int64_t rows, const void *x,                       \
     const int32_t *pieces, const void *g, void *gx, double *sums),                                \
    (n, prepared, rows, x, pieces, g, gx, sums))                                                   \
  /* Those sums become gradients by the parameters. */                                             \
  X(piecewise_finish,                                                                              \
    (const fk_network *n, const void *prepared, const double *sums,                                \
     const fk_network_gradient *gradient),                                                         \
    (n, prepared, sums, gradient))                                                                 \
  /* Affine coupling on columns `indices` of x [rows, dimension]: from raw [rows, *] the log-scale \
     (column 0 on, row stride raw_stride) and t likewise. to_data: v = x exp(s) + t, logdet = sum  \
     s; else v = (x - t) exp(-s), logdet = -sum s. */                                              \
  X(coupling,                                                                                      \
    (bool to_data, fk_scale kind, double bound, int64_t rows, int64_t dimension, int64_t count,    \
     const int64_t *indices, const void *x, const void *raw, int64_t raw_stride, const void *t,    \
     int64_t t_stride, void *v, void *logdet),                                                     \
    (to_data, kind, bound, rows, dimension, count, indices, x, raw, raw_stride, t, t_stride, v,    \
     logdet))                                                                                      \
  /* Gradients of the above; gv and glogdet may each be null (zero). */                            \
  X(coupling_backward,                                                                             \
    (bool to_data, fk_scale kind, double bound, int64_t rows, int64_t dimension, int64_t count,    \
     const int64_t *indices, const void *x, const void *raw, int64_t raw_stride, const void *v,    \
     const void *gv, const void *glogdet, void *gx, void *graw, void *gt, int64_t t_stride),       \
    (to_data, kind, bound, rows, dimension, count, indices, x, raw, raw_stride, v, gv, glogdet,    \
     gx, graw, gt, t_stride))                                                                      \
  /* y = f(x), one set of parameters theta [parameters, stride] for each of `stride` lanes (whole     \
     multiples of 16); log dy / dx is added to log_slope. y may be x. */                           \
  X(map,                                                                                           \
    (const struct fk_map *m, bool to_data, int64_t stride, const void *x, const void *theta,       \
     void *y, void *log_slope),                                                                    \
    (m, to_data, stride, x, theta, y, log_slope))                                                  \
  /* From its x and y: gx and gtheta, the gradients, are written; gy and glog may each be null       \
     (zero). gx may be gy. */                                                                      \
  X(map_backward,                                                                                  \
    (const struct fk_map *m, bool to_data, int64_t stride, const void *x, const void *y,           \
     const void *theta, const void *gy, const void *glog, void *gx, void *gtheta),                 \
    (m, to_data, stride, x, y, theta, gy, glog, gx, gtheta))                                       \
  /* out[i] = sum over columns of the log-density of a location-scale family. */                   \
  X(location_scale,                                                                                \
    (fk_family family, int64_t rows, int64_t dimension, const void *x, const void *location,       \
     const void *log_scale, void *out),                                                            \
    (family, rows, dimension, x, location, log_scale, out))                                        \
  /* gx = gradient; glocation, glog_scale (may be null) are added to. */                           \
  X(location_scale_backward,                                                                       \
    (fk_family family, int64_t rows, int64_t dimension, const void *x, const void *location,       \
     const void *log_scale, const void *g, void *gx, void *glocation, void *glog_scale),           \
    (family, rows, dimension, x, location, log_scale, g, gx, glocation, glog_scale))               \
  /* Adam on n parameters: g is scaled first; weight decay is decoupled (AdamW) or added to g. */  \
  X(adam,                                                                                          \
    (int64_t n, void *parameters, const void *g, void *m, void *v, double gradient_scale,          \
     double rate, double beta1, double beta2, double epsilon, double correction1,                  \
     double correction2, double decay, bool decoupled),                                            \
    (n, parameters, g, m, v, gradient_scale, rate, beta1, beta2, epsilon, correction1,             \
     correction2, decay, decoupled))                                                               \
  X(momentum,                                                                                      \
    (int64_t n, void *parameters, const void *g, void *velocity, double gradient_scale,            \
     double rate, double momentum, double decay, bool nesterov),                                   \
    (n, parameters, g, velocity, gradient_scale, rate, momentum, decay, nesterov))                 \
  /* average += (1 - decay) * (x - average) */                                                     \
  X(moving_average, (int64_t n, double decay, const void *x, void *average),                       \
    (n, decay, x, average))                                                                        \
  /* out = slots[0] + slots[1] + ..., added in that order. */                                      \
  X(add_slots, (int64_t n, int64_t count, const void *const *slots, void *out),                    \
    (n, count, slots, out))                                                                        \
  X(clamp_in_place, (int64_t n, double limit, void *x), (n, limit, x))                             \
  /* bias (may be null) and residual (null, or as y) are added before the activation. The          \
     kernels of convolutions spread over the workers themselves. */                                \
  X(convolution,                                                                                   \
    (const fk_convolution_shape *s, const void *x, const void *weights, const void *bias,          \
     const void *residual, fk_activation activation, double slope, void *y),                       \
    (s, x, weights, bias, residual, activation, slope, y))                                         \
  /* bias [in_channels] (may be null): a transposed convolution's forward pass is this. */         \
  X(convolution_input_gradient,                                                                    \
    (const fk_convolution_shape *s, const void *g, const void *weights, const void *bias,          \
     void *gx, bool accumulate),                                                                   \
    (s, g, weights, bias, gx, accumulate))                                                         \
  X(convolution_weight_gradient,                                                                   \
    (const fk_convolution_shape *s, const void *x, const void *g, void *gw, bool accumulate),      \
    (s, x, g, gw, accumulate))                                                                     \
  /* Register-resident multiply-adds: `iterations` rounds; *flops says how many operations ran. */ \
  X(multiply_add_peak, (int64_t iterations, double *flops, double *sink),                          \
    (iterations, flops, sink))                                                                     \
  /* Mean and biased variance of each column of x [rows, channels], accurate where the mean is     \
     much larger than the deviation. */                                                            \
  X(batch_statistics,                                                                              \
    (int64_t rows, int64_t channels, const void *x, void *mean, void *variance),                   \
    (rows, channels, x, mean, variance))                                                           \
  /* y = activation((x - mean) * scale / sqrt(variance + epsilon) + shift + residual); residual    \
     may be null. y may be x or the residual. */                                                   \
  X(batch_normalize,                                                                               \
    (int64_t rows, int64_t channels, const void *x, const void *mean, const void *variance,        \
     double epsilon, const void *scale, const void *shift, const void *residual, fk_activation     \
     activation, double slope, void *y),                                                           \
    (rows, channels, x, mean, variance, epsilon, scale, shift, residual, activation, slope, y))    \
  /* Backward of the above where mean and variance are those of x, from the result y and its       \
     gradient g: gx is the gradient by x (or added to); gscale and gshift (may be null) are        \
     added to; gresidual (may be null) = g * activation'(y). gx or gresidual may be g. */          \
  X(batch_normalize_backward,                                                                      \
    (int64_t rows, int64_t channels, const void *x, const void *mean, const void *variance,        \
     double epsilon, const void *scale, fk_activation activation, double slope, const void *y,     \
     const void *g, void *gx, bool accumulate, void *gscale, void *gshift, void *gresidual),       \
    (rows, channels, x, mean, variance, epsilon, scale, activation, slope, y, g, gx,               \
     accumulate, gscale, gshift, gresidual))                                                       \
  /* Maximum over windows of images [images, height, width, channels], outside of which lies       \
     minus infinity; `places` (may be null) says which input pixel, y * width + x, won: the        \
     first of equal ones in row order, the last NaN where there is one. */                         \
  X(max_pool,                                                                                      \
    (int64_t images, int64_t height, int64_t width, int64_t channels, int64_t kernel_y, int64_t    \
     kernel_x, int64_t stride_y, int64_t stride_x, int64_t pad_y, int64_t pad_x, int64_t           \
     out_height, int64_t out_width, const void *x, void *y, int32_t *places),                      \
    (images, height, width, channels, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x,        \
     out_height, out_width, x, y, places))                                                         \
  /* gx [images, pixels, channels] is added to. */                                                 \
  X(max_pool_backward,                                                                             \
    (int64_t images, int64_t pixels, int64_t out_pixels, int64_t channels, const void *g, const    \
     int32_t *places, void *gx),                                                                   \
    (images, pixels, out_pixels, channels, g, places, gx))                                         \
  /* Mean over windows; counts_padding: over what lies in the padding too, as zeros. */            \
  X(average_pool,                                                                                  \
    (int64_t images, int64_t height, int64_t width, int64_t channels, int64_t kernel_y, int64_t    \
     kernel_x, int64_t stride_y, int64_t stride_x, int64_t pad_y, int64_t pad_x, int64_t           \
     out_height, int64_t out_width, bool counts_padding, const void *x, void *y),                  \
    (images, height, width, channels, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x,        \
     out_height, out_width, counts_padding, x, y))                                                 \
  /* gx is added to. */                                                                            \
  X(average_pool_backward,                                                                         \
    (int64_t images, int64_t height, int64_t width, int64_t channels, int64_t kernel_y, int64_t    \
     kernel_x, int64_t stride_y, int64_t stride_x, int64_t pad_y, int64_t pad_x, int64_t           \
     out_height, int64_t out_width, bool counts_padding, const void *g, void *gx),                 \
    (images, height, width, channels, kernel_y, kernel_x, stride_y, stride_x, pad_y, pad_x,        \
     out_height, out_width, counts_padding, g, gx))                                                \
  /* The mean over pixels, [images, pixels, channels] to [images, channels]. */                    \
  X(global_average,                                                                                \
    (int64_t images, int64_t pixels, int64_t channels, const void *x, void *y),                    \
    (images, pixels, channels, x, y))                                                              \
  /* gx is added to. */                                                                            \
  X(global_average_backward,                                                                       \
    (int64_t images, int64_t pixels, int64_t channels, const void *g, void *gx),                   \
    (images, pixels, channels, g, gx))

#define FK_DECLARE(name, parameters, arguments) void fk_##name(fk_type type, FK_STRIP parameters);
#define FK_STRIP(...) __VA_ARGS__
FK_KERNELS(FK_DECLARE)
#undef FK_DECLARE

// What kernels do, on request (counts.c, which says what an operation and a byte are). A counting
// sees the kernels that its thread calls and those of workers that run its thread's jobs; of two
// nested ones, the outer sees what the inner does too.
typedef struct fk_counts fk_counts;
typedef struct {
  const char *name;
  int64_t calls, operations, bytes;
} fk_kernel_count;
fk_counts *fk_begin_counts(void);
void fk_end_counts(fk_counts *counts);  // the last one that this thread began
void fk_free_counts(fk_counts *counts);
int64_t fk_kernel_kinds(void);
fk_kernel_count fk_kernel_count_at(const fk_counts *counts, int64_t kernel);
fk_counts *fk_current_counts(void);  // this thread's innermost; null where there is none

// Elements of what network_prepare makes, and of what network_forward saves of so many rows.
int64_t fk_network_prepared_count(const fk_network *n);
int64_t fk_network_saved_count(const fk_network *n, int64_t rows);
int64_t fk_staircase_prepared_count(const fk_staircase *n);
int64_t fk_staircase_saved_count(const fk_staircase *n, int64_t stride);

// Parameters of an increasing map of one column.
int64_t fk_map_parameters(const struct fk_map *m);

// Conversion between scalar types, rounding to nearest.
void fk_convert(fk_type from, fk_type to, int64_t n, const void *in, void *out);

// Networks of one input, two hidden layers and ReLU or LeakyReLU (kernels/piecewise.h).
bool fk_network_is_piecewise(const fk_network *n);
// False where the environment variable FLOWS_PIECEWISE is `off`: products then, for comparison.
bool fk_uses_pieces(void);
// For what piecewise_prepare leaves; and how many pieces it found.
int64_t fk_piecewise_bytes(fk_type type, const fk_network *n);
int64_t fk_piecewise_count(const void *prepared);

// Instruction sets. The process-wide choice is the best that the processor has, or what the
// environment variable FLOWS_SIMD (baseline, avx2, avx512) allows; a thread may override it.
fk_set fk_best_set(void);
fk_set fk_current_set(void);
void fk_override_set(int set_or_minus_one);
int fk_set_override(void);

// Whether the calling thread is within a recording of tensor operations.
void fk_begin_recording(void);
void fk_end_recording(void);
bool fk_is_recording(void);

// 1, 2, 3, ... over the whole process.
int64_t fk_next_serial(void);

// Memory: 64-byte aligned blocks from per-thread lists of size classes.
void *fk_allocate(size_t bytes);
void fk_deallocate(void *block, size_t bytes);
// Blocks that the calling thread took from the system, rather than from its lists, so far.
int64_t fk_system_allocations(void);
// False under AddressSanitizer, where every block comes from the system.
bool fk_keeps_lists(void);
// Between these two, which may be nested, large blocks are kept for all threads rather than given
// back to the system; those that two calls of fk_age_kept found unused are given back.
void fk_begin_keeping(void);
void fk_end_keeping(void);
void fk_age_kept(void);

// Workers. Calls body(context, i) once for each i in 0..<count, on at most `workers` threads, the
// calling one among them; returns when all are done. Runs inline when another caller has the pool.
void fk_parallel(int64_t count, int64_t workers, void (*body)(void *context, int64_t index),
                 void *context);
int64_t fk_worker_count(void);
// A lock that is 0 while it is free; whoever waits keeps looking.
void fk_spin_lock(int32_t *lock);
void fk_spin_unlock(int32_t *lock);
void fk_set_worker_count(int64_t count);

// Random numbers: Philox 4x32-10, a function of (seed, stream, block) alone; the same bits
// everywhere for integers, uniforms and normals.
void fk_philox(uint64_t seed, uint64_t stream, uint64_t block, uint32_t out[4]);
// Element i uses block first + i.
void fk_random_uniform(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                       void *out);
void fk_random_laplace(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                       void *out);
void fk_random_gamma(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                     double shape, void *out);
void fk_random_logistic(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                        void *out);
// A shape of its own for each element, of the type of the result.
void fk_random_gamma_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                          const void *shapes, void *out);
void fk_random_beta_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first, int64_t n,
                         const void *alphas, const void *betas, void *out);
void fk_random_student_each(fk_type type, uint64_t seed, uint64_t stream, uint64_t first,
                            int64_t n, const void *degrees, void *out);
double fk_normal_quantile(double p);
double fk_portable_log(double x);

// Special functions (special.c). Quantiles are NaN for p outside [0, 1].
double fk_log_gamma(double x);  // x > 0
double fk_log_beta(double a, double b);
double fk_digamma(double x);
double fk_trigamma(double x);
double fk_gamma_cumulative(double a, double x, bool upper);
double fk_gamma_quantile(double a, double p);
double fk_beta_cumulative(double a, double b, double x, bool upper);
double fk_beta_quantile(double a, double b, double p);
double fk_student_constant(double nu);  // log of the density at 0
double fk_student_cumulative(double nu, double t);
double fk_student_quantile(double nu, double p);

// Densities with independent columns (densities.c, which says what the parameters are).
// out[r] = sum over columns of the log-density: not the location-scale families.
void fk_column_density(fk_type type, fk_family family, int64_t rows, int64_t columns, const void *x,
                       const void *const parameters[3], void *out);
// gx (may be null) = gradient; `gradients` (each may be null) are added to. Rows outside of the
// support have none.
void fk_column_density_backward(fk_type type, fk_family family, int64_t rows, int64_t columns,
                                const void *x, const void *const parameters[3], const void *g,
                                void *gx, void *const gradients[3]);
// The distribution function of each element, or its inverse; all families.
void fk_column_map(fk_type type, fk_family family, bool inverse, int64_t rows, int64_t columns,
                   const void *in, const void *const parameters[3], void *out);

// Matrices [n, n] (matrices.c): the lower Cholesky factor, false where there is none; the inverse of
// a lower triangle.
bool fk_cholesky(fk_type type, int64_t n, const void *matrix, void *factor);
void fk_invert_lower(fk_type type, int64_t n, const void *lower, void *out);
// For A [n, r] and C = I + A'A: M = A C^-1, [n, r], and log det C; NaN where C is not finite.
void fk_capacitance(fk_type type, int64_t n, int64_t r, const void *matrix, void *out,
                    double *log_determinant);
// The gradient by A of what has the gradients `gradient` (may be null) by M and g by log det C.
void fk_capacitance_backward(fk_type type, int64_t n, int64_t r, const void *matrix,
                             const void *gradient, double g, void *out);

// Elementwise the root y of y + p tanh(q y + e) = t, where p q > -1 (roots.c), and the gradients by
// t, p, q and e (each may be null) of what has the gradient g by y.
void fk_tanh_root(fk_type type, int64_t n, const void *t, const void *p, const void *q,
                  const void *e, void *y);
void fk_tanh_root_backward(fk_type type, int64_t n, const void *y, const void *p, const void *q,
                           const void *e, const void *g, void *const gradients[4]);

// The CRC-32 of ISO 3309 of the bytes, carried on from the checksum of what came before, or from 0.
uint32_t fk_crc32(uint32_t checksum, const void *bytes, size_t count);

#endif
