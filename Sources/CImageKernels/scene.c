// The body is a depth buffer at twice the picture's resolution; background and flat shapes have
// edges of known distance and are drawn at the picture's own. No libm but for square roots, and no
// contraction.
#include "CImageKernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF
// Where sanitizers keep a loop from being vectorised, it is right all the same.
#pragma clang diagnostic ignored "-Wpass-failed"

#define FAR 1e30f

typedef struct {
  int side, channels;
  float *planes;
} canvas;

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }
static float unit(float x) { return smaller(larger(x, 0), 1); }
static float dot(scene_vector a, scene_vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static scene_vector plus(scene_vector a, scene_vector b, float t) {
  return (scene_vector){a.x + b.x * t, a.y + b.y * t, a.z + b.z * t};
}
static int whole(float x) {
  x = smaller(larger(x, -1e6f), 1e6f);
  const int i = (int)x;
  return i - ((float)i > x);
}

// A colour as the canvas has it: grey is ITU-R BT.601.
static void tone(scene_vector c, int channels, float out[3]) {
  out[0] = channels == 1 ? 0.299f * c.x + 0.587f * c.y + 0.114f * c.z : c.x;
  out[1] = c.y;
  out[2] = c.z;
}

// MARK: - Noise and patterns

static uint32_t hash(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

static float lattice(int x, int y, uint32_t seed) {
  const uint32_t h = hash((uint32_t)x * 0x9e3779b1u ^ hash((uint32_t)y * 0x85ebca77u + seed));
  return (float)(h >> 8) * 0x1p-24f;
}

static float ease(float t) { return t * t * (3 - 2 * t); }

static float value_noise(float u, float v, uint32_t seed) {
  const int i = whole(u), j = whole(v);
  const float s = ease(unit(u - (float)i)), t = ease(unit(v - (float)j));
  const float a = lattice(i, j, seed), b = lattice(i + 1, j, seed);
  const float c = lattice(i, j + 1, seed), d = lattice(i + 1, j + 1, seed);
  const float top = a + (b - a) * s, bottom = c + (d - c) * s;
  return top + (bottom - top) * t;
}

// The share of the other colour in a stripe: edges a tenth of a period wide.
static float stripe(float u, float duty) {
  const float phase = u - (float)whole(u);
  const float distance = phase < 0.5f ? 0.5f - phase : phase - 0.5f;
  return unit((0.5f * duty - distance) * 10 + 0.5f);
}

static float pattern_share(const scene_material *m, float u, float v) {
  switch (m->pattern) {
  case SCENE_STRIPES: return stripe(u, m->duty);
  case SCENE_CHECKS: return 0.5f * (stripe(u, m->duty) + stripe(v, m->duty));
  case SCENE_NOISE: return unit((value_noise(u, v, m->seed) - 1 + m->duty) * 4 + 0.5f);
  default: return 0;
  }
}

// MARK: - Background and flat shapes

// A row of the lattice, laid over all columns.
static void lattice_row(float *row, int side, float step, int j, uint32_t seed) {
  int last = -1;
  float a = 0, b = 0;
  for (int x = 0; x < side; x++) {
    const float u = ((float)x + 0.5f) * step;
    const int i = (int)u;
    if (i != last) {
      a = i == last + 1 && last >= 0 ? b : lattice(i, j, seed);
      b = lattice(i + 1, j, seed);
      last = i;
    }
    row[x] = a + (b - a) * ease(u - (float)i);
  }
}

// One octave of value noise; `rows` has room for 2 side numbers.
static void add_octave(float *noise, int side, float cells, float amplitude, uint32_t seed,
                       float *rows) {
  float *upper = rows, *lower = rows + side;
  const float step = cells / (float)side;
  int known = -2;
  for (int y = 0; y < side; y++) {
    const float v = ((float)y + 0.5f) * step;
    const int j = (int)v;
    if (j != known) {
      if (j == known + 1) {
        float *old = upper;
        upper = lower;
        lower = old;
      } else {
        lattice_row(upper, side, step, j, seed);
      }
      lattice_row(lower, side, step, j + 1, seed);
      known = j;
    }
    const float t = ease(v - (float)j);
    for (int x = 0; x < side; x++)
      noise[y * side + x] += amplitude * (upper[x] + (lower[x] - upper[x]) * t - 0.5f);
  }
}

// `scratch` has room for side * (side + 2) numbers.
static void draw_background(const scene_view *view, canvas c, float *scratch) {
  const int side = c.side, n = side * side;
  float *noise = scratch;
  memset(noise, 0, sizeof(float) * (size_t)n);
  float amplitude = 1, cells = view->noise_cells;
  for (int octave = 0; octave < 5 && cells <= 0.5f * (float)side; octave++) {
    add_octave(noise, side, cells, amplitude, hash(view->noise_seed + (uint32_t)octave),
               scratch + n);
    amplitude *= view->persistence;
    cells *= 2.03f;
  }
  float corner[4][3], color[3];
  for (int k = 0; k < 4; k++) tone(view->corner[k], c.channels, corner[k]);
  tone(view->noise_color, c.channels, color);
  for (int channel = 0; channel < c.channels; channel++) {
    float *plane = c.planes + channel * n;
    const float strength = view->noise * color[channel];
    for (int y = 0; y < side; y++) {
      const float t = ((float)y + 0.5f) / (float)side;
      const float left = corner[0][channel] + (corner[2][channel] - corner[0][channel]) * t;
      const float right = corner[1][channel] + (corner[3][channel] - corner[1][channel]) * t;
      const float slope = (right - left) / (float)side;
      for (int x = 0; x < side; x++)
        plane[y * side + x] =
            unit(left + slope * ((float)x + 0.5f) + strength * noise[y * side + x]);
    }
  }
}

// `covered`, where not null, becomes 1 where a shape covers more than half of a pixel.
static void draw_shape(const scene_shape *shape, canvas c, uint8_t *covered) {
  const int side = c.side, n = side * side;
  const float scale = (float)side;
  const float cosine = shape->cosine, sine = shape->sine;
  const float hx = larger(shape->hx * scale, 0.3f), hy = larger(shape->hy * scale, 0.3f);
  const float soft = larger(shape->softness * scale, 1);
  const float reach_x = shape->kind == SCENE_CAPSULE ? hx + hy : hx;
  const float wide = fabsf(cosine) * reach_x + fabsf(sine) * hy + soft;
  const float high = fabsf(sine) * reach_x + fabsf(cosine) * hy + soft;
  const float mx = shape->x * scale, my = shape->y * scale;
  const int x0 = whole(larger(mx - wide, 0)), x1 = whole(smaller(mx + wide, scale - 1));
  const int y0 = whole(larger(my - high, 0)), y1 = whole(smaller(my + high, scale - 1));
  float colors[2][3];
  tone(shape->material.color, c.channels, colors[0]);
  tone(shape->material.other, c.channels, colors[1]);
  const float frequency = shape->frequency / scale, per_soft = 1 / soft;
  for (int y = y0; y <= y1; y++)
    for (int x = x0; x <= x1; x++) {
      const float dx = (float)x + 0.5f - mx, dy = (float)y + 0.5f - my;
      const float u = cosine * dx + sine * dy, v = cosine * dy - sine * dx;
      const float au = fabsf(u), av = fabsf(v);
      float distance, edge;
      if (shape->kind == SCENE_BOX) {
        distance = larger(au - hx, av - hy);
        edge = larger(au / hx, av / hy);
      } else if (shape->kind == SCENE_ELLIPSE) {
        const float r = sqrtf(u * u / (hx * hx) + v * v / (hy * hy));
        distance = (r - 1) * smaller(hx, hy);
        edge = r;
      } else {
        const float beyond = larger(au - hx, 0);
        const float r = sqrtf(beyond * beyond + v * v);
        distance = r - hy;
        edge = r / hy;
      }
      const float share = unit(0.5f - distance * per_soft);
      if (share <= 0) continue;
      edge = unit(edge);
      const float light = 1 - shape->shading * edge * edge;
      const float mix = pattern_share(&shape->material, u * frequency, v * frequency);
      const float opacity = share * shape->opacity;
      for (int channel = 0; channel < c.channels; channel++) {
        float *p = c.planes + channel * n + y * side + x;
        const float color =
            (colors[0][channel] + (colors[1][channel] - colors[0][channel]) * mix) * light;
        *p += (color - *p) * opacity;
      }
      if (covered && opacity > 0.5f) covered[y * side + x] = 1;
    }
}

// MARK: - Limbs

// Coordinates in which a limb is round: flat directions are stretched.
typedef struct {
  // The camera, the axis and directions of rays at a pixel's centre and per pixel of a row.
  scene_vector origin, axis;
  float length, sine, cosine_squared;
  float ra, rb;
  int has_cone;
} frame;

static scene_vector stretched(const scene_limb *limb, scene_vector p) {
  return plus(p, limb->flat, (1 / limb->flatness - 1) * dot(limb->flat, p));
}

static frame frame_of(const scene_limb *limb) {
  const scene_vector a = stretched(limb, limb->a), b = stretched(limb, limb->b);
  const scene_vector along = plus(b, a, -1);
  frame f = {.origin = {-a.x, -a.y, -a.z}, .axis = {0, 0, 1}, .ra = limb->ra, .rb = limb->rb};
  f.length = sqrtf(dot(along, along));
  if (f.length > 1e-6f)
    f.axis =
        (scene_vector){along.x / f.length, along.y / f.length, along.z / f.length};
  // One sphere within the other has no cone.
  f.has_cone = f.length > fabsf(f.ra - f.rb) * 1.001f + 1e-6f;
  f.sine = f.has_cone ? (f.ra - f.rb) / f.length : 0;
  f.cosine_squared = 1 - f.sine * f.sine;
  return f;
}

// Depths where rays enter, FAR where they miss. The surface of the cone is
// rho cos(alpha) + y sin(alpha) = ra with sin(alpha) = (ra - rb) / length, for points at height y
// of the axis and distance rho from it. C / (sqrt(B² - A C) - B) is the root in front of the camera
// without loss of digits, and finite where A vanishes.
static void enter(const frame *f, scene_vector first, scene_vector step, int count,
                  float *restrict depth, int32_t *restrict limbs, int32_t index) {
  const scene_vector o = f->origin;
  const float oy = dot(o, f->axis), oo = dot(o, o), s = f->sine, cc = f->cosine_squared;
  const float ca = oo - f->ra * f->ra;
  const float cb = oo - 2 * f->length * oy + f->length * f->length - f->rb * f->rb;
  const float cone = cc * oo - oy * oy + 2 * f->ra * s * oy - f->ra * f->ra;
  const float low = f->ra * s, high = f->has_cone ? f->length + f->rb * s : -FAR;
#pragma clang loop vectorize_width(4) interleave_count(1)
  for (int x = 0; x < count; x++) {
    const scene_vector d = {first.x + step.x * (float)x, first.y + step.y * (float)x,
                            first.z + step.z * (float)x};
    const float dd = dot(d, d), od = dot(o, d), dy = dot(d, f->axis);
    const float disc_a = od * od - dd * ca;
    const float root_a = ca / (sqrtf(larger(disc_a, 0)) - od);
    const float bb = od - f->length * dy, disc_b = bb * bb - dd * cb;
    const float root_b = cb / (sqrtf(larger(disc_b, 0)) - bb);
    const float aa = cc * dd - dy * dy, b = cc * od - oy * dy + f->ra * s * dy;
    const float disc = b * b - aa * cone, below = sqrtf(larger(disc, 0)) - b;
    const float root = cone / larger(below, 1e-20f);
    const float y = oy + root * dy;
    float nearest = depth[x];
    int hit = 0;
    const int on_a = (disc_a > 0) & (root_a > 0) & (root_a < nearest);
    nearest = on_a ? root_a : nearest;
    const int on_b = (disc_b > 0) & (root_b > 0) & (root_b < nearest);
    nearest = on_b ? root_b : nearest;
    const int on_cone =
        (disc > 0) & (below > 0) & (root > 0) & (y > low) & (y < high) & (root < nearest);
    nearest = on_cone ? root : nearest;
    hit = on_a | on_b | on_cone;
    depth[x] = nearest;
    limbs[x] = hit ? index : limbs[x];
  }
}

// Bounds of a sphere's picture in rays of a picture `wide` across, a little too large.
static void bound(const scene_view *view, scene_vector c, float r, int wide, float box[4]) {
  const float nearest = larger(c.z - r, 0.05f), farthest = c.z + r;
  const float per_ray = (float)wide / view->extent;
  const float left = view->center_x - 0.5f * view->extent;
  const float top = view->center_y - 0.5f * view->extent;
  box[0] = (smaller((c.x - r) / nearest, (c.x - r) / farthest) - left) * per_ray - 1;
  box[1] = (larger((c.x + r) / nearest, (c.x + r) / farthest) - left) * per_ray + 1;
  box[2] = (smaller((c.y - r) / nearest, (c.y - r) / farthest) - top) * per_ray - 1;
  box[3] = (larger((c.y + r) / nearest, (c.y + r) / farthest) - top) * per_ray + 1;
}

// Cuts an interval of t to where low + t change <= 0.
static void cut(float low, float change, float *from, float *to) {
  if (change > 0)
    *to = smaller(*to, -low / change);
  else if (change < 0)
    *from = larger(*from, -low / change);
  else if (low > 0)
    *to = -1;
}

// `depth` and `limbs` are [2 side, 2 side].
static void draw_limb(const scene_view *view, const scene_limb *limb, int32_t index, float *depth,
                      int32_t *limbs) {
  if (smaller(limb->a.z, limb->b.z) < 0.1f) return;
  const int wide = 2 * view->side;
  const float pixel = view->extent / (float)wide, last = (float)wide - 1;
  const float left = view->center_x - 0.5f * view->extent;
  const float top = view->center_y - 0.5f * view->extent;
  const float swell = larger(limb->flatness, 1);
  float a[4], b[4];
  bound(view, limb->a, limb->ra * swell, wide, a);
  bound(view, limb->b, limb->rb * swell, wide, b);
  const int y0 = whole(larger(smaller(a[2], b[2]), 0));
  const int y1 = whole(smaller(larger(a[3], b[3]), last));
  const frame f = frame_of(limb);
  // Rays are linear in x, and so are they after stretching.
  const scene_vector step = stretched(limb, (scene_vector){pixel, 0, 0});
  for (int y = y0; y <= y1; y++) {
    // The hull of two boxes is all boxes between them; those that this row meets.
    const float v = (float)y + 0.5f;
    float from = 0, to = 1;
    cut(a[2] - v, b[2] - a[2], &from, &to);
    cut(v - a[3], a[3] - b[3], &from, &to);
    if (from > to) continue;
    const float low = smaller(a[0] + (b[0] - a[0]) * from, a[0] + (b[0] - a[0]) * to);
    const float high = larger(a[1] + (b[1] - a[1]) * from, a[1] + (b[1] - a[1]) * to);
    const int x0 = whole(larger(low, 0)), x1 = whole(smaller(high, last));
    if (x1 < x0) continue;
    const scene_vector first = stretched(
        limb, (scene_vector){left + ((float)x0 + 0.5f) * pixel, top + v * pixel, 1});
    enter(&f, first, step, x1 - x0 + 1, depth + y * wide + x0, limbs + y * wide + x0, index);
  }
}

typedef struct {
  frame frame;
  float colors[2][2][3];
} shaded_limb;

static scene_vector normal_at(const scene_limb *limb, const frame *f, scene_vector p) {
  const scene_vector q = plus(stretched(limb, p), f->origin, 1);
  const float y = dot(q, f->axis);
  scene_vector n;
  if (f->has_cone && y > f->ra * f->sine && y < f->length + f->rb * f->sine) {
    const scene_vector radial = plus(q, f->axis, -y);
    const float rho = sqrtf(larger(dot(radial, radial), 1e-12f));
    const float t = sqrtf(f->cosine_squared) / rho;
    n = (scene_vector){radial.x * t + f->axis.x * f->sine, radial.y * t + f->axis.y * f->sine,
                       radial.z * t + f->axis.z * f->sine};
  } else {
    // The sphere that the point is on: the one whose surface is nearer.
    const scene_vector e = plus(q, f->axis, -f->length);
    const float from_a = fabsf(dot(q, q) - f->ra * f->ra);
    const float from_b = fabsf(dot(e, e) - f->rb * f->rb);
    n = from_a < from_b ? q : e;
  }
  // Normals go by the transposed inverse; the stretch is symmetric.
  n = stretched(limb, n);
  const float size = sqrtf(larger(dot(n, n), 1e-12f));
  return (scene_vector){n.x / size, n.y / size, n.z / size};
}

static void shade(const scene_view *view, const scene_limb *limb, const shaded_limb *prepared,
                  const scene_material *materials, scene_vector p, int channels, float out[3]) {
  const scene_vector n = normal_at(limb, &prepared->frame, p);
  const int other = dot(limb->split, p) > limb->split_at;
  const scene_material *m = materials + (other ? limb->other : limb->material);
  const float u = dot(limb->wave_u, p) + limb->phase_u;
  const float v = dot(limb->wave_v, p) + limb->phase_v;
  float light = view->ambient * (1 - 0.25f * n.y) + view->diffuse * larger(dot(n, view->light), 0);
  if (m->wrinkle > 0)
    light *= 1 + m->wrinkle * (value_noise(u * 1.7f, v * 0.9f, m->seed ^ 0x51u) - 0.5f);
  const float mix = pattern_share(m, u, v);
  for (int channel = 0; channel < channels; channel++) {
    const float a = prepared->colors[other][0][channel], b = prepared->colors[other][1][channel];
    out[channel] += unit((a + (b - a) * mix) * light);
  }
}

// Replaces background by the body, one quarter of a pixel for each of its four rays.
static void draw_body(const scene_view *view, const scene_limb *limbs, int count,
                      const scene_material *materials, const float *depth, const int32_t *seen,
                      shaded_limb *prepared, canvas c) {
  const int side = c.side, wide = 2 * side, n = side * side;
  for (int i = 0; i < count; i++) {
    prepared[i].frame = frame_of(limbs + i);
    for (int k = 0; k < 2; k++) {
      const scene_material *m = materials + (k ? limbs[i].other : limbs[i].material);
      tone(m->color, c.channels, prepared[i].colors[k][0]);
      tone(m->other, c.channels, prepared[i].colors[k][1]);
    }
  }
  const float pixel = view->extent / (float)wide;
  const float left = view->center_x - 0.5f * view->extent;
  const float top = view->center_y - 0.5f * view->extent;
  for (int y = 0; y < side; y++)
    for (int x = 0; x < side; x++) {
      float sum[3] = {0, 0, 0};
      int rays = 0;
      const int at = 2 * y * wide + 2 * x;
      // Within a limb two rays on a diagonal say as much as four.
      const int one = seen[at] == seen[at + 1] && seen[at] == seen[at + wide] &&
                      seen[at] == seen[at + wide + 1];
      for (int k = 0; k < 4; k++) {
        const int sx = 2 * x + (k & 1), sy = 2 * y + (k >> 1);
        const int32_t index = seen[sy * wide + sx];
        if (index < 0) continue;
        rays++;
        if (one && (k == 1 || k == 2)) continue;
        const float z = depth[sy * wide + sx];
        const scene_vector p = {(left + ((float)sx + 0.5f) * pixel) * z,
                                (top + ((float)sy + 0.5f) * pixel) * z, z};
        shade(view, limbs + index, prepared + index, materials, p, c.channels, sum);
      }
      if (rays == 0) continue;
      for (int channel = 0; channel < c.channels; channel++) {
        float *out = c.planes + channel * n + y * side + x;
        *out = *out * (float)(4 - rays) * 0.25f + sum[channel] * (one ? 0.5f : 0.25f);
      }
    }
}

// MARK: - The lens and the sensor

static int held(int i, int side) { return i < 0 ? 0 : i >= side ? side - 1 : i; }

// Weights (1 - (d / r)²)² along rows, then along columns; `row` has room for 3 side numbers.
static void soften(float *plane, int side, float radius, float *row) {
  enum { most = 15 };
  float weights[2 * most + 1], total = 0;
  const int reach = whole(smaller(radius, most));
  for (int d = -reach; d <= reach; d++) {
    const float share = 1 - (float)(d * d) / (radius * radius);
    weights[d + reach] = share > 0 ? share * share : 0;
    total += weights[d + reach];
  }
  for (int pass = 0; pass < 2; pass++) {
    const int along = pass ? side : 1, across = pass ? 1 : side;
    for (int line = 0; line < side; line++) {
      float *start = plane + line * across;
      for (int i = -most; i < side + most; i++) row[i + most] = start[held(i, side) * along];
      for (int i = 0; i < side; i++) {
        float sum = 0;
        for (int d = -reach; d <= reach; d++) sum += weights[d + reach] * row[i + d + most];
        start[i * along] = sum / total;
      }
    }
  }
}

// The mean along a straight line, in steps of at most half a pixel.
static void smear(const float *plane, float *out, int side, float mx, float my) {
  const float size = larger(fabsf(mx), fabsf(my));
  const int steps = whole(smaller(size * 2, 24)) + 2;
  memset(out, 0, sizeof(float) * (size_t)(side * side));
  for (int k = 0; k < steps; k++) {
    const float t = (float)k / (float)(steps - 1) - 0.5f;
    const int ox = whole(mx * t), oy = whole(my * t);
    const float s = mx * t - (float)ox, r = my * t - (float)oy, share = 1 / (float)steps;
    for (int y = 0; y < side; y++) {
      const float *upper = plane + held(y + oy, side) * side;
      const float *lower = plane + held(y + oy + 1, side) * side;
      for (int x = 0; x < side; x++) {
        const int i = held(x + ox, side), j = held(x + ox + 1, side);
        const float a = upper[i] + (upper[j] - upper[i]) * s;
        const float b = lower[i] + (lower[j] - lower[i]) * s;
        out[y * side + x] += share * (a + (b - a) * r);
      }
    }
  }
}

// Contrast, noise (the sum of four bytes, close to normal) and rounding.
static void develop(const scene_view *view, canvas c, uint8_t *image) {
  const int n = c.side * c.side;
  // The sum of four bytes has this deviation.
  const float grain = view->grain / 147.79f;
  for (int channel = 0; channel < c.channels; channel++) {
    const float *plane = c.planes + channel * n;
    for (int i = 0; i < n; i++) {
      const uint32_t h = hash(view->grain_seed + (uint32_t)(i * c.channels + channel));
      const int bytes = (int)(h & 255) + (int)(h >> 8 & 255) + (int)(h >> 16 & 255) + (int)(h >> 24);
      const float v = (plane[i] - 0.5f) * view->contrast + 0.5f + view->offset +
                      grain * ((float)bytes - 510);
      image[i * c.channels + channel] = (uint8_t)(unit(v) * 255 + 0.5f);
    }
  }
}

static void look(const scene_view *view, const scene_limb *limbs, const float *depth,
                 const int32_t *seen, const uint8_t *covered, scene_joint *joint) {
  const int side = view->side, wide = 2 * side;
  const int x = whole(joint->x * 2), y = whole(joint->y * 2);
  joint->visible = 0;
  joint->seen = -1;
  if (x < 0 || y < 0 || x >= wide || y >= wide) return;
  joint->seen = 0;
  if (covered[y / 2 * side + x / 2]) return;
  const int32_t index = seen[y * wide + x];
  joint->seen = index < 0 ? 0 : limbs[index].id;
  joint->visible = index < 0 || depth[y * wide + x] >= joint->depth - joint->margin;
}

int32_t scene_render(const scene_view *view, const scene_material *materials,
                     const scene_limb *limbs, int32_t limb_count, const scene_shape *behind,
                     int32_t behind_count, const scene_shape *front, int32_t front_count,
                     scene_joint *joints, int32_t joint_count, uint8_t *image, uint8_t *ids) {
  const int side = view->side, channels = view->channels, n = side * side;
  const size_t numbers = (size_t)n * (size_t)(channels + 1) + 2 * (size_t)side + 64 + 4 * (size_t)n;
  const size_t bytes = sizeof(float) * numbers + sizeof(int32_t) * 4 * (size_t)n +
                       sizeof(shaded_limb) * (size_t)limb_count + (size_t)n;
  float *planes = malloc(bytes);
  if (!planes) return -1;
  float *scratch = planes + n * channels, *depth = scratch + n + 2 * side + 64;
  int32_t *seen = (int32_t *)(depth + 4 * n);
  shaded_limb *prepared = (shaded_limb *)(seen + 4 * n);
  uint8_t *covered = (uint8_t *)(prepared + limb_count);
  const canvas c = {side, channels, planes};
  for (int i = 0; i < 4 * n; i++) depth[i] = FAR;
  for (int i = 0; i < 4 * n; i++) seen[i] = -1;
  memset(covered, 0, (size_t)n);

  draw_background(view, c, scratch);
  for (int i = 0; i < behind_count; i++) draw_shape(behind + i, c, NULL);
  for (int i = 0; i < limb_count; i++) draw_limb(view, limbs + i, i, depth, seen);
  draw_body(view, limbs, limb_count, materials, depth, seen, prepared, c);
  for (int i = 0; i < front_count; i++) draw_shape(front + i, c, covered);
  for (int i = 0; i < joint_count; i++) look(view, limbs, depth, seen, covered, joints + i);
  if (ids)
    for (int y = 0; y < 2 * side; y++)
      for (int x = 0; x < 2 * side; x++) {
        const int32_t index = seen[y * 2 * side + x];
        ids[y * 2 * side + x] =
            covered[y / 2 * side + x / 2] || index < 0 ? 0 : (uint8_t)limbs[index].id;
      }
  for (int channel = 0; channel < channels; channel++) {
    float *plane = planes + channel * n;
    if (view->blur > 1) soften(plane, side, view->blur, scratch);
    if (view->motion_x != 0 || view->motion_y != 0) {
      smear(plane, scratch, side, view->motion_x, view->motion_y);
      memcpy(plane, scratch, sizeof(float) * (size_t)n);
    }
  }
  develop(view, c, image);
  free(planes);
  return 0;
}
