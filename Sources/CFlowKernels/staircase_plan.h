// How a staircase network is cut into blocks, the same for every scalar type and instruction set.
#ifndef FK_STAIRCASE_PLAN_H
#define FK_STAIRCASE_PLAN_H

#include "CFlowKernels.h"

// Rows of the register block of forward passes and input gradients, of weight gradients, and how
// many inputs the latter take together with AVX-512.
enum { FK_STAIR_ROWS = 6, FK_STAIR_UNITS = 4, FK_STAIR_INPUTS = 4 };

// Units that share a block, all summed over the longest of their lengths.
typedef struct {
  int32_t count, length;
} fk_stair_group;

// What prepare leaves for a layer: the weights by output and by input with zeros beyond the
// extents, and the groups of outputs and of inputs. Offsets in scalars; groups take one scalar for
// each of their two numbers at most.
typedef struct {
  int64_t by_output, by_input, outputs, inputs, end;
} fk_stair_layout;
fk_stair_layout fk_stair_layout_of(const fk_staircase *n, int64_t layer);

// Where the units after a hidden layer lie in what forward saves.
int64_t fk_stair_saved_offset(const fk_staircase *n, int64_t stride, int64_t layer);

// Inputs that unit j of a layer sees.
static inline int64_t fk_stair_extent(const fk_staircase *n, int64_t layer, int64_t j) {
  return n->extents[layer] ? n->extents[layer][j] : n->network.widths[layer];
}

// Groups of `count` units whose lengths rise or fall; returns how many groups there are.
int64_t fk_stair_groups(int64_t count, const int64_t *lengths, fk_stair_group *groups);
// The outputs that see an input are the last ones; lengths [inputs] says how many.
void fk_stair_input_lengths(const fk_staircase *n, int64_t layer, int64_t *lengths);

// Operations of counts.c, as executed: what blocks add in vain counts too.
int64_t fk_stair_forward_work(const fk_staircase *n, int64_t layer, int64_t from, int64_t to);
int64_t fk_stair_input_gradient_work(const fk_staircase *n, int64_t layer);
int64_t fk_stair_weight_gradient_work(const fk_staircase *n, int64_t layer);
// Weights within the extents.
int64_t fk_stair_weights(const fk_staircase *n, int64_t layer, int64_t from, int64_t to);

#endif
