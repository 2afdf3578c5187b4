// CRC-32 of ISO 3309, as ZIP and PNG use it, eight bytes at a time (M. E. Kounavis and F. L. Berry,
// "Novel table lookup-based algorithms for high-performance CRC generation", 2008).
#include "CFlowKernels.h"
#include <pthread.h>

static uint32_t tables[8][256];

static void make_tables(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xEDB88320u ^ value >> 1 : value >> 1;
    tables[0][byte] = value;
  }
  for (int k = 1; k < 8; k++) {
    for (int byte = 0; byte < 256; byte++) {
      const uint32_t previous = tables[k - 1][byte];
      tables[k][byte] = tables[0][previous & 0xFF] ^ previous >> 8;
    }
  }
}

uint32_t fk_crc32(uint32_t checksum, const void *bytes, size_t count) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_tables);
  const uint8_t *p = bytes;
  uint32_t state = ~checksum;
  for (; count >= 8; count -= 8, p += 8) {
    state ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    state = tables[7][state & 0xFF] ^ tables[6][state >> 8 & 0xFF] ^
            tables[5][state >> 16 & 0xFF] ^ tables[4][state >> 24] ^ tables[3][p[4]] ^
            tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
  }
  for (; count; count--, p++) state = tables[0][(state ^ *p) & 0xFF] ^ state >> 8;
  return ~state;
}
