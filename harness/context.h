// What a reader of results must know about the machine and the program: the `context` of run.json. Google Benchmark's own keys come first.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace convroof {

nlohmann::ordered_json machine_context();

// Shared libraries in this process by name, with the version that their file names carry: {"libdnnl": "2.6", ...}.
nlohmann::ordered_json loaded_libraries();

// Now, as RFC 3339 in UTC: 2026-01-31T12:00:00Z.
std::string utc_now();

}  // namespace convroof
