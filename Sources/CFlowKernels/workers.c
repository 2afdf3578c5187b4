// A process-wide pool of worker threads. Indices are handed out one by one; which thread runs an
// index has no influence on results. Between jobs a worker spins for some tens of
// microseconds, since training steps follow each other closely, and then sleeps.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "CFlowKernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_WORKERS = 256, SPINS = 2000 };

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;  // held for the length of a job
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int threads;  // started so far; guarded by owner

static _Atomic int64_t generation, next_index, active, seats, sleepers;
static _Atomic bool is_open;
static void (*_Atomic job_body)(void *, int64_t);
static void *_Atomic job_context;
static _Atomic int64_t job_count;
static _Atomic int job_set;

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void take_indices(void) {
  void (*body)(void *, int64_t) = atomic_load(&job_body);
  void *context = atomic_load(&job_context);
  const int64_t count = atomic_load(&job_count);
  for (;;) {
    const int64_t i = atomic_fetch_add(&next_index, 1);
    if (i >= count) return;
    body(context, i);
  }
}

static void *worker(void *unused) {
  (void)unused;
  int64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (atomic_load_explicit(&generation, memory_order_acquire) == seen && spins++ < SPINS)
      relax();
    if (atomic_load(&generation) == seen) {
      pthread_mutex_lock(&sleep_lock);
      atomic_fetch_add(&sleepers, 1);
      while (atomic_load(&generation) == seen) pthread_cond_wait(&wake, &sleep_lock);
      atomic_fetch_sub(&sleepers, 1);
      pthread_mutex_unlock(&sleep_lock);
    }
    seen = atomic_load(&generation);
    // Entering counts before the look at `is_open`: the owner closes first and then waits for zero.
    atomic_fetch_add(&active, 1);
    if (atomic_load(&is_open) && atomic_fetch_sub(&seats, 1) > 0) {
      const int before = fk_set_override();
      fk_override_set(atomic_load(&job_set));
      take_indices();
      fk_override_set(before);
    }
    atomic_fetch_sub(&active, 1);
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
  atomic_store(&job_body, body);
  atomic_store(&job_context, context);
  atomic_store(&job_count, count);
  atomic_store(&job_set, fk_set_override());
  atomic_store(&next_index, 0);
  atomic_store(&seats, workers - 1);
  atomic_store(&is_open, true);
  atomic_fetch_add(&generation, 1);
  if (atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&sleep_lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&sleep_lock);
  }
  take_indices();
  atomic_store(&is_open, false);
  int spins = 0;
  while (atomic_load(&active) > 0) {
    relax();
    if (++spins % 4096 == 0) sched_yield();
  }
  pthread_mutex_unlock(&owner);
}

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
