// Reads networks/*.toml and a user's own files of the same form. docs/formats.md describes the form with an example.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workloads/network.h"

namespace convroof {

// Throws InputError with file:line:column, the offending word and the mend.
Network read_network_file(const std::string& path);
Network parse_network(std::string_view text, const std::string& shown_name);

// `name_or_path`: a shipped network's name, or a path: of a network file, or of a SCALE-Sim topology (.csv).
// Throws InputError, or std::invalid_argument for an unknown name (the message gives the nearest known one).
Network load_network(std::string_view name_or_path);

// Names of the shipped networks, in the order of docs and tables.
std::vector<std::string> shipped_network_names();

}  // namespace convroof
