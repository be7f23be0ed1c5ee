// A network: layers in order, where each takes its input from, and how often it stands there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/data_type.h"
#include "workloads/density.h"
#include "workloads/layer.h"

namespace convroof {

// The index that stands for the network's own input.
constexpr int kNetworkInput = -1;

struct NetworkLayer {
  LayerSpec spec;
  std::vector<int> inputs;   // indices of the layers that feed it, kNetworkInput for the image; one, or two for an addition
  std::int64_t repeats = 1;  // this layer stands this many times in the network; totals multiply by it
};

struct Network {
  std::string name;    // as in `--networks`; the file's `name`
  std::string title;   // for people
  std::string source;  // where the shapes come from
  std::string note;    // what a reader of tables must know (folded batch norm, a corrected error)
  std::int64_t input_channels = 0, input_height = 0, input_width = 0;
  std::vector<NetworkLayer> layers;

  const NetworkLayer* find(std::string_view layer_name) const;
};

// A hash of the computational content: names, shapes, edges, repeats. Formatting, comments and titles of the file do not enter.
// 32 hexadecimal digits (XXH3, 128 bits).
std::string content_hash(const Network& network);

// Index of the first layer with the same canonical shape, for every layer. A layer is its own when it is the first of its kind.
std::vector<int> first_of_same_shape(const Network& network);

// One row of a cost table, for `batch` images of one type at one density. Sizes are in bytes, counts in elements.
struct LayerCost {
  std::int64_t macs = 0, macs_valid = 0, ops_other = 0;
  std::int64_t weights = 0, biases = 0;
  std::int64_t input_bytes = 0, weight_bytes = 0, bias_bytes = 0, output_bytes = 0;
  std::int64_t macs_backward_data = 0, macs_backward_weights = 0;  // of one training step
  std::int64_t activation_elements = 0;                            // outputs kept for the backward pass

  std::int64_t bytes_compulsory() const;  // each operand once
  double intensity_effective() const;     // 2 macs / bytes_compulsory; 0 without MACs
  LayerCost& operator+=(const LayerCost& other);
  LayerCost times(std::int64_t repeats) const;
};

// Throws std::overflow_error when a total does not fit. `is_first`: the layer reads the image, so training needs no gradient of its input.
LayerCost cost_of(const LayerSpec& layer, std::int64_t batch, DataType type, const LayerDensity& density, bool is_first = false);

}  // namespace convroof
