#include "CAllocationMeter.h"
#include "CFlowKernels.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Thread_local int64_t held, peak;

void cam_start(void) { held = peak = 0; }
int64_t cam_peak(void) { return peak; }

// Tests run side by side in one process, so calls must be told apart by whom they are for. A
// counting of kernels goes from a thread to the workers that run its jobs: it marks them.
static fk_counts *_Atomic mark;
static _Atomic int64_t calls, calls_everywhere;
static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER;

void cam_start_calls(void) {
  pthread_mutex_lock(&in_use);
  fk_counts *counts = fk_begin_counts();
  calls = calls_everywhere = 0;
  atomic_store(&mark, counts);
}

int64_t cam_stop_calls(int64_t *everywhere) {
  fk_counts *counts = atomic_exchange(&mark, NULL);
  const int64_t result = calls;
  if (everywhere) *everywhere = calls_everywhere;
  fk_end_counts(counts);
  fk_free_counts(counts);
  pthread_mutex_unlock(&in_use);
  return result;
}

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

static void count_call(void) {
  fk_counts *const marked = atomic_load_explicit(&mark, memory_order_relaxed);
  if (!marked) return;
  atomic_fetch_add_explicit(&calls_everywhere, 1, memory_order_relaxed);
  if (fk_current_counts() == marked) atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

static void *counted(void *block) {
  count_call();
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
  count_call();
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
