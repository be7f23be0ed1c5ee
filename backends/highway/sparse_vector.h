// Fully connected layer of one image (matrix x vector) on pruned f32 weights.
//
// Measured on Zen 4, cycles per kept weight at 10 %: a row of (weight, column) pairs read by scalar loads 1.2 (1.9 where the vector outgrows L1), by gather
// instructions 1.5. Neither reaches what the memory could deliver, so the vector is looked up in registers instead: a slab of as many rows as a vector has
// lanes is cut into blocks of twice as many columns, whose inputs are two registers, and each slot of a block is one vector of weights (a row a lane) with a
// byte of column each. Rows differ in length, so slots would run half empty if a block had as many as its fullest row needs: beyond the depth at which a slot
// costs more than what it holds, weights go to a list of leftovers.
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

std::unique_ptr<Kernel> make_sparse_vector_product(const Case& c, const Operands& operands);

}  // namespace convroof::highway
