#include "CImageKernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *room(ik_scratch *scratch, size_t bytes) {
  if (scratch->bytes < bytes) {
    free(scratch->memory);
    scratch->memory = malloc(bytes);
    scratch->bytes = scratch->memory ? bytes : 0;
  }
  return scratch->memory;
}

void ik_release(ik_scratch *scratch) {
  free(scratch->memory);
  *scratch = (ik_scratch){0};
}

static const float luma[3] = {0.299f, 0.587f, 0.114f};

// The part of the image that a crop sees, averaged over blocks of k x k pixels, as normalised
// floats within a ring of zeros. Pixels are `stride` floats apart: 1 for grey, 4 for colour.
typedef struct {
  // In blocks, without the ring.
  int64_t left, top, width, height;
  int64_t block;
  int64_t stride, row;
  float *pixels;
} patch;

// One pixel of the crop's channels from the sums of the image's channels, gain and offset applied.
// The number of channels on both sides is known where this is inlined.
__attribute__((always_inline)) static inline void
normalize(const ik_crop *crop, int64_t from, int64_t to, const float *b, float offset_share,
          float *out) {
  if (to == 1) {
    const float grey = from == 1 ? b[0] : luma[0] * b[0] + luma[1] * b[1] + luma[2] * b[2];
    out[0] = crop->gain[0] * grey + crop->offset[0] * offset_share;
  } else {
    for (int64_t c = 0; c < 3; c++)
      out[c] = crop->gain[c] * b[from == 1 ? 0 : c] + crop->offset[c] * offset_share;
    out[3] = 0;
  }
}

__attribute__((always_inline)) static inline void
convert_row(const ik_crop *crop, int64_t from, int64_t to, const uint8_t *bytes, int64_t count,
            float *out) {
  const ik_crop local = *crop;
  for (int64_t x = 0; x < count; x++) {
    float b[3];
    for (int64_t c = 0; c < from; c++) b[c] = bytes[from * x + c];
    normalize(&local, from, to, b, 1, out + (to == 1 ? 1 : 4) * x);
  }
}

// `sums` are those of rows of blocks, for each column of the image.
__attribute__((always_inline)) static inline void
average_row(const ik_crop *crop, int64_t from, int64_t to, const uint32_t *sums, int64_t columns,
            int64_t block, int64_t rows, float *out) {
  const float share = 1 / ((float)block * (float)block);
  for (int64_t x = 0; x < columns; x += block) {
    const int64_t count = columns - x < block ? columns - x : block;
    uint64_t total[3] = {0, 0, 0};
    for (int64_t i = 0; i < count; i++)
      for (int64_t c = 0; c < from; c++) total[c] += sums[from * (x + i) + c];
    float b[3];
    for (int64_t c = 0; c < from; c++) b[c] = (float)total[c] * share;
    // A block that reaches beyond the image is filled up with zeros, as the ring is.
    normalize(crop, from, to, b, (float)(count * rows) * share, out);
    out += to == 1 ? 1 : 4;
  }
}

static void fill(const ik_image *image, const ik_crop *crop, const patch *p, uint32_t *sums) {
  const int64_t from = image->channels, to = crop->channels, k = p->block;
  const int64_t x0 = p->left * k;
  const int64_t x1 = (p->left + p->width) * k < image->width ? (p->left + p->width) * k
                                                             : image->width;
  const int64_t columns = x1 - x0, bytes = columns * from;
  memset(p->pixels, 0, sizeof(float) * (size_t)p->row);
  memset(p->pixels + (p->height + 1) * p->row, 0, sizeof(float) * (size_t)p->row);
  for (int64_t row = 0; row < p->height; row++) {
    float *out = p->pixels + (row + 1) * p->row;
    memset(out, 0, sizeof(float) * (size_t)p->stride);
    memset(out + (p->width + 1) * p->stride, 0, sizeof(float) * (size_t)p->stride);
    out += p->stride;
    const int64_t y0 = (p->top + row) * k;
    const uint8_t *in = image->bytes + (y0 * image->width + x0) * from;
    if (k == 1) {
      if (from == 1 && to == 1) convert_row(crop, 1, 1, in, columns, out);
      else if (from == 1) convert_row(crop, 1, 3, in, columns, out);
      else if (to == 1) convert_row(crop, 3, 1, in, columns, out);
      else convert_row(crop, 3, 3, in, columns, out);
      continue;
    }
    const int64_t rows = image->height - y0 < k ? image->height - y0 : k;
    memset(sums, 0, sizeof(uint32_t) * (size_t)bytes);
    for (int64_t y = 0; y < rows; y++, in += image->width * from)
      for (int64_t i = 0; i < bytes; i++) sums[i] += in[i];
    if (from == 1 && to == 1) average_row(crop, 1, 1, sums, columns, k, rows, out);
    else if (from == 1) average_row(crop, 1, 3, sums, columns, k, rows, out);
    else if (to == 1) average_row(crop, 3, 1, sums, columns, k, rows, out);
    else average_row(crop, 3, 3, sums, columns, k, rows, out);
  }
}

