// The per-element loops of images: warps and colour, and the scenes of the generator. Images are
// 8 bits a channel, [height, width, channels], rows from the top.
#ifndef C_IMAGE_KERNELS_H
#define C_IMAGE_KERNELS_H

#include "pixels.h"
#include "scene.h"

#endif
