// Where data files (networks, densities, accelerators, the plotting scripts) are found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convroof {

// The folders that are searched, in order: $CONVROOF_DATA, ../share/convroof beside the binary, the source tree. Never the current folder.
std::vector<std::string> data_folders();

// The first existing `relative` path (as in the source tree: "workloads/networks/vgg16.toml") in these folders; empty where there is none.
std::string find_data(std::string_view relative);

// Stems of the files `*.toml` in the folder `relative` of all data folders, sorted, each once.
std::vector<std::string> data_stems(std::string_view relative);

// True for words that can only mean a file: they contain '/' or end in .toml, .csv or .cfg.
bool looks_like_path(std::string_view word);

}  // namespace convroof
