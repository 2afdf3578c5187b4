// TurboJPEG's interface as turbojpeg.h has declared it since version 2.0 of libjpeg-turbo; version 3
// has it too. All of it goes through a handle, so that no layouts are needed.
#include "CSystemLibraries.h"
#include "images.h"
#include "library.h"
#include <pthread.h>

typedef void *tjhandle;

enum { TJPF_RGB = 0, TJPF_GRAY = 6 };
enum { TJCS_GRAY = 2, TJCS_CMYK = 3, TJCS_YCCK = 4 };
enum { TJERR_WARNING = 0 };
// Refuses files of more than 500 scans, which take long however small they are. Known from version
// 2.1 on, and ignored before.
enum { TJFLAG_LIMITSCANS = 32768 };

static tjhandle (*init_decompress)(void);
static int (*decompress_header)(tjhandle, const unsigned char *in, unsigned long count, int *width,
                                int *height, int *subsampling, int *colorspace);
static int (*decompress)(tjhandle, const unsigned char *in, unsigned long count, unsigned char *out,
                         int width, int pitch, int height, int format, int flags);
static char *(*error_text)(tjhandle);
static int (*error_code)(tjhandle);
static int (*destroy)(tjhandle);
static bool found;

#if defined(__APPLE__)
static const char *const names[] = {"/opt/homebrew/lib/libturbojpeg.dylib",
                                    "/usr/local/lib/libturbojpeg.dylib", "libturbojpeg.dylib"};
#else
static const char *const names[] = {"libturbojpeg.so.0"};
#endif

static void find(void) {
  void *library = csl_open(names, sizeof names / sizeof *names);
  if (!library) return;
  *(void **)&init_decompress = dlsym(library, "tjInitDecompress");
  *(void **)&decompress_header = dlsym(library, "tjDecompressHeader3");
  *(void **)&decompress = dlsym(library, "tjDecompress2");
  *(void **)&error_text = dlsym(library, "tjGetErrorStr2");
  *(void **)&error_code = dlsym(library, "tjGetErrorCode");
  *(void **)&destroy = dlsym(library, "tjDestroy");
  found = init_decompress && decompress_header && decompress && error_text && error_code && destroy;
}

bool csl_has_jpeg(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  return found;
}

static csl_image_result broken(tjhandle handle, csl_image *image) {
  csl_copy_message(image, error_text(handle));
  return CSL_IMAGE_BROKEN;
}

csl_image_result csl_jpeg_header(const void *in, size_t count, csl_image *image) {
  *image = (csl_image){0};
  if (!csl_has_jpeg()) return CSL_IMAGE_NO_LIBRARY;
  tjhandle handle = init_decompress();
  if (!handle) return CSL_IMAGE_NO_MEMORY;
  int width = 0, height = 0, subsampling = 0, colorspace = -1;
  // A warning, or a subsampling that has no name, returns an error after the size was found.
  const int code = decompress_header(handle, in, count, &width, &height, &subsampling, &colorspace);
  csl_image_result result = CSL_IMAGE_DONE;
  if (width <= 0 || height <= 0) {
    result = code ? broken(handle, image) : CSL_IMAGE_BROKEN;
  } else if (colorspace == TJCS_CMYK || colorspace == TJCS_YCCK) {
    result = CSL_IMAGE_CMYK;
  }
  destroy(handle);
  image->width = width > 0 ? (uint32_t)width : 0;
  image->height = height > 0 ? (uint32_t)height : 0;
  image->is_color = colorspace != TJCS_GRAY;
  return result;
}

csl_image_result csl_jpeg_pixels(const void *in, size_t count, uint32_t width, uint32_t height,
                                 int channels, uint8_t *out, csl_image *image) {
  if (!csl_has_jpeg()) return CSL_IMAGE_NO_LIBRARY;
  tjhandle handle = init_decompress();
  if (!handle) return CSL_IMAGE_NO_MEMORY;
  const int code = decompress(handle, in, count, out, (int)width, 0, (int)height,
                              channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_LIMITSCANS);
  csl_image_result result = CSL_IMAGE_DONE;
  if (code && error_code(handle) == TJERR_WARNING) {
    image->has_warning = true;
    csl_copy_message(image, error_text(handle));
  } else if (code) {
    result = broken(handle, image);
  }
  destroy(handle);
  return result;
}
