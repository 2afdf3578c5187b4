// Sums over rows of g x and g on each piece of a piecewise linear network (piecewise.h) become
// gradients by its weights. For unit i of the second layer, `prefix` is what these sums, times the
// unit's derivative, give left of each threshold of the first layer; the rest of the total lies
// right of it. Times the derivatives of unit j of the first layer on either side, that is all that
// the weight from j to i meets. The second layer, summed over the rows, consists of the products of
// its weights with just that; so the last layer's gradient follows without its values.

// One block of the second layer's columns and one output. Adds to `second` [units, block], the
// gradients by the second layer's weights in order of threshold; to `first` [units, 2], those by
// the first layer's weights and biases; and to `bias`, those by the second layer's. Sets those by
// the last layer's weights, `head` [outputs, padded].
static void FN(gradient_block)(const FN(piecewise_layers) * l, const FN(piecewise_parts) * p,
                               int64_t base, int64_t output, int64_t outputs, const double *sums,
                               double *prefix, double *second, double *first, double *bias,
                               double *head) {
  const int64_t h1 = l->units, pieces = p->head->pieces;
  const FN(column_block) one = 1, slope = l->slope;
  FN(column_block) total1 = 0, total0 = 0;
  for (int64_t piece = 0, k = 0; piece < pieces; piece++) {
    uint32_t bits = 0;
    memcpy(&bits, (const uint8_t *)(p->active + piece * p->stride) + base / 8, FN(band_bytes));
    FN(column_block) active;
    FN(pick)(bits, &one, &slope, &active);
    total1 += active * sums[(piece * outputs + output) * 2];
    total0 += active * sums[(piece * outputs + output) * 2 + 1];
    if (piece + 1 == pieces || p->units[piece] >= 0) continue;
    FK_COLUMNS(prefix + 2 * k * FN(band)) = total1;
    FK_COLUMNS(prefix + (2 * k + 1) * FN(band)) = total0;
    k++;
  }
  const FN(column_block) last = FK_COLUMNS(l->last + output * l->padded + base);
  FN(column_block) own = FK_COLUMNS(l->bias + base) * total0;
  for (int64_t k = 0; k < h1; k++) {
    const FN(column_block) row = FK_AS_COLUMNS(l->weights + p->order[k] * l->padded + base);
    const FN(column_block) left1 = FK_COLUMNS(prefix + 2 * k * FN(band));
    const FN(column_block) left0 = FK_COLUMNS(prefix + (2 * k + 1) * FN(band));
    const double left = l->left[k], right = l->right[k];
    const FN(column_block) all1 = left * left1 + right * (total1 - left1);
    const FN(column_block) all0 = left * left0 + right * (total0 - left0);
    const FN(column_block) met = l->w[k] * all1 + l->b[k] * all0, back = last * row;
    own += row * met;
    FK_COLUMNS(second + k * FN(band)) = last * met + FK_COLUMNS(second + k * FN(band));
    const FN(column_block) by_w = back * all1, by_b = back * all0;
    FK_PAIR(first + 2 * k) += FN(two_sums)(&by_w, &by_b);
  }
  FK_COLUMNS(bias + base) += last * total0;
  FK_COLUMNS(head + output * l->padded + base) = own;
}

static void FN(piecewise_finish)(const fk_network *n, const void *prepared, const double *sums,
                                 const fk_network_gradient *gradient) {
  const FN(piecewise_parts) p = FN(piecewise_layout)(n, (void *)prepared);
  const int64_t h1 = n->widths[1], h2 = n->widths[2], outputs = n->widths[3];
  const int64_t width = 32 * p.stride;
  const size_t doubles = (size_t)(3 * FN(band) * h1 + 2 * h1 + width * (1 + outputs));
  const size_t bytes = sizeof(double) * doubles + FN(layers_bytes)(n);
  char *scratch = fk_allocate(bytes);
  double *prefix = (double *)scratch, *second = prefix + 2 * FN(band) * h1;
  double *bias = second + FN(band) * h1, *first = bias + width, *head = first + 2 * h1;
  memset(bias, 0, sizeof(double) * (size_t)(2 * h1 + width));
  FN(piecewise_layers) layers;
  FN(layers_start)(&layers, n, p.order, head + width * outputs);
  T *weights0 = gradient->weights[0], *weights1 = gradient->weights[1];
  T *weights2 = gradient->weights[2];
  T *biases0 = gradient->biases[0], *biases1 = gradient->biases[1], *biases2 = gradient->biases[2];
  for (int64_t base = 0; base < h2; base += FN(band)) {
    memset(second, 0, sizeof(double) * (size_t)(FN(band) * h1));
    for (int64_t o = 0; o < outputs; o++)
      FN(gradient_block)(&layers, &p, base, o, outputs, sums, prefix, second, first, bias, head);
    if (!weights1) continue;
    const int64_t columns = h2 - base < FN(band) ? h2 - base : FN(band);
    for (int64_t k = 0; k < h1; k++) {
      T *to = weights1 + p.order[k] * h2 + base;
      const double *from = second + k * FN(band);
      if (columns == FN(band))
        *(FN(column_weights) *)to += __builtin_convertvector(FK_COLUMNS(from), FN(column_weights));
      else
        for (int64_t i = 0; i < columns; i++) to[i] += (T)from[i];
    }
  }
  for (int64_t k = 0; k < h1; k++) {
    const int64_t j = p.order[k];
    if (weights0) weights0[j] += (T)first[2 * k];
    if (biases0) biases0[j] += (T)first[2 * k + 1];
  }
  if (biases1)
    for (int64_t i = 0; i < h2; i++) biases1[i] += (T)bias[i];
  if (weights2)
    for (int64_t i = 0; i < h2; i++)
      for (int64_t o = 0; o < outputs; o++)
        weights2[i * outputs + o] += (T)head[o * layers.padded + i];
  if (biases2)
    for (int64_t o = 0; o < outputs; o++) {
      double total = 0;
      for (int64_t m = 0; m < p.head->pieces; m++) total += sums[(m * outputs + o) * 2 + 1];
      biases2[o] += (T)total;
    }
  fk_deallocate(scratch, bytes);
}

#undef FK_COLUMNS
#undef FK_AS_COLUMNS
#undef FK_PAIR
