#include "harness/worker_environment.h"

#include <unistd.h>

#include <algorithm>

extern char** environ;

namespace convroof {

std::map<std::string, std::string> settings_of_workers(const std::vector<std::string>& environment) {
  const auto is_set = [&](const std::string& name) {
    return std::ranges::any_of(environment, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  };
  std::map<std::string, std::string> added;
  if (is_set("GOMP_CPU_AFFINITY")) return added;
  for (const auto& [name, value] : {std::pair{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", "cores"}})
    if (!is_set(name)) added[name] = value;
  return added;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> list;
  for (char** entry = environ; *entry != nullptr; ++entry) list.emplace_back(*entry);
  return list;
}

}  // namespace convroof
