#include "workloads/data_folder.h"

#include <cstdlib>
#include <filesystem>
#include <set>

namespace convroof {

namespace fs = std::filesystem;

std::vector<std::string> data_folders() {
  std::vector<std::string> folders;
  if (const char* named = std::getenv("CONVROOF_DATA"); named != nullptr && *named != '\0') folders.emplace_back(named);
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back((binary.parent_path().parent_path() / "share" / "convroof").string());
#ifdef CONVROOF_SOURCE_FOLDER
  folders.emplace_back(CONVROOF_SOURCE_FOLDER);
#endif
  return folders;
}

std::string find_data(std::string_view relative) {
  for (const std::string& folder : data_folders()) {
    const fs::path path = fs::path(folder) / relative;
    std::error_code error;
    if (fs::exists(path, error)) return path.string();
  }
  return "";
}

std::vector<std::string> data_stems(std::string_view relative) {
  std::set<std::string> stems;
  for (const std::string& folder : data_folders()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(fs::path(folder) / relative, error))
      if (entry.path().extension() == ".toml") stems.insert(entry.path().stem().string());
  }
  return {stems.begin(), stems.end()};
}

bool looks_like_path(std::string_view word) {
  return word.find('/') != std::string_view::npos || word.ends_with(".toml") || word.ends_with(".csv") || word.ends_with(".cfg");
}

}  // namespace convroof
