#include "backends/cuda/device/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "workloads/data_folder.h"
#include "workloads/nearest.h"

namespace convroof::cuda {
namespace {

constexpr const char* kProfileFolder = "backends/cuda/profiles";

nlohmann::json parsed(const std::string& profile) {
  const std::string path = profile_path(profile);
  std::ifstream file(path);
  if (!file) throw std::invalid_argument(fmt::format("{}: the device profile cannot be read", path));
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(file);
  } catch (const nlohmann::json::parse_error& error) {
    throw std::invalid_argument(fmt::format("{}: not JSON: {}", path, error.what()));
  }
  if (!json.is_object()) throw std::invalid_argument(fmt::format("{}: a device profile is one JSON object", path));
  json.erase("comment");  // ours; the rest is cuDNN's
  return json;
}

}  // namespace

std::vector<std::string> shipped_profiles() {
  std::vector<std::string> names;
  for (const std::string& folder : data_folders()) {
    std::error_code ignored;  // a data folder need not exist
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(folder) / kProfileFolder, ignored))
      if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string profile_path(const std::string& profile) {
  if (profile.find('/') != std::string::npos || profile.ends_with(".json")) return profile;
  const std::string path = find_data(fmt::format("{}/{}.json", kProfileFolder, profile));
  if (path.empty()) throw std::invalid_argument(unknown_name("device profile", profile, shipped_profiles()));
  return path;
}

std::string profile_json(const std::string& profile) { return parsed(profile).dump(); }

DescribedDevice described_device(const std::string& profile) {
  const nlohmann::json json = parsed(profile);
  const auto number = [&](const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer())
      throw std::invalid_argument(fmt::format("{}: `{}` must be a whole number", profile_path(profile), key));
    return found->get<int>();
  };
  DescribedDevice device;
  device.name = std::filesystem::path(profile_path(profile)).stem().string();
  device.compute_capability = number("deviceVer") / 10;
  device.multiprocessors = number("multiProcessorCount");
  device.threads = number("maxThreadsPerSM");
  device.blocks = number("maxCtasPerSM");
  device.registers = number("maxRegistersPerSM");
  device.reserved_bytes_a_block = number("reservedSharedMemoryPerBlock");
  // A block may have all of a multiprocessor's shared memory but what is reserved of it.
  device.shared_bytes = number("maxSharedMemoryPerBlockOptin") + device.reserved_bytes_a_block;
  return device;
}

}  // namespace convroof::cuda