// The whole numbers of 0 ... limit around two bounds, which may be anything.
static int64_t clamped(double x, int64_t limit) {
  return x > 0 ? (x < (double)limit ? (int64_t)x : limit) : 0;
}

// Where the crop's pixels lie: in blocks of the patch, 0 at the centre of the ring's first pixel.
typedef struct {
  double x, y, dx, dy;
} line;

static line line_of(const ik_crop *crop, const patch *p, int64_t row) {
  const double *m = crop->map, k = (double)p->block, v = (double)row + 0.5;
  return (line){.x = (m[0] * 0.5 + m[1] * v + m[2]) / k + 0.5 - (double)p->left,
                .y = (m[3] * 0.5 + m[4] * v + m[5]) / k + 0.5 - (double)p->top,
                .dx = m[0] / k,
                .dy = m[3] / k};
}

// Narrows first <= i < last to where 0 <= start + i step < end, give or take one.
static void narrow(double start, double step, double end, double *first, double *last) {
  if (step == 0) {
    if (!(start >= 0 && start < end)) *last = *first;
    return;
  }
  const double a = -start / step, b = (end - start) / step;
  const double lower = a < b ? a : b, upper = a < b ? b : a;
  if (!(lower - 1 <= *first)) *first = floor(lower) - 1 < *last ? floor(lower) - 1 : *last;
  if (!(upper + 2 >= *last)) *last = floor(upper) + 2 > *first ? floor(upper) + 2 : *first;
}

static bool is_within(const line *l, const patch *p, int64_t i) {
  const double x = l->x + (double)i * l->dx, y = l->y + (double)i * l->dy;
  return x >= 0 && y >= 0 && x < (double)(p->width + 1) && y < (double)(p->height + 1);
}

static const double one = 4294967296.0;

typedef float float4 __attribute__((ext_vector_type(4)));
typedef float float4_unaligned __attribute__((ext_vector_type(4), aligned(4)));

static float fraction(int64_t fixed) { return (float)(int32_t)((uint32_t)fixed >> 8) * 0x1p-24f; }

// Pixels first ... last - 1 of a row. Positions are kept in units of 2^-32 pixels, so that one that
// was found to be inside of the ring stays so.
__attribute__((always_inline)) static inline void
sample_row(const patch *p, const line *l, int64_t channels, int64_t first, int64_t last,
           float *out, int64_t step) {
  int64_t x = (int64_t)((l->x + (double)first * l->dx) * one);
  int64_t y = (int64_t)((l->y + (double)first * l->dy) * one);
  // With a single pixel the steps may be too long for the format, and are not used.
  const int64_t dx = last - first > 1 ? (int64_t)(l->dx * one) : 0;
  const int64_t dy = last - first > 1 ? (int64_t)(l->dy * one) : 0;
  const uint64_t width = (uint64_t)(p->width + 1) << 32, height = (uint64_t)(p->height + 1) << 32;
  while (last - first > 1 && ((uint64_t)(x + (last - first - 1) * dx) >= width ||
                              (uint64_t)(y + (last - first - 1) * dy) >= height))
    last--;
  const float *pixels = p->pixels;
  const int64_t row = p->row;
  for (int64_t i = first; i < last; i++, x += dx, y += dy, out += step) {
    const float fx = fraction(x), fy = fraction(y);
    if (channels == 1) {
      const float *t = pixels + (y >> 32) * row + (x >> 32), *b = t + row;
      const float top = t[0] + fx * (t[1] - t[0]), bottom = b[0] + fx * (b[1] - b[0]);
      out[0] = top + fy * (bottom - top);
    } else {
      const float *t = pixels + (y >> 32) * row + (x >> 32) * 4, *b = t + row;
      const float4 t0 = *(const float4_unaligned *)t, t1 = *(const float4_unaligned *)(t + 4);
      const float4 b0 = *(const float4_unaligned *)b, b1 = *(const float4_unaligned *)(b + 4);
      const float4 top = t0 + fx * (t1 - t0), bottom = b0 + fx * (b1 - b0);
      const float4 v = top + fy * (bottom - top);
      out[0] = v.x;
      out[1] = v.y;
      out[2] = v.z;
    }
  }
}

