// The tensors of a case: seeded, the same for every backend, never zero where they are dense, pruned exactly where they are not.
//
//   normal    floating types: activations N(0, 1), weights N(0, 1/K) with K products a sum, biases N(0, 1/16): outputs stay near 1, far from f16's limit.
//             Integer types: the same, times a scale, rounded. The tail is cut at 4 standard deviations.
//   integers  small whole numbers, never 0, so small that every sum of a layer stays below 2^24 and is exact in every accumulator, in whatever order.
//
// Values depend on the layer's shape, the seed and the position alone. A pruned tensor holds the dense one's values, a type rounds them, a larger
// batch adds images: rows side by side in the results compute on the same numbers.
#pragma once

#include <cstdint>
#include <string_view>

#include "backends/backend.h"
#include "backends/tensor.h"

namespace convroof {

enum class Data { normal, integers };
std::string_view name_of(Data data);
Data default_data(DataType type);  // integers for integer types

struct OperandSet {
  Tensor input, addend, weights, bias;
  Operands view() const { return {input, addend, weights, bias}; }
};

// `byte_weights`: keep s16 weights that are `integers` (so small that a byte holds each) in a tensor of s8. Same values.
// Throws std::bad_alloc or std::overflow_error for a layer beyond this machine.
OperandSet make_operands(const LayerSpec& layer, DataType type, std::int64_t batch, const LayerDensity& density, Data data, std::uint64_t seed,
                         bool byte_weights = false);

}  // namespace convroof
