// The environment of worker processes: the user's own, and threads that stay where they start, one core each. OpenMP reads its settings when a process starts,
// so they cannot be made later. A migrating thread leaves its caches behind, and on an idle machine a scheduler may still put two threads on one core.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace convroof {

// What is added to the parent's environment, given as NAME=value: OMP_PROC_BIND=close and OMP_PLACES=cores. A setting of the user's own stands, and nothing is
// added beside GOMP_CPU_AFFINITY, which says the same in other words.
std::map<std::string, std::string> settings_of_workers(const std::vector<std::string>& environment);

// This process's own environment, as NAME=value.
std::vector<std::string> own_environment();

}  // namespace convroof
