// Variant `sparse-activations`: a fully connected layer of one image that never reads the weights of inputs that are zero.
//
// At batch 1 such a layer is a stream of weights from memory, each used once. Behind a ReLU half or more of the inputs are zero, known only when the layer
// runs; with the weights of one input next to each other, whole columns of the stream are left out and the time falls with the share of non-zero inputs.
// Convolutions have no such variant: their weights come from the caches, and skipping inputs there costs a branch for each use
// (docs/backends/highway-sparse.md).
#pragma once

#include "backends/highway/algorithms.h"

namespace convroof::highway {

Algorithm sparse_activations_algorithm();

}  // namespace convroof::highway
