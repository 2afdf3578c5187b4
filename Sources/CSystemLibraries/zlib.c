// zlib's interface as zlib.h has declared it since version 1.2.0. The layout of z_stream is part of
// the library's binary interface (libz.so.1, libz.1.dylib); inflateInit2_ compares its size.
#include "CSystemLibraries.h"
#include "library.h"
#include <pthread.h>

typedef struct {
  const uint8_t *next_in;
  unsigned int avail_in;
  unsigned long total_in;
  uint8_t *next_out;
  unsigned int avail_out;
  unsigned long total_out;
  const char *msg;
  void *state;
  void *(*zalloc)(void *opaque, unsigned int items, unsigned int size);
  void (*zfree)(void *opaque, void *address);
  void *opaque;
  int data_type;
  unsigned long adler;
  unsigned long reserved;
} z_stream;

enum { Z_NO_FLUSH = 0, Z_OK = 0, Z_STREAM_END = 1, Z_MEM_ERROR = -4, Z_BUF_ERROR = -5 };
enum { RAW_DEFLATE = -15 };

static int (*inflate_init)(z_stream *, int window_bits, const char *version, int size);
static int (*inflate)(z_stream *, int flush);
static int (*inflate_end)(z_stream *);
static const char *(*version)(void);
static bool found;

#if defined(__APPLE__)
static const char *const names[] = {"/usr/lib/libz.1.dylib", "libz.1.dylib"};
#else
static const char *const names[] = {"libz.so.1"};
#endif

static void find(void) {
  void *library = csl_open(names, sizeof names / sizeof *names);
  if (!library) return;
  *(void **)&inflate_init = dlsym(library, "inflateInit2_");
  *(void **)&inflate = dlsym(library, "inflate");
  *(void **)&inflate_end = dlsym(library, "inflateEnd");
  *(void **)&version = dlsym(library, "zlibVersion");
  found = inflate_init && inflate && inflate_end && version;
}

bool csl_has_zlib(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  return found;
}

// The counts of z_stream have 32 bits; longer buffers are handed over in parts.
static unsigned int take_part(size_t *left) {
  const size_t largest = (size_t)1 << 30;
  const size_t part = *left < largest ? *left : largest;
  *left -= part;
  return (unsigned int)part;
}

static csl_inflate_result run(z_stream *stream, size_t in_left, size_t out_left, bool whole) {
  // Whether the stream ends at the end of the output is seen by offering it one byte more.
  uint8_t spare;
  bool spilling = false;
  for (;;) {
    if (!stream->avail_in && in_left) stream->avail_in = take_part(&in_left);
    if (!stream->avail_out && out_left) {
      stream->avail_out = take_part(&out_left);
    } else if (!stream->avail_out) {
      if (!whole) return CSL_INFLATE_DONE;
      if (spilling) return CSL_INFLATE_LONG;
      spilling = true;
      stream->next_out = &spare;
      stream->avail_out = 1;
    }
    const int code = inflate(stream, Z_NO_FLUSH);
    if (code == Z_STREAM_END) break;
    if (code == Z_MEM_ERROR) return CSL_INFLATE_NO_MEMORY;
    if (code != Z_OK && code != Z_BUF_ERROR) return CSL_INFLATE_BROKEN;
    if (!stream->avail_in && !in_left && stream->avail_out) return CSL_INFLATE_TRUNCATED;
  }
  if (spilling && !stream->avail_out) return CSL_INFLATE_LONG;
  if (!spilling && (stream->avail_out || out_left)) return CSL_INFLATE_SHORT;
  return whole && (stream->avail_in || in_left) ? CSL_INFLATE_TRAILING : CSL_INFLATE_DONE;
}

csl_inflate_result csl_inflate(const void *in, size_t in_count, void *out, size_t out_count,
                               bool whole) {
  if (!csl_has_zlib()) return CSL_INFLATE_NO_LIBRARY;
  z_stream stream = {.next_in = in, .next_out = out};
  if (inflate_init(&stream, RAW_DEFLATE, version(), (int)sizeof stream) != Z_OK) {
    return CSL_INFLATE_NO_MEMORY;
  }
  const csl_inflate_result result = run(&stream, in_count, out_count, whole);
  inflate_end(&stream);
  return result;
}
