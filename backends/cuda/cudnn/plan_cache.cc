#include "backends/cuda/cudnn/plan_cache.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace convroof::cuda {

PlanCache::PlanCache(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const auto key_found = entry.find("key"), tag_found = entry.find("plan");
    if (key_found == entry.end() || tag_found == entry.end() || !key_found->is_string() || !tag_found->is_string()) continue;
    tags_[key_found->get<std::string>()] = tag_found->get<std::string>();  // the last line of a key counts
  }
}

std::string PlanCache::default_path() {
  if (const char* path = std::getenv("CONVROOF_PLAN_CACHE")) return path;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return std::string(cache) + "/convroof/cudnn-plans.jsonl";
  if (const char* home = std::getenv("HOME")) return std::string(home) + "/.cache/convroof/cudnn-plans.jsonl";
  return "";
}

std::string PlanCache::key(const std::string& device, const std::string& cudnn_version, const std::string& problem) {
  return device + " | cudnn " + cudnn_version + " | " + problem;
}

std::optional<std::string> PlanCache::find(const std::string& key) const {
  const auto found = tags_.find(key);
  return found == tags_.end() ? std::nullopt : std::optional(found->second);
}

void PlanCache::store(const std::string& key, const std::string& tag) {
  tags_[key] = tag;
  if (path_.empty()) return;
  std::error_code ignored;  // the cache is a convenience
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  std::ofstream file(path_, std::ios::app);
  file << nlohmann::json{{"key", key}, {"plan", tag}}.dump() + "\n" << std::flush;
}

}  // namespace convroof::cuda
