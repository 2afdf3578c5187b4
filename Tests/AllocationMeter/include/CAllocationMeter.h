// Counts the memory that the calling thread takes from the C library: its malloc and the functions
// beside it take the place of the library's own in the program that links this. Works with glibc
// only, and not under sanitizers; elsewhere nothing is counted.
#ifndef C_ALLOCATION_METER_H
#define C_ALLOCATION_METER_H

#include <stdint.h>

// Starts to count from zero on this thread.
void cam_start(void);
// The most bytes that this thread has held at one time since, beyond what it held at the start.
int64_t cam_peak(void);

#endif