bool ik_warp(const ik_image *image, const ik_crop *crop, ik_scratch *scratch, float *out) {
  const double *m = crop->map;
  const double width = (double)crop->width, height = (double)crop->height;
  patch p = {.stride = crop->channels == 1 ? 1 : 4};
  // Sums of a block's bytes stay below 2^32.
  const double reduction = sqrt(fabs(m[0] * m[4] - m[1] * m[3]));
  p.block = reduction > 1.5 ? (reduction < 4096 ? (int64_t)floor(reduction + 0.5) : 4096) : 1;
  const double k = (double)p.block;

  // The crop's bounds in the image, with room for the neighbours of its outermost samples.
  double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
  for (int corner = 0; corner < 4; corner++) {
    const double u = corner & 1 ? width : 0, v = corner & 2 ? height : 0;
    const double x = m[0] * u + m[1] * v + m[2], y = m[3] * u + m[4] * v + m[5];
    x0 = fmin(x0, x);
    x1 = fmax(x1, x);
    y0 = fmin(y0, y);
    y1 = fmax(y1, y);
  }
  const int64_t blocks_x = (image->width + p.block - 1) / p.block;
  const int64_t blocks_y = (image->height + p.block - 1) / p.block;
  p.left = clamped(x0 / k - 2, blocks_x);
  p.top = clamped(y0 / k - 2, blocks_y);
  p.width = clamped(x1 / k + 3, blocks_x) - p.left;
  p.height = clamped(y1 / k + 3, blocks_y) - p.top;
  const size_t row_floats = (size_t)(crop->width * crop->channels);
  if (p.width <= 0 || p.height <= 0) {
    memset(out, 0, sizeof(float) * row_floats * (size_t)crop->height);
    return true;
  }
  p.row = (p.width + 2) * p.stride;
  const size_t floats = (size_t)(p.row * (p.height + 2));
  const size_t sums = p.block > 1 ? (size_t)(p.width * p.block * image->channels) : 0;
  p.pixels = room(scratch, sizeof(float) * (floats + sums));
  if (!p.pixels) return false;
  fill(image, crop, &p, (uint32_t *)(p.pixels + floats));

  const int64_t channels = crop->channels;
  for (int64_t v = 0; v < crop->height; v++) {
    float *row = out + row_floats * (size_t)v;
    const line l = line_of(crop, &p, v);
    double from = 0, to = width;
    narrow(l.x, l.dx, (double)(p.width + 1), &from, &to);
    narrow(l.y, l.dy, (double)(p.height + 1), &from, &to);
    int64_t first = clamped(from, crop->width), last = clamped(to, crop->width);
    while (first < last && !is_within(&l, &p, first)) first++;
    while (first < last && !is_within(&l, &p, last - 1)) last--;
    if (last - first < crop->width) memset(row, 0, sizeof(float) * row_floats);
    if (first >= last) continue;
    const int64_t step = crop->mirrored ? -channels : channels;
    float *start = row + (crop->mirrored ? crop->width - 1 - first : first) * channels;
    if (channels == 1) sample_row(&p, &l, 1, first, last, start, crop->mirrored ? -1 : 1);
    else sample_row(&p, &l, 3, first, last, start, step);
  }
  return true;
}

bool ik_blur(float *pixels, int64_t width, int64_t height, int64_t channels, double sigma,
             ik_scratch *scratch) {
  const int64_t radius = (int64_t)ceil(3 * sigma), row = width * channels;
  if (!(sigma > 0)) return true;
  const int64_t padded = row + 2 * radius * channels;
  const size_t floats = (size_t)(2 * radius + 1 + padded + row * height);
  float *weights = room(scratch, sizeof(float) * floats);
  if (!weights) return false;
  float *line = weights + 2 * radius + 1, *copy = line + padded;
  double total = 0;
  for (int64_t i = -radius; i <= radius; i++)
    total += exp(-0.5 * (double)(i * i) / (sigma * sigma));
  for (int64_t i = -radius; i <= radius; i++)
    weights[i + radius] = (float)(exp(-0.5 * (double)(i * i) / (sigma * sigma)) / total);
  memset(line, 0, sizeof(float) * (size_t)padded);
  for (int64_t y = 0; y < height; y++) {
    memcpy(line + radius * channels, pixels + y * row, sizeof(float) * (size_t)row);
    float *to = copy + y * row;
    memset(to, 0, sizeof(float) * (size_t)row);
    for (int64_t i = 0; i <= 2 * radius; i++) {
      const float w = weights[i], *from = line + i * channels;
      for (int64_t x = 0; x < row; x++) to[x] += w * from[x];
    }
  }
  for (int64_t y = 0; y < height; y++) {
    float *to = pixels + y * row;
    memset(to, 0, sizeof(float) * (size_t)row);
    for (int64_t i = -radius; i <= radius; i++) {
      if (y + i < 0 || y + i >= height) continue;
      const float w = weights[i + radius], *from = copy + (y + i) * row;
      for (int64_t x = 0; x < row; x++) to[x] += w * from[x];
    }
  }
  return true;
}
