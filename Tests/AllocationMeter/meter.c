#include "CAllocationMeter.h"
#include <errno.h>
#include <stdlib.h>

static _Thread_local int64_t held, peak;

void cam_start(void) { held = peak = 0; }
int64_t cam_peak(void) { return peak; }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAM_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(CAM_SANITIZED)
#include <malloc.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void count(int64_t bytes) {
  held += bytes;
  if (held > peak) peak = held;
}

static void *counted(void *block) {
  if (block) count((int64_t)malloc_usable_size(block));
  return block;
}

void *malloc(size_t bytes) { return counted(__libc_malloc(bytes)); }
void *calloc(size_t n, size_t bytes) { return counted(__libc_calloc(n, bytes)); }
void *memalign(size_t alignment, size_t bytes) {
  return counted(__libc_memalign(alignment, bytes));
}
void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *p = memalign(alignment, bytes);
  if (!p) return ENOMEM;
  *block = p;
  return 0;
}

void free(void *block) {
  if (block) held -= (int64_t)malloc_usable_size(block);
  __libc_free(block);
}

void *realloc(void *block, size_t bytes) {
  const int64_t before = block ? (int64_t)malloc_usable_size(block) : 0;
  void *moved = __libc_realloc(block, bytes);
  if (!moved && bytes) return NULL;
  if (!moved) {
    held -= before;
    return NULL;
  }
  // Where the block moved, both were held for a while.
  count((int64_t)malloc_usable_size(moved) - (moved == block ? before : 0));
  if (moved != block) held -= before;
  return moved;
}

#endif
