#include "harness/case_row.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <utility>

#include "harness/derived.h"

namespace convroof {
namespace {

// Every field that only numbers fill, in the order of the file.
constexpr const char* kNumberFields[] = {"seconds",
                                         "seconds_ci95",
                                         "samples",
                                         "sample_seconds",
                                         "stop_reason",
                                         "repetition_seconds",
                                         "runs_per_sample",
                                         "warm_up_runs",
                                         "prepare_seconds",
                                         "macs_executed",
                                         "ops_other",
                                         "ops_per_second",
                                         "ops_per_second_valid",
                                         "ops_per_second_effective",
                                         "bytes_packed",
                                         "bytes_dram",
                                         "bytes_source",
                                         "intensity_effective",
                                         "intensity_executed",
                                         "intensity_dram",
                                         "accumulator",
                                         "unit_used",
                                         "roof_ops_per_second",
                                         "roof_fraction",
                                         "bound",
                                         "max_error",
                                         "error_bound",
                                         "relative_l2_error"};
// Fields of simulated cases, present only there.
constexpr const char* kSimulatedFields[] = {"cycles", "stall_cycles", "clock_hz",     "pe_count", "pe_active",   "pe_utilization", "accesses",
                                            "energy", "energy_unit",  "energy_table", "fidelity", "assumptions", "pe_clocks_lost"};

template <typename T>
Row or_null(const std::optional<T>& value) {
  return value ? Row(*value) : Row(nullptr);
}
Row or_null(const std::string& text) { return text.empty() ? Row(nullptr) : Row(text); }

// At most this many samples are kept one by one, evenly spaced in time: a short kernel gives thousands, and a run has thousands of cases.
constexpr std::size_t kMostSamples = 256;
Row thinned(const std::vector<double>& samples) {
  if (samples.size() <= kMostSamples) return samples;
  Row kept = Row::array();
  for (std::size_t i = 0; i < kMostSamples; ++i) kept.push_back(samples[i * samples.size() / kMostSamples]);
  return kept;
}

Row accesses_of(const std::vector<Traffic>& traffic) {
  Row accesses = Row::object();
  for (const Traffic& t : traffic) {
    Row& entry = accesses[t.level][t.operand];
    if (entry.is_null()) entry = {{"reads", std::uint64_t{0}}, {"writes", std::uint64_t{0}}};
    entry["reads"] = entry["reads"].get<std::uint64_t>() + t.reads;
    entry["writes"] = entry["writes"].get<std::uint64_t>() + t.writes;
  }
  return accesses;
}

// Why a measurement is noisy; empty where it is not.
std::string noise_of(const Measurement& m) {
  if (!m.noisy) return "";
  if (m.stop_reason == name_of(StopReason::contended))
    return fmt::format("other programs kept the processors busy: threads waited for one during {:.0f} % of the time", 100 * m.waiting_share);
  return "the confidence interval did not get as narrow as asked for";
}

void add_simulated(Row& row, const Simulated& s, const std::vector<Traffic>& traffic) {
  row["cycles"] = s.cycles;
  row["stall_cycles"] = s.stall_cycles;
  row["clock_hz"] = s.clock_hz;
  row["pe_count"] = s.pe_count;
  row["pe_active"] = s.pe_active;
  row["pe_utilization"] = s.pe_utilization;
  row["pe_clocks_lost"] = Row::object();
  for (const auto& [cause, clocks] : s.pe_clocks_lost) row["pe_clocks_lost"][cause] = clocks;
  row["accesses"] = accesses_of(traffic);
  row["energy"] = s.energy.empty() ? Row(nullptr) : Row(s.energy);
  row["energy_unit"] = or_null(s.energy_unit);
  row["energy_table"] = or_null(s.energy_table);
  row["fidelity"] = or_null(s.fidelity);
  row["assumptions"] = s.assumptions;
}

}  // namespace

Row planned_row(const Plan& plan, const PlannedCase& planned) {
  const LayerSpec& spec = planned.layer().spec;
  Row row;
  row["name"] = planned.name;
  row["network"] = planned.network->network.name;
  row["layer"] = spec.name;
  row["op"] = name_of(spec.op);
  row["backend"] = planned.backend->name();
  row["variant"] = planned.variant.name;
  row["device"] = nullptr;
  row["type"] = name_of(planned.type);
  row["batch"] = planned.batch;
  row["density"] = planned.density_name;
  row["weight_density"] = planned.density.weights.share;
  row["activation_density"] = planned.density.activations;
  row["threads"] = plan.threads;
  row["cache"] = name_of(plan.cache);
  row["epilogue"] = name_of(plan.epilogue);
  row["data"] = name_of(planned.data);
  row["seed"] = plan.seed;
  row["clock"] = name_of(planned.backend->clock());
  row["repeats"] = planned.repeats;
  row["workload_hash"] = planned.network->hash;
  row["shape"] = canonical_shape(spec);
  row["outcome"] = "skipped";
  row["reason"] = planned.skip_reason.empty() ? kNotReached : planned.skip_reason;
  row["facts"] = Row::object();
  for (const char* field : {"macs_dense", "macs_valid", "bytes_compulsory"}) row[field] = nullptr;
  try {
    const LayerCost cost = cost_of(spec, planned.batch, planned.type, planned.density);
    row["bytes_compulsory"] = cost.bytes_compulsory();
    row["macs_dense"] = cost.macs;
    row["macs_valid"] = cost.macs_valid;
  } catch (const std::overflow_error&) {  // the plan skips it, and says why
  }
  for (const char* field : kNumberFields) row[field] = nullptr;
  return row;
}

void add_numbers(Row& row, const Numbers& n) {
  const Measurement& m = n.measurement;
  row["outcome"] = m.noisy ? "noisy" : "measured";
  row["reason"] = noise_of(m);
  row["seconds"] = m.seconds;
  row["seconds_ci95"] = {m.ci_lo, m.ci_hi};
  row["samples"] = m.samples.size();
  row["sample_seconds"] = thinned(m.samples);
  row["stop_reason"] = m.stop_reason;
  row["repetition_seconds"] = n.repetition_seconds;
  row["runs_per_sample"] = m.runs_per_sample;
  row["warm_up_runs"] = m.warm_up_runs;
  row["prepare_seconds"] = n.prepare_seconds;

  const Work& work = n.work;
  const Counts counts{.seconds = m.seconds,
                      .macs_dense = row["macs_dense"].get<std::uint64_t>(),
                      .macs_valid = row["macs_valid"].get<std::uint64_t>(),
                      .macs_executed = work.macs_executed,
                      .ops_other = work.ops_other,
                      .bytes_compulsory = row["bytes_compulsory"].get<std::uint64_t>(),
                      .bytes_packed = work.bytes_packed,
                      .bytes_dram = dram_bytes(work.traffic)};
  const Rates rates = rates_of(counts);
  row["macs_executed"] = counts.macs_executed;
  row["ops_other"] = counts.ops_other;
  row["ops_per_second"] = rates.ops_per_second;
  row["ops_per_second_valid"] = rates.ops_per_second_valid;
  row["ops_per_second_effective"] = rates.ops_per_second_effective;
  row["bytes_packed"] = counts.bytes_packed;
  row["bytes_dram"] = or_null(counts.bytes_dram);
  row["bytes_source"] = counts.bytes_dram ? or_null(work.source) : Row(nullptr);
  row["intensity_effective"] = or_null(rates.intensity_effective);
  row["intensity_executed"] = or_null(rates.intensity_executed);
  row["intensity_dram"] = or_null(rates.intensity_dram);
  row["accumulator"] = or_null(work.accumulator);
  row["unit_used"] = or_null(work.unit_used);
  row["max_error"] = n.verdict.max_error;
  row["error_bound"] = n.verdict.error_bound;
  row["relative_l2_error"] = n.verdict.relative_l2_error;
  for (const auto& [key, value] : work.facts) row["facts"][key] = value;
  if (work.simulated) add_simulated(row, *work.simulated, work.traffic);
}

void end_row(Row& row, const std::string& outcome, const std::string& reason) {
  row["outcome"] = outcome;
  row["reason"] = reason;
  for (const char* field : kNumberFields) row[field] = nullptr;
  for (const char* field : kSimulatedFields) row.erase(field);
}

RooflinePoint point_of(const Row& row) {
  RooflinePoint point;
  const auto text = [&](const char* field) { return row[field].is_string() ? row[field].get<std::string>() : std::string(); };
  point.device = text("device");
  point.type = text("type");
  point.accumulator = text("accumulator");
  point.unit_used = text("unit_used");
  point.threads = row["threads"].get<int>();
  point.clock = text("clock") == "host" ? Clock::host : text("clock") == "device" ? Clock::device : Clock::simulated;
  point.cache = text("cache") == "cold" ? CacheState::cold : CacheState::warm;
  point.seconds = row["seconds"].get<double>();
  point.macs_executed = row["macs_executed"].get<double>();
  point.ops_other = row["ops_other"].get<double>();
  point.bytes_packed = row["bytes_packed"].get<double>();
  return point;
}

RoofJudgement add_roof(Row& row, const std::vector<Ceiling>& ceilings) {
  if (!has_numbers(row)) return {};
  const RoofJudgement judgement = judge(point_of(row), ceilings);
  row["roof_ops_per_second"] = or_null(judgement.roof_ops_per_second);
  row["roof_fraction"] = or_null(judgement.roof_fraction);
  row["bound"] = judgement.bound;
  if (judgement.untrusted) end_row(row, "untrusted", judgement.explanation);
  return judgement;
}

bool has_numbers(const Row& row) { return row["outcome"] == "measured" || row["outcome"] == "noisy"; }

bool is_bad(const Row& row) { return row["outcome"] == "wrong" || row["outcome"] == "failed"; }

Row to_json(const Ceiling& c) {
  Row json;
  json["device"] = c.device;
  json["kind"] = c.kind;
  json["type"] = or_null(c.type);
  json["accumulator"] = or_null(c.accumulator);
  json["unit_used"] = or_null(c.unit_used);
  json["level"] = or_null(c.level);
  json["value"] = c.value;
  json["unit"] = c.unit;
  json["threads"] = c.threads;
  json["clock_hz"] = c.clock_hz > 0 ? Row(c.clock_hz) : Row(nullptr);
  json["spread"] = c.spread;
  json["theoretical"] = c.theoretical > 0 ? Row(c.theoretical) : Row(nullptr);
  json["source"] = c.source;
  json["method"] = c.method;
  json["capacity_bytes"] = c.capacity_bytes > 0 ? Row(c.capacity_bytes) : Row(nullptr);
  return json;
}

Ceiling ceiling_from(const Row& json) {
  const auto text = [&](const char* key) { return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string(); };
  const auto number = [&](const char* key) { return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0.0; };
  Ceiling c;
  c.device = text("device");
  c.kind = text("kind");
  c.type = text("type");
  c.accumulator = text("accumulator");
  c.unit_used = text("unit_used");
  c.level = text("level");
  c.value = number("value");
  c.unit = text("unit");
  c.threads = static_cast<int>(number("threads"));
  c.clock_hz = number("clock_hz");
  c.spread = number("spread");
  c.theoretical = number("theoretical");
  c.source = text("source");
  c.method = text("method");
  c.capacity_bytes = static_cast<std::int64_t>(number("capacity_bytes"));
  return c;
}

void drop_non_finite(Row& json) {
  if (json.is_number_float() && !std::isfinite(json.get<double>())) json = nullptr;
  if (json.is_structured())
    for (auto& element : json) drop_non_finite(element);
}

}  // namespace convroof
