// The table that each instruction set fills in, one for each scalar type.
#ifndef FK_TABLE_H
#define FK_TABLE_H

// lgamma_r and M_PI are extensions that the strict modes hide.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "../portable.h"
#include "../staircase_plan.h"

// What piecewise_prepare leaves starts with this.
enum { FK_FANOUT = 16, FK_MAX_LEVELS = 8 };
typedef struct {
  int64_t pieces;
  int64_t levels;                 // of the search tree over the bounds between them
  int64_t level[FK_MAX_LEVELS];   // where each level's keys start
  int64_t padding[6];
} fk_piecewise_head;

// The most pieces, and the most keys of their search tree.
int64_t fk_piecewise_most(const fk_network *n);
int64_t fk_piecewise_keys(int64_t pieces);
// Words of 32 bits, one for each unit of the second layer: whole blocks of any instruction set.
static inline int64_t fk_piecewise_active(const fk_network *n) { return (n->widths[2] + 31) / 32; }

#define FK_FIELD(name, parameters, arguments) void(*name) parameters;
typedef struct {
  FK_KERNELS(FK_FIELD)
} fk_table;
#undef FK_FIELD

// Parts of a network's buffers start at multiples of 64 bytes.
static inline int64_t fk_network_aligned(int64_t count) { return (count + 15) / 16 * 16; }

// Where the transposed weights of a layer lie in what network_prepare makes.
static inline int64_t fk_network_transposed_offset(const fk_network *n, int64_t layer) {
  int64_t offset = 0;
  for (int64_t l = 0; l < layer; l++)
    offset += fk_network_aligned(n->widths[l] * n->widths[l + 1]);
  return offset;
}

// Where the outputs of a hidden layer lie in what network_forward saves.
static inline int64_t fk_network_hidden_offset(const fk_network *n, int64_t rows, int64_t layer) {
  int64_t offset = 0;
  for (int64_t l = 0; l < layer; l++) offset += fk_network_aligned(rows * n->widths[l + 1]);
  return offset;
}

extern const fk_table fk_table_baseline_float, fk_table_baseline_double;
#if defined(__x86_64__)
extern const fk_table fk_table_avx2_float, fk_table_avx2_double;
extern const fk_table fk_table_avx512_float, fk_table_avx512_double;
#endif

#endif
