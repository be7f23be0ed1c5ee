// The cases of a run: networks x layers x backends x variants x types x batches x densities, each with a stable name. A pure function of the options, the
// data files and the registered backends: a worker process makes the same plan from the same options.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "harness/inputs.h"
#include "harness/run_options.h"
#include "workloads/network.h"

namespace convroof {

struct PlannedNetwork {
  Network network;
  std::string hash;
  std::string word;  // as on the command line: a name or a path
};

struct PlannedCase {
  std::string name;  // network/layer/backend/variant/type/batch:N/density/real_time
  const PlannedNetwork* network = nullptr;
  int layer_index = 0;
  Backend* backend = nullptr;
  Variant variant;
  DataType type = DataType::f32;
  std::int64_t batch = 1;
  std::string density_name;
  std::string density_word;  // as on the command line: a name or a path
  LayerDensity density;
  Data data = Data::normal;
  std::int64_t repeats = 1;  // how often the layer's time counts in the network's; in a quick run equal layers are measured once
  std::string skip_reason;   // known without looking at a device; empty: to be run

  const NetworkLayer& layer() const { return network->network.layers[static_cast<std::size_t>(layer_index)]; }
};

struct Plan {
  std::vector<std::unique_ptr<PlannedNetwork>> networks;
  std::vector<PlannedCase> cases;
  int threads = 1;
  CacheState cache = CacheState::warm;
  Epilogue epilogue = Epilogue::layer;
  std::uint64_t seed = 1;

  Case case_of(const PlannedCase& planned) const;
  // Seconds that a case will take, roughly. Skipped ones take none.
  double predicted_seconds(const PlannedCase& planned, const Sampling& sampling) const;
  // Indices of cases to run, in groups that share operands and expected output (layer shape x type x batch x density on one kind of device); host first.
  std::vector<std::vector<std::size_t>> groups() const;
};

// Throws UsageError (unknown names with the nearest known one, nothing matched), InputError (bad files), std::invalid_argument.
Plan make_plan(const RunOptions& options);

// Equal for cases that compute on the same operands and so have the same expected output.
std::string operands_key(const Plan& plan, const PlannedCase& planned);

// What a density is called inside a case's name.
std::string name_part(std::string density);

}  // namespace convroof
