// Libraries of the system that are found at run time, so that neither building nor starting needs
// them. Their interfaces are declared here; no headers of theirs are used.
#ifndef C_SYSTEM_LIBRARIES_H
#define C_SYSTEM_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether zlib is on this system. Looked for once.
bool csl_has_zlib(void);

typedef enum {
  CSL_INFLATE_DONE = 0,
  CSL_INFLATE_NO_LIBRARY,
  CSL_INFLATE_NO_MEMORY,
  CSL_INFLATE_BROKEN,     // not a deflate stream
  CSL_INFLATE_TRUNCATED,  // the input ends within the stream
  CSL_INFLATE_SHORT,      // the stream ends before the output is full
  CSL_INFLATE_LONG,       // the stream goes on after the output is full
  CSL_INFLATE_TRAILING,   // input is left after the end of the stream
} csl_inflate_result;

// Fills `out` from a raw deflate stream. Where `whole`, input and output must end with the stream;
// otherwise inflating stops when the output is full.
csl_inflate_result csl_inflate(const void *in, size_t in_count, void *out, size_t out_count,
                               bool whole);

// Whether libjpeg-turbo's TurboJPEG, and libpng, are on this system. Looked for once.
bool csl_has_jpeg(void);
bool csl_has_png(void);

typedef enum {
  CSL_IMAGE_DONE = 0,
  CSL_IMAGE_NO_LIBRARY,
  CSL_IMAGE_NO_MEMORY,
  CSL_IMAGE_BROKEN,
  CSL_IMAGE_CMYK,  // a JPEG file in the colours of a printer
} csl_image_result;

typedef struct {
  uint32_t width;
  uint32_t height;
  bool is_color;
  bool has_warning;   // the decoder met a problem and got over it
  char message[200];  // what the library says of a failure or a warning
} csl_image;

// The size of an encoded image; nothing that depends on it is allocated.
csl_image_result csl_jpeg_header(const void *in, size_t count, csl_image *image);
csl_image_result csl_png_header(const void *in, size_t count, csl_image *image);

// Decodes into `out`, height * width * channels bytes; 1 channel is grey, 3 are red, green, blue.
// A JPEG file may be asked for in a half, a quarter or an eighth of its size, rounded up; a PNG file
// comes in its own size, and composed on white where it is transparent.
csl_image_result csl_jpeg_pixels(const void *in, size_t count, uint32_t width, uint32_t height,
                                 int channels, uint8_t *out, csl_image *image);
csl_image_result csl_png_pixels(const void *in, size_t count, uint32_t width, uint32_t height,
                                int channels, uint8_t *out, csl_image *image);

// The grey of colours, 0.299 R + 0.587 G + 0.114 B, rounded.
void csl_gray_from_rgb(const uint8_t *rgb, size_t count, uint8_t *gray);

#endif
