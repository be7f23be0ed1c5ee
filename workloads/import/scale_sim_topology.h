// Topology files of SCALE-Sim (Samajdar et al., ISPASS 2020; versions 1 to 3), read as they are: rows of convolutions
//   Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
// or of matrix products (M x K times K x N)
//   Layer, M, N, K,
// with or without the comma at the end of a line. docs/backends/spatial/scale-sim.md lists what is read how, and what SCALE-Sim does otherwise.
#pragma once

#include <string>
#include <string_view>

#include "workloads/network.h"

namespace convroof {

// One layer a row, in order; shapes do not have to follow from each other. The network is named like the file. Layers have no bias and no activation.
//   - Windows that hang over the edge count as outputs, as in SCALE-Sim (ceil((input - filter + stride) / stride) of them); what they miss is padding.
//   - A row named with "DP" is a depthwise convolution: as many groups as channels, `Num Filter` filters each.
//   - A matrix product is a convolution of an M x K image by N filters of 1 x K.
//   - Columns after `Strides` count by their heading: stride width, padding, groups (ours), batch (1), sparsity (1:1 changes nothing; another ratio is
//     named in the network's note and left to --densities). Other columns are not looked at.
//   - Names lose what case names cannot hold; a second layer of the same name gets _2.
// Throws InputError (file:line:column, the word, the mend).
Network read_scale_sim_topology(const std::string& path);
Network parse_scale_sim_topology(std::string_view text, const std::string& shown_name);

}  // namespace convroof
