// One scalar type for one instruction set. Expects FK_SET_NAME, FK_VECTOR_BYTES, FK_ROWS, FK_VECTORS
// and FK_IS_FLOAT; leaves a table of kernels named fk_table_<set>_<type>.
#if FK_IS_FLOAT
#define T float
#define FK_TYPE_NAME float
#else
#define T double
#define FK_TYPE_NAME double
#endif
#define FK_LANES (FK_VECTOR_BYTES / (int)sizeof(T))
#define FK_JOIN3(a, b, c) a##_##b##_##c
#define FK_JOIN(a, b, c) FK_JOIN3(a, b, c)
#define FN(name) FK_JOIN(name, FK_SET_NAME, FK_TYPE_NAME)
#define FK_INLINE __attribute__((always_inline, unused)) static inline

#include "elementary.h"
#include "product.h"
#include "narrow.h"
#include "matmul.h"
#include "convolution_tile.h"
#include "convolution_pixels.h"
#include "convolution_pass.h"
#include "convolution_channels.h"
#include "convolution_pairs.h"
#include "convolution_winograd.h"
#include "convolution_winograd_weights.h"
#include "convolution.h"
#include "convolution_gradient.h"
#include "elementwise.h"
#include "network.h"
#include "columns.h"
#include "runs.h"
#include "staircase.h"
#include "staircase_gradient.h"
#include "tile_columns.h"
#include "coupling.h"
#include "lanes.h"
#include "spline.h"
#include "spline_gradient.h"
#include "solve.h"
#include "logistics.h"
#include "bernstein.h"
#include "column_map.h"
#include "base.h"
#include "piecewise.h"
#include "piecewise_gradient.h"
#include "optimizer.h"
#include "random.h"
#include "normalize.h"
#include "normalize_gradient.h"
#include "pool.h"
#include "pool_global.h"

#define FK_ENTRY(name, parameters, arguments) .name = FN(name),
const fk_table FN(fk_table) = {FK_KERNELS(FK_ENTRY)};
#undef FK_ENTRY

#undef T
#undef FK_TYPE_NAME
#undef FK_LANES
#undef FK_JOIN3
#undef FK_JOIN
#undef FN
#undef FK_INLINE
#undef V
#undef LOAD
#undef STORE
#undef FK_ZIP_LOW
#undef FK_ZIP_HIGH
#undef FK_EVEN
#undef FK_TAP_ROWS
#undef FK_ODD
#undef FK_EACH_IN_RUN
#undef FK_EACH_PERIOD
#undef FK_UNROLL_STAIR
#undef FK_CHUNK_LOW
#undef FK_CHUNK_HIGH
#undef FK_QUARTERS_LOW
#undef FK_QUARTERS_HIGH
#undef FK_INT
#undef FK_UINT
#undef FK_MANTISSA
#undef FK_BIAS
#undef FK_ROUND
#undef FK_LN2_HI
#undef FK_LN2_LO
#undef FK_EXP_MAX
#undef FK_EXP_MIN
#undef FK_EXPM1_MIN
#undef FK_TANH_MAX
#undef FK_MIN_NORMAL
#undef FK_SQRT_HALF_BITS
#undef FK_ONE_BITS
#undef FK_SUBNORMAL_SHIFT
#undef FK_SUBNORMAL_SCALE
#undef FK_GET
#undef FK_PUT
#undef FK_PUT_OR_STREAM
#undef FK_FENCE
#undef FK_ALONG
#undef FK_UNROLL
#undef FK_EPSILON
#undef FK_LIBM
#undef FK_LIBM_LGAMMA
#undef FK_INTEGERS
#undef FK_LANES_EXP_MAX
#undef FK_LANES_EXP_MIN
