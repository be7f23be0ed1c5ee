// The roofs of the devices that take part in a run: what each could do at best. Measured in the same session as the cases that they judge.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace convroof {

// The compute roofs wanted of a backend's device; its bandwidths come with them.
struct CeilingRequest {
  Backend* backend = nullptr;
  std::vector<DataType> types;
};

// Asks every backend for its roofs at this number of threads. A backend that gives none, is not available or fails (the failure goes to `warn`, one line)
// leaves none. The result holds each roof once, with positive finite values only, and a roof that theory rules out says so in its `method`.
std::vector<Ceiling> gather_ceilings(const std::vector<CeilingRequest>& requests, int threads, const std::function<void(const std::string&)>& warn = {});

// The same roofs measured twice, for instance before and after a run: the higher value of each stays, because a roof is what a device can do at best, and the
// spread covers both. Roofs that only one side has are kept.
std::vector<Ceiling> merge_ceilings(std::vector<Ceiling> first, const std::vector<Ceiling>& second);

// Whether two ceilings are measurements of the same roof.
bool same_roof(const Ceiling& a, const Ceiling& b);

// What is wrong with a measured value, where its theoretical limit is known: above it by more than 2 % (a wrong clock, a folded loop), or below half of it (a
// machine busy with something else, or the wrong instructions). Nothing: within range, or no theory.
std::optional<std::string> objection_to(const Ceiling& ceiling);

}  // namespace convroof
