#ifndef CSL_LIBRARY_H
#define CSL_LIBRARY_H

#include <dlfcn.h>
#include <stddef.h>

// The first of some libraries that is on this system; null where none is.
static inline void *csl_open(const char *const *names, size_t count) {
  void *library = NULL;
  for (size_t i = 0; !library && i < count; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

#endif
