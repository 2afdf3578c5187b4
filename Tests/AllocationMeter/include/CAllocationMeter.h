// Counts the memory that is taken from the C library: its malloc and the functions beside it take
// the place of the library's own in the program that links this. Works with glibc only, and not
// under sanitizers; elsewhere nothing is counted.
#ifndef C_ALLOCATION_METER_H
#define C_ALLOCATION_METER_H

#include <stdint.h>

// Starts to count from zero on this thread.
void cam_start(void);
// The most bytes that this thread has held at one time since, beyond what it held at the start.
int64_t cam_peak(void);

// Starts to count the calls that take memory (malloc, calloc, realloc, posix_memalign,
// aligned_alloc, memalign), of this thread and of workers while they run its jobs. One thread can
// count at a time; others wait for it to stop.
void cam_start_calls(void);
// The calls since; `everywhere` (may be null) gets those of the whole process, other tests among
// them.
int64_t cam_stop_calls(int64_t *everywhere);

#endif
