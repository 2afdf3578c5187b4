// Crops of images: resampled by a similarity, normalised, blurred.
#ifndef C_IMAGE_PIXELS_H
#define C_IMAGE_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 8 bits a channel, [height, width, channels]; 1 or 3 channels.
typedef struct {
  const uint8_t *bytes;
  int64_t width, height, channels;
} ik_image;

// What a crop is: [height, width, channels] floats with 1 or 3 channels. A byte b of channel c
// becomes gain[c] b + offset[c]; what lies outside of the image is 0 after that.
typedef struct {
  int64_t width, height, channels;
  // Crop -> image, areas: x = map[0] u + map[1] v + map[2], y = map[3] u + map[4] v + map[5].
  double map[6];
  float gain[3], offset[3];
  // Whether each row is written from right to left.
  bool mirrored;
} ik_crop;

// Memory that calls on one thread share; start with zeros, end with ik_release.
typedef struct {
  void *memory;
  size_t bytes;
} ik_scratch;

void ik_release(ik_scratch *scratch);

// Bilinear samples at the centres of the crop's pixels; around the image's pixels are such of zeros.
// Where the crop reduces the image by k - 1/2 ... k + 1/2 (k > 1), the image is first averaged over
// k x k pixels. Grey is repeated for three channels, three become 0.299 R + 0.587 G + 0.114 B for
// one. False where there is not enough memory.
bool ik_warp(const ik_image *image, const ik_crop *crop, ik_scratch *scratch, float *out);

// A Gaussian blur of `sigma` pixels in place, cut at 3 sigma, with zeros outside.
bool ik_blur(float *pixels, int64_t width, int64_t height, int64_t channels, double sigma,
             ik_scratch *scratch);

#endif
