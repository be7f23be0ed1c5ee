#include "backends/highway/tuning_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "backends/highway/tile_product.h"
#include "backends/host_cpu.h"

namespace convroof::highway {
namespace {

// Raise it when a kernel's speed changes: choices of other generations are not looked at.
constexpr int kGeneration = 2;

std::string text_at(const nlohmann::json& entry, const char* name) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

TuningCache::TuningCache(std::string path) : path_(std::move(path)) {}

std::string TuningCache::default_path() {
  constexpr const char* kFile = "/highway-tuning.jsonl";
  if (const char* folder = std::getenv("CONVROOF_CACHE")) return *folder == '\0' ? "" : std::string(folder) + kFile;
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder != '\0') return std::string(folder) + "/convroof" + kFile;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return std::string(home) + "/.cache/convroof" + kFile;
  return "";
}

std::string TuningCache::key(const Case& c) {
  return fmt::format("{} | {} | convroof {} generation {} | {} {} batch {} threads {} epilogue {} cache {}", host_cpu().name, target_name(), CONVROOF_VERSION,
                     kGeneration, canonical_shape(c.layer), name_of(c.type), c.batch, c.threads, name_of(c.epilogue), name_of(c.cache));
}

TuningCache::Entries TuningCache::read() const {
  Entries entries;
  if (path_.empty()) return entries;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const std::string key = text_at(entry, "key"), picked = text_at(entry, "picked");
    if (!key.empty() && !picked.empty()) entries[key] = {picked, text_at(entry, "trials")};
  }
  return entries;
}

std::optional<Tuned> TuningCache::find(const std::string& key) const {
  const Entries entries = read();
  const auto found = entries.find(key);
  return found == entries.end() ? std::nullopt : std::optional(found->second);
}

void TuningCache::store(const std::string& key, const Tuned& tuned) {
  if (path_.empty()) return;
  // Written anew beside the old file and renamed: readers see one or the other, and of two writers the last one's view stays.
  Entries entries = read();
  entries[key] = tuned;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  const std::string beside = fmt::format("{}.{}", path_, getpid());
  std::ofstream file(beside, std::ios::trunc);
  for (const auto& [name, entry] : entries)
    file << nlohmann::json{{"key", name}, {"picked", entry.picked}, {"trials", entry.trials}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
         << '\n';
  file.close();
  if (file) std::filesystem::rename(beside, path_, error);
  if (!file || error) std::filesystem::remove(beside, error);
}

}  // namespace convroof::highway
