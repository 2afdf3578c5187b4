// Convolutions over images [images, height, width, channels], and their gradients by the image.

// Small images: pixels of the same position follow each other, so that whole groups of rows leave
// out the taps that lie outside.
static bool FN(prefers_position)(const fk_convolution_shape *s) {
  if (s->images < 8 || s->out_height * s->out_width > 1024) return false;
  const double y = FN(inside)(s->out_height, s->kernel_height, s->stride_y, s->pad_y,
                              s->dilation_y, s->height);
  const double x =
      FN(inside)(s->out_width, s->kernel_width, s->stride_x, s->pad_x, s->dilation_x, s->width);
  return x * y < 0.9;
}

// The geometry of the forward pass of each group; `bytes` is for their deallocation.
static FN(pass) * FN(forward_passes)(const fk_convolution_shape *s, size_t *bytes) {
  const int64_t in = s->in_channels / s->groups, out = s->out_channels / s->groups;
  // Few channels: a row of taps is one run over a padded copy of the image.
  const bool fused = s->groups == 1 && in <= 8 && s->kernel_width > 1 && s->dilation_x == 1;
  const int64_t run = fused ? in * s->kernel_width : in;
  const int64_t taps = s->kernel_height * (fused ? 1 : s->kernel_width);
  *bytes = sizeof(FN(pass)) * (size_t)s->groups + sizeof(FN(tap)) * (size_t)taps +
           sizeof(T) * (size_t)run;
  FN(pass) *passes = fk_allocate(*bytes);
  FN(tap) *tap = (FN(tap) *)(passes + s->groups);
  T *zeros = (T *)(tap + taps);
  memset(zeros, 0, sizeof(T) * (size_t)run);
  for (int64_t t = 0; t < taps; t++) {
    const int64_t ky = fused ? t : t / s->kernel_width, kx = fused ? 0 : t % s->kernel_width;
    tap[t] = (FN(tap)){.y = ky * s->dilation_y - s->pad_y,
                       .x = fused ? 0 : kx * s->dilation_x - s->pad_x,
                       .weights = t * run * s->out_channels};
  }
  for (int64_t g = 0; g < s->groups; g++)
    passes[g] = (FN(pass)){
        .images = s->images,
        .rows = s->out_height,
        .columns = s->out_width,
        .out_image = s->out_height * s->out_width * s->out_channels,
        .out_row = s->out_width * s->out_channels,
        .out_column = s->out_channels,
        .height = s->height,
        .width = s->width,
        .in_image = s->height * s->width * s->in_channels,
        .in_row = s->width * s->in_channels,
        .in_column = s->in_channels,
        .step_y = s->stride_y,
        .step_x = s->stride_x,
        .tap_count = taps,
        .taps = tap,
        .by_position = !fused && FN(prefers_position)(s),
        .padded_left = fused ? s->pad_x : -1,
        .padded_width = (s->out_width - 1) * s->stride_x + s->kernel_width,
        .in = run,
        .out = out,
        .zeros = zeros,
        .ldw = s->out_channels,
    };
  return passes;
}

static void FN(convolution)(const fk_convolution_shape *s, const void *xv, const void *weightsv,
                            const void *biasv, const void *residualv, fk_activation activation,
                            double slope, void *yv) {
  const T *x = xv, *weights = weightsv, *bias = biasv, *residual = residualv;
  T *y = yv;
  if (FN(is_channelwise)(s)) {
    FN(channel_call) c = {.s = s, .x = x, .weights = weights, .bias = bias, .residual = residual,
                          .y = y, .activation = activation, .slope = (T)slope};
    fk_parallel(s->images * s->out_height, fk_worker_count(), FN(channel_row), &c);
    return;
  }
  if (FN(suits_winograd)(s, s->out_height, s->out_width)) {
    FN(winograd_call) c = {
        .images = s->images, .height = s->height, .width = s->width, .in = s->in_channels,
        .rows = s->out_height, .columns = s->out_width, .out = s->out_channels,
        .pad_y = s->pad_y, .pad_x = s->pad_x, .left = x, .weights = weights, .bias = bias,
        .residual = residual, .result = y, .activation = activation, .slope = (T)slope};
    FN(winograd)(&c);
    return;
  }
  const int64_t in = s->in_channels / s->groups, out = s->out_channels / s->groups;
  size_t bytes;
  FN(pass) *passes = FN(forward_passes)(s, &bytes);
  for (int64_t g = 0; g < s->groups; g++) {
    FN(pass) *p = passes + g;
    p->left = x + g * in;
    p->weights = weights + g * out;
    p->bias = bias ? bias + g * out : NULL;
    p->residual = residual ? residual + g * out : NULL;
    p->result = y + g * out;
    p->activation = activation;
    p->slope = (T)slope;
  }
  FN(run_passes)(passes, s->groups);
  fk_deallocate(passes, bytes);
}

