// The reuse analysis of `convroof describe`, as text and as JSON.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "workloads/network.h"

namespace convroof {

// Two lines: what main memory would see without any reuse, and with all of it.
std::string reuse_bounds_text(const Network& network, std::int64_t batch);

// Two tables: reuse by kind for each layer with weights, and how often a fetched weight is used at batch 1 to 64.
std::string reuse_tables(const Network& network, std::int64_t batch);

nlohmann::ordered_json reuse_json(const LayerSpec& layer, std::int64_t batch);
nlohmann::ordered_json reuse_json(const Network& network, std::int64_t batch);  // of the totals

}  // namespace convroof
