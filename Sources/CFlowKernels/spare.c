// Blocks that are too large, or too many, for the lists of a thread. A network on images asks for the
// same hundreds of megabytes in each training step; from the system they come as pages that it has to
// clear first. So while somebody wants it, such blocks are kept, and found again by their exact size;
// what two steps have not used goes back.
#include "spare.h"
#include "CFlowKernels.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct spare {
  struct spare *next;
  size_t bytes;
  int64_t step;
} spare;

enum { BUCKETS = 256, STEPS_KEPT = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static spare *buckets[BUCKETS];  // guarded by lock, as step is
static int64_t step;
static _Atomic int64_t keepers;

static spare **bucket(size_t bytes) {
  return &buckets[((uint64_t)bytes * 0x9E3779B97F4A7C15u) >> 56];
}

void *fk_take_spare(size_t bytes) {
  if (atomic_load_explicit(&keepers, memory_order_relaxed) == 0) return NULL;
  pthread_mutex_lock(&lock);
  spare **link = bucket(bytes);
  while (*link && (*link)->bytes != bytes) link = &(*link)->next;
  spare *found = *link;
  if (found) *link = found->next;
  pthread_mutex_unlock(&lock);
  return found;
}

bool fk_keep_spare(void *block, size_t bytes) {
  if (atomic_load_explicit(&keepers, memory_order_relaxed) == 0) return false;
  pthread_mutex_lock(&lock);
  // The last keeper may have gone meanwhile, and would not come back for this block.
  const bool keeps = atomic_load(&keepers) > 0;
  if (keeps) {
    spare *s = block, **place = bucket(bytes);
    *s = (spare){.next = *place, .bytes = bytes, .step = step};
    *place = s;
  }
  pthread_mutex_unlock(&lock);
  return keeps;
}

// Gives back what was kept before a step.
static void release_before(int64_t oldest) {
  for (int b = 0; b < BUCKETS; b++) {
    for (spare **link = &buckets[b]; *link;) {
      spare *s = *link;
      if (s->step < oldest) {
        *link = s->next;
        free(s);
      } else {
        link = &s->next;
      }
    }
  }
}

void fk_begin_keeping(void) { atomic_fetch_add(&keepers, 1); }

void fk_end_keeping(void) {
  pthread_mutex_lock(&lock);
  if (atomic_fetch_sub(&keepers, 1) == 1) release_before(INT64_MAX);
  pthread_mutex_unlock(&lock);
}

void fk_age_kept(void) {
  pthread_mutex_lock(&lock);
  step++;
  release_before(step - STEPS_KEPT);
  pthread_mutex_unlock(&lock);
}
