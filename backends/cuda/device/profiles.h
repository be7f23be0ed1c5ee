// Devices that are only described: backends/cuda/profiles/*.json, or a user's file of that form (cuDNN's own names of device properties).
#pragma once

#include <string>
#include <vector>

namespace convroof::cuda {

// Names of the shipped profiles, sorted.
std::vector<std::string> shipped_profiles();
// The file of a shipped profile ("h200"), or the path itself. Throws std::invalid_argument for an unknown name.
std::string profile_path(const std::string& profile);
// The file's JSON object without our own "comment". Throws std::invalid_argument with the file and what is wrong with it.
std::string profile_json(const std::string& profile);

// What occupancy and tiles depend on.
struct DescribedDevice {
  std::string name;
  int compute_capability = 0;  // major * 10 + minor
  int multiprocessors = 0;
  int threads = 0, blocks = 0, registers = 0;        // of a multiprocessor
  int shared_bytes = 0, reserved_bytes_a_block = 0;  // of a multiprocessor; what the system takes of each block's
};
// Throws std::invalid_argument.
DescribedDevice described_device(const std::string& profile);

}  // namespace convroof::cuda
