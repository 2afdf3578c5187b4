// Libraries of the system that are found at run time, so that neither building nor starting needs
// them. Their interfaces are declared here; no headers of theirs are used.
#ifndef C_SYSTEM_LIBRARIES_H
#define C_SYSTEM_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether zlib is on this system. Looked for once.
bool csl_has_zlib(void);

typedef enum {
  CSL_INFLATE_DONE = 0,
  CSL_INFLATE_NO_LIBRARY,
  CSL_INFLATE_NO_MEMORY,
  CSL_INFLATE_BROKEN,     // not a deflate stream
  CSL_INFLATE_TRUNCATED,  // the input ends within the stream
  CSL_INFLATE_SHORT,      // the stream ends before the output is full
  CSL_INFLATE_LONG,       // the stream goes on after the output is full
  CSL_INFLATE_TRAILING,   // input is left after the end of the stream
} csl_inflate_result;

// Fills `out` from a raw deflate stream. Where `whole`, input and output must end with the stream;
// otherwise inflating stops when the output is full.
csl_inflate_result csl_inflate(const void *in, size_t in_count, void *out, size_t out_count,
                               bool whole);

#endif
