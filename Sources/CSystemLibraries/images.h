#ifndef CSL_IMAGES_H
#define CSL_IMAGES_H

#include "CSystemLibraries.h"
#include <string.h>

// Copies as much of a library's sentence as there is room for.
static inline void csl_copy_message(csl_image *image, const char *text) {
  if (!text) text = "";
  const size_t most = sizeof image->message - 1;
  const size_t length = strlen(text) < most ? strlen(text) : most;
  memcpy(image->message, text, length);
  image->message[length] = 0;
}

#endif
