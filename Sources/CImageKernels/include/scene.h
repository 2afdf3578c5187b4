// Pictures of bodies made of rounded cones, before a background and behind occluders. All
// arithmetic is float with separate roundings, comparisons and square roots, so that the same scene
// gives the same bytes on every platform. Colours are 0 … 1 as displayed.
#ifndef C_IMAGE_SCENE_H
#define C_IMAGE_SCENE_H

#include <stdint.h>

typedef struct {
  float x, y, z;
} scene_vector;

enum { SCENE_PLAIN = 0, SCENE_STRIPES = 1, SCENE_CHECKS = 2, SCENE_NOISE = 3 };

// Two colours, mixed by a pattern of two coordinates with period 1.
typedef struct {
  scene_vector color, other;
  int32_t pattern;
  // Share of a period that has the other colour.
  float duty;
  // Of the light, by slow noise in the same coordinates: folds.
  float wrinkle;
  uint32_t seed;
} scene_material;

// A rounded cone: the hull of two spheres, pressed by a factor along one direction. Positions are
// the camera's: x to the right, y down, z forward, in metres.
typedef struct {
  scene_vector a, b;
  float ra, rb;
  // Unit vector; its extent is multiplied by flatness.
  scene_vector flat;
  float flatness;
  // An index of a material; `other` where split · p > split_at.
  int32_t material, other;
  scene_vector split;
  float split_at;
  // Coordinates of the pattern: u = wave_u · p + phase_u.
  scene_vector wave_u, wave_v;
  float phase_u, phase_v;
  // Not 0.
  int32_t id;
} scene_limb;

enum { SCENE_BOX = 0, SCENE_ELLIPSE = 1, SCENE_CAPSULE = 2 };

// A flat shape. Lengths are shares of the picture's side; a capsule has half-length hx + hy and
// radius hy.
typedef struct {
  int32_t kind;
  float x, y, hx, hy, cosine, sine;
  // Width of the edge, in shares of the side.
  float softness;
  float opacity;
  // How much darker edges are than the middle.
  float shading;
  // Periods of the pattern per side.
  float frequency;
  scene_material material;
} scene_shape;

// A point inside of the body: is it what the camera sees there?
typedef struct {
  // In pixels of the picture.
  float x, y;
  float depth;
  // How much nearer than the point its own surface may be.
  float margin;
  // Written: 1 where nothing nearer covers it within the picture.
  int32_t visible;
  // Written: the id of what is seen there, 0 for background, -1 outside.
  int32_t seen;
} scene_joint;

typedef struct {
  int32_t side, channels;
  // A pixel's ray is (center + (pixel / side - 1/2) extent, 1).
  float center_x, center_y, extent;
  // Towards the light, of length 1.
  scene_vector light;
  float ambient, diffuse;
  // Colours of the background's corners, upper row first.
  scene_vector corner[4];
  // Fractal noise of the background: amplitude of colours, cells per side of the coarsest octave.
  scene_vector noise_color;
  float noise, noise_cells, persistence;
  uint32_t noise_seed;
  // Radius of a round blur and length of a straight one, in pixels.
  float blur;
  float motion_x, motion_y;
  // v becomes (v - 1/2) contrast + 1/2 + offset, then noise of this deviation is added.
  float contrast, offset, grain;
  uint32_t grain_seed;
} scene_view;

// Draws a scene. `image` is [side, side, channels]; `ids`, which may be null, is [2 side, 2 side],
// 0 for background and occluders. Returns 0, or -1 where memory is lacking.
int32_t scene_render(const scene_view *view, const scene_material *materials,
                     const scene_limb *limbs, int32_t limb_count, const scene_shape *behind,
                     int32_t behind_count, const scene_shape *front, int32_t front_count,
                     scene_joint *joints, int32_t joint_count, uint8_t *image, uint8_t *ids);

#endif
