// libpng's simplified interface as png.h has declared it since version 1.6. The layout of png_image
// is part of the library's binary interface, which compares its version.
#include "CSystemLibraries.h"
#include "images.h"
#include "library.h"
#include <pthread.h>

typedef struct {
  void *opaque;
  uint32_t version;
  uint32_t width;
  uint32_t height;
  uint32_t format;
  uint32_t flags;
  uint32_t colormap_entries;
  uint32_t warning_or_error;
  char message[64];
} png_image;

typedef struct {
  uint8_t red;
  uint8_t green;
  uint8_t blue;
} png_color;

enum { PNG_IMAGE_VERSION = 1 };
enum { PNG_FORMAT_GRAY = 0, PNG_FORMAT_FLAG_COLOR = 2, PNG_FORMAT_RGB = 2 };
// 16-bit images without a statement are taken as those of 8 bits, and not as linear.
enum { PNG_IMAGE_FLAG_16BIT_sRGB = 4 };

static int (*begin_read)(png_image *, const void *in, size_t count);
static int (*finish_read)(png_image *, const png_color *background, void *out, int32_t stride,
                          void *colormap);
static void (*free_image)(png_image *);
static bool found;

#if defined(__APPLE__)
static const char *const names[] = {"/opt/homebrew/lib/libpng16.16.dylib",
                                    "/usr/local/lib/libpng16.16.dylib", "libpng16.16.dylib"};
#else
static const char *const names[] = {"libpng16.so.16"};
#endif

static void find(void) {
  void *library = csl_open(names, sizeof names / sizeof *names);
  if (!library) return;
  *(void **)&begin_read = dlsym(library, "png_image_begin_read_from_memory");
  *(void **)&finish_read = dlsym(library, "png_image_finish_read");
  *(void **)&free_image = dlsym(library, "png_image_free");
  found = begin_read && finish_read && free_image;
}

bool csl_has_png(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  return found;
}

csl_image_result csl_png_header(const void *in, size_t count, csl_image *image) {
  *image = (csl_image){0};
  if (!csl_has_png()) return CSL_IMAGE_NO_LIBRARY;
  png_image png = {.version = PNG_IMAGE_VERSION};
  csl_image_result result = CSL_IMAGE_DONE;
  if (begin_read(&png, in, count)) {
    image->width = png.width;
    image->height = png.height;
    image->is_color = png.format & PNG_FORMAT_FLAG_COLOR;
  } else {
    csl_copy_message(image, png.message);
    result = CSL_IMAGE_BROKEN;
  }
  free_image(&png);
  return result;
}

csl_image_result csl_png_pixels(const void *in, size_t count, uint32_t width, uint32_t height,
                                int channels, uint8_t *out, csl_image *image) {
  if (!csl_has_png()) return CSL_IMAGE_NO_LIBRARY;
  png_image png = {.version = PNG_IMAGE_VERSION};
  bool is_done = begin_read(&png, in, count) && png.width == width && png.height == height;
  if (is_done) {
    png.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    const png_color white = {255, 255, 255};
    is_done = finish_read(&png, &white, out, 0, NULL);
  }
  // The two low bits: 1 for a warning, 2 or 3 for an error.
  image->has_warning = is_done && png.warning_or_error & 1;
  if (!is_done || image->has_warning) csl_copy_message(image, png.message);
  free_image(&png);
  return is_done ? CSL_IMAGE_DONE : CSL_IMAGE_BROKEN;
}

void csl_gray_from_rgb(const uint8_t *restrict rgb, size_t count, uint8_t *restrict gray) {
  for (size_t i = 0; i < count; i++) {
    gray[i] = (uint8_t)((299 * rgb[3 * i] + 587 * rgb[3 * i + 1] + 114 * rgb[3 * i + 2] + 500) / 1000);
  }
}
