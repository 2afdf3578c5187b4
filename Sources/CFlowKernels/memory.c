// Blocks of 64-byte alignment from per-thread lists: four size classes an octave, up to 4 MiB.
// A block may be freed on another thread than it came from; it then joins that thread's lists, whose
// length is bounded; what is beyond may be kept for all threads (spare.c). Under AddressSanitizer
// every block comes from the system, so that use after free is seen.
#include "CFlowKernels.h"
#include "spare.h"
#include <pthread.h>
#include <stdlib.h>

enum { ALIGNMENT = 64, CLASSES = 4 * 17, LIST_LIMIT = 256 };
static const size_t LARGEST = (size_t)1 << 22, CLASS_BYTES = (size_t)1 << 25;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FK_NO_LISTS 1
#endif
#endif

typedef struct block {
  struct block *next;
} block;

typedef struct {
  block *head[CLASSES];
  int length[CLASSES];
  bool registered;
} lists;

static _Thread_local int64_t system_allocations;

static void *from_system(size_t bytes) {
#ifndef FK_NO_LISTS
  void *spare = bytes >= FK_SMALLEST_SPARE ? fk_take_spare(bytes) : NULL;
  if (spare) return spare;
#endif
  system_allocations++;
  void *p = NULL;
  if (posix_memalign(&p, ALIGNMENT, bytes) != 0) abort();
  return p;
}

int64_t fk_system_allocations(void) { return system_allocations; }

#ifdef FK_NO_LISTS

bool fk_keeps_lists(void) { return false; }
void *fk_allocate(size_t bytes) { return from_system(bytes ? bytes : 1); }
void fk_deallocate(void *p, size_t bytes) {
  (void)bytes;
  free(p);
}

#else

bool fk_keeps_lists(void) { return true; }

static _Thread_local lists local;
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void release_lists(void *unused) {
  (void)unused;
  for (int c = 0; c < CLASSES; c++) {
    while (local.head[c]) {
      block *b = local.head[c];
      local.head[c] = b->next;
      free(b);
    }
    local.length[c] = 0;
  }
}

static void make_key(void) { pthread_key_create(&exit_key, release_lists); }

// Class c holds blocks of (4 + c % 4) * 2^(c / 4) * 16 bytes: 64, 80, 96, 112, 128, 160, ...
static int class_of(size_t bytes, size_t *size) {
  if (bytes <= 64) {
    *size = 64;
    return 0;
  }
  const int octave = 63 - __builtin_clzll((unsigned long long)(bytes - 1)) - 6;
  const size_t unit = (size_t)16 << octave;
  const size_t quarter = (bytes + unit - 1) / unit;  // 5...8
  *size = quarter * unit;
  return octave * 4 + (int)quarter - 4;
}

void *fk_allocate(size_t bytes) {
  if (bytes > LARGEST) return from_system(bytes);
  size_t size;
  const int c = class_of(bytes, &size);
  block *b = local.head[c];
  if (!b) return from_system(size);
  local.head[c] = b->next;
  local.length[c]--;
  return b;
}

void fk_deallocate(void *p, size_t bytes) {
  if (!p) return;
  size_t size;
  const int c = bytes > LARGEST ? -1 : class_of(bytes, &size);
  if (c < 0 || local.length[c] >= LIST_LIMIT || (size_t)local.length[c] * size > CLASS_BYTES) {
    const size_t all = c < 0 ? bytes : size;
    if (all < FK_SMALLEST_SPARE || !fk_keep_spare(p, all)) free(p);
    return;
  }
  if (!local.registered) {
    pthread_once(&exit_once, make_key);
    pthread_setspecific(exit_key, &local);
    local.registered = true;
  }
  block *b = p;
  b->next = local.head[c];
  local.head[c] = b;
  local.length[c]++;
}

#endif