// Along one axis: of the taps that reach input pixels of a phase, which ones and how far from the
// pixel's place among those of its phase.
static int64_t FN(phase_taps)(int64_t phase, int64_t kernel, int64_t stride, int64_t pad,
                              int64_t dilation, int64_t *which, int64_t *offset) {
  int64_t count = 0;
  for (int64_t k = 0; k < kernel; k++) {
    const int64_t from = phase + pad - k * dilation;
    if (from % stride != 0) continue;
    which[count] = k;
    offset[count++] = from / stride;
  }
  return count;
}

// A pixel of x is reached by the result pixels o with o * stride - pad + k * dilation = i. Input
// pixels i of the same phase i % stride are reached by the same taps k, and o moves by 1 from one
// to the next: a convolution of the gradient with stride 1, for each phase.
static void FN(convolution_input_gradient)(const fk_convolution_shape *s, const void *gv,
                                           const void *weightsv, const void *biasv, void *gxv,
                                           bool accumulate) {
  const T *g = gv, *weights = weightsv, *bias = biasv;
  T *gx = gxv;
  if (FN(is_channelwise)(s)) {
    FN(channel_call) c = {.s = s, .x = g, .weights = weights, .bias = bias, .y = gx,
                          .accumulate = accumulate};
    fk_parallel(s->images * s->height, fk_worker_count(), FN(channel_input_row), &c);
    return;
  }
  if (FN(suits_winograd)(s, s->height, s->width)) {
    FN(winograd_call) c = {
        .images = s->images, .height = s->out_height, .width = s->out_width,
        .in = s->out_channels, .rows = s->height, .columns = s->width, .out = s->in_channels,
        .pad_y = 2 - s->pad_y, .pad_x = 2 - s->pad_x, .left = g, .weights = weights,
        .bias = bias, .result = gx, .accumulate = accumulate, .transposed = true};
    FN(winograd)(&c);
    return;
  }
  const int64_t in = s->in_channels / s->groups, out = s->out_channels / s->groups;
  const int64_t phases_y = s->stride_y < s->height ? s->stride_y : s->height;
  const int64_t phases_x = s->stride_x < s->width ? s->stride_x : s->width;
  const int64_t most = s->kernel_height * s->kernel_width;
  const int64_t passes_count = s->groups * phases_y * phases_x;
  const int64_t sides = s->kernel_height + s->kernel_width;
  const size_t bytes = sizeof(FN(pass)) * (size_t)passes_count +
                       sizeof(FN(tap)) * (size_t)(most + 1) +
                       sizeof(int64_t) * 2 * (size_t)sides + sizeof(T) * (size_t)out;
  FN(pass) *passes = fk_allocate(bytes);
  FN(tap) *tap = (FN(tap) *)(passes + passes_count);
  int64_t *which_y = (int64_t *)(tap + most + 1), *offset_y = which_y + s->kernel_height;
  int64_t *which_x = offset_y + s->kernel_height, *offset_x = which_x + s->kernel_width;
  T *zeros = (T *)(offset_x + s->kernel_width);
  memset(zeros, 0, sizeof(T) * (size_t)out);
  const bool by_position = FN(prefers_position)(s);
  int64_t pass = 0;
  for (int64_t fy = 0; fy < phases_y; fy++) {
    const int64_t taps_y = FN(phase_taps)(fy, s->kernel_height, s->stride_y, s->pad_y,
                                          s->dilation_y, which_y, offset_y);
    for (int64_t fx = 0; fx < phases_x; fx++) {
      const int64_t taps_x = FN(phase_taps)(fx, s->kernel_width, s->stride_x, s->pad_x,
                                            s->dilation_x, which_x, offset_x);
      for (int64_t a = 0; a < taps_y; a++)
        for (int64_t b = 0; b < taps_x; b++)
          tap[a * taps_x + b] = (FN(tap)){
              .y = offset_y[a],
              .x = offset_x[b],
              .weights = (which_y[a] * s->kernel_width + which_x[b]) * in * s->out_channels};
      for (int64_t group = 0; group < s->groups; group++)
        passes[pass++] = (FN(pass)){
            .images = s->images,
            .rows = (s->height - fy + s->stride_y - 1) / s->stride_y,
            .columns = (s->width - fx + s->stride_x - 1) / s->stride_x,
            .out_image = s->height * s->width * s->in_channels,
            .out_row = s->stride_y * s->width * s->in_channels,
            .out_column = s->stride_x * s->in_channels,
            .height = s->out_height,
            .width = s->out_width,
            .in_image = s->out_height * s->out_width * s->out_channels,
            .in_row = s->out_width * s->out_channels,
            .in_column = s->out_channels,
            .step_y = 1,
            .step_x = 1,
            .tap_count = taps_y * taps_x,
            .taps = tap,
            .by_position = by_position,
            .padded_left = -1,
            .in = out,
            .out = in,
            .left = g + group * out,
            .weights = weights + group * out,
            .bias = bias ? bias + group * in : NULL,
            .zeros = zeros,
            .result = gx + (fy * s->width + fx) * s->in_channels + group * in,
            .ldw = s->out_channels,
            .transposed = true,
            .accumulate = accumulate,
        };
      tap += taps_y * taps_x;
    }
  }
  FN(run_passes)(passes, passes_count);
  fk_deallocate(passes, bytes);
}
