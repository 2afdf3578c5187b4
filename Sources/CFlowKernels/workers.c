// A process-wide pool of worker threads. Indices are handed out one by one; which thread runs an
// index has no influence on results. Jobs follow each other closely in training, and a thread that
// sleeps takes some 30 us to wake; so a worker waits awake for a millisecond and then sleeps.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "counts.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORKERS = 256 };

// How long a worker waits awake, in nanoseconds: at first it keeps its processor, from then on it
// offers it to other threads between two looks. Two looks so far apart that another thread must have
// run in between mean that there are more threads than processors; it then sleeps at once.
enum { KEEPS_PROCESSOR = 20000, STAYS_AWAKE = 1000000, WAS_INTERRUPTED = 50000 };

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;  // held for the length of a job
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int threads;  // started so far; guarded by owner

// Apart, so that what one thread writes does not take from another the line that it looks at.
static struct {
  _Alignas(128) _Atomic int64_t generation;
  _Atomic int64_t sleepers;
  _Alignas(128) _Atomic int64_t next_index;
  _Alignas(128) _Atomic int64_t active;
  _Atomic int64_t seats;
  _Alignas(128) _Atomic bool is_open;
  void (*_Atomic body)(void *, int64_t);
  void *_Atomic context;
  _Atomic int64_t count;
  _Atomic int set;
  fk_counts *_Atomic counts;
} job;

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// False when it is time to sleep.
static bool sees_job_after(int64_t seen) {
  const int64_t start = nanoseconds();
  for (int64_t last = start;;) {
    for (int i = 0; i < 64; i++) {
      if (atomic_load_explicit(&job.generation, memory_order_acquire) != seen) return true;
      relax();
    }
    const int64_t now = nanoseconds();
    if (now - start > STAYS_AWAKE || now - last > WAS_INTERRUPTED) return false;
    if (now - start > KEEPS_PROCESSOR) sched_yield();
    last = now;
  }
}

static void take_indices(void) {
  void (*body)(void *, int64_t) = atomic_load(&job.body);
  void *context = atomic_load(&job.context);
  const int64_t count = atomic_load(&job.count);
  for (;;) {
    const int64_t i = atomic_fetch_add(&job.next_index, 1);
    if (i >= count) return;
    body(context, i);
  }
}

static void *worker(void *unused) {
  (void)unused;
  int64_t seen = 0;
  for (;;) {
    if (!sees_job_after(seen)) {
      pthread_mutex_lock(&sleep_lock);
      atomic_fetch_add(&job.sleepers, 1);
      while (atomic_load(&job.generation) == seen) pthread_cond_wait(&wake, &sleep_lock);
      atomic_fetch_sub(&job.sleepers, 1);
      pthread_mutex_unlock(&sleep_lock);
    }
    seen = atomic_load(&job.generation);
    // Entering counts before the look at `is_open`: the owner closes first and then waits for zero.
    atomic_fetch_add(&job.active, 1);
    if (atomic_load(&job.is_open) && atomic_fetch_sub(&job.seats, 1) > 0) {
      const int before = fk_set_override();
      fk_override_set(atomic_load(&job.set));
      fk_set_current_counts(atomic_load(&job.counts));
      take_indices();
      fk_set_current_counts(NULL);
      fk_override_set(before);
    }
    atomic_fetch_sub(&job.active, 1);
  }
  return NULL;
}

static void start_threads(int64_t wanted) {
  while (threads < wanted && threads < MAX_WORKERS) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)8 << 20);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int failed = pthread_create(&thread, &attributes, worker, NULL);
    pthread_attr_destroy(&attributes);
    if (failed) return;
    threads++;
  }
}

void fk_parallel(int64_t count, int64_t workers, void (*body)(void *, int64_t), void *context) {
  if (workers > count) workers = count;
  if (workers <= 1 || pthread_mutex_trylock(&owner) != 0) {
    for (int64_t i = 0; i < count; i++) body(context, i);
    return;
  }
  start_threads(workers - 1);
  atomic_store(&job.body, body);
  atomic_store(&job.context, context);
  atomic_store(&job.count, count);
  atomic_store(&job.set, fk_set_override());
  atomic_store(&job.counts, fk_current_counts());
  atomic_store(&job.next_index, 0);
  atomic_store(&job.seats, workers - 1);
  atomic_store(&job.is_open, true);
  atomic_fetch_add(&job.generation, 1);
  if (atomic_load(&job.sleepers) > 0) {
    pthread_mutex_lock(&sleep_lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&sleep_lock);
  }
  take_indices();
  atomic_store(&job.is_open, false);
  int spins = 0;
  while (atomic_load(&job.active) > 0) {
    relax();
    if (++spins % 1024 == 0) sched_yield();
  }
  pthread_mutex_unlock(&owner);
}

void fk_spin_lock(int32_t *lock) {
  int spins = 0;
  while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
    while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0) {
      relax();
      if (++spins % 1024 == 0) sched_yield();
    }
}

void fk_spin_unlock(int32_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

static _Atomic int64_t worker_count;

int64_t fk_worker_count(void) {
  int64_t count = atomic_load(&worker_count);
  if (count > 0) return count;
  const char *wish = getenv("FLOWS_THREADS");
  if (wish) count = atoll(wish);
#if defined(__linux__)
  cpu_set_t set;
  if (count <= 0 && sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
  if (count <= 0) count = sysconf(_SC_NPROCESSORS_ONLN);
  if (count <= 0) count = 1;
  if (count > MAX_WORKERS) count = MAX_WORKERS;
  atomic_store(&worker_count, count);
  return count;
}

void fk_set_worker_count(int64_t count) {
  atomic_store(&worker_count, count < 1 ? 1 : (count > MAX_WORKERS ? MAX_WORKERS : count));
}
