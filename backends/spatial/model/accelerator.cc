#include "backends/spatial/model/accelerator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <utility>

#include "backends/spatial/model/scale_sim_config.h"
#include "workloads/data_folder.h"
#include "workloads/nearest.h"
#include "workloads/text_file.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::string_view kAccelerators = "backends/spatial/accelerators";
constexpr std::string_view kEnergy = "backends/spatial/energy";

// A word for `dataflow`, the keys at the top level that belong to its family alone, and the family's reader.
struct Family {
  std::string_view word;
  std::vector<std::string> keys;
  std::function<Array(const TomlTable& root, const Accelerator& shared)> read;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = [] {
    const std::vector<std::string> systolic = {"rows", "columns", "multipliers_per_pe", "buffer"};
    const auto reader = [](Stationary stays) {
      return [stays](const TomlTable& root, const Accelerator& shared) { return read_systolic(root, shared, stays); };
    };
    std::vector<Family> list = {
        // clang-format off: one family a line
        {"weight-stationary", systolic, reader(Stationary::weight)},
        {"output-stationary", systolic, reader(Stationary::output)},
        {"input-stationary", systolic, reader(Stationary::input)},
        {"no-local-reuse",
         {"lanes", "filters_per_unit", "units", "padding", "pixels_at_once", "buffer"},
         [](const TomlTable& root, const Accelerator& shared) { return read_no_local_reuse(root, shared, false); }},
        {"cnvlutin",
         {"lanes", "filters_per_unit", "units", "padding", "pixels_at_once", "buffer", "brick", "empty_brick_clocks", "dense_below_channels"},
         [](const TomlTable& root, const Accelerator& shared) { return read_no_local_reuse(root, shared, true); }},
        {"row-stationary",
         {"rows", "columns", "scratchpad", "global_buffer", "bus", "zero_gating", "compression", "mapping", "stated_mapping"},
         [](const TomlTable& root, const Accelerator& shared) { return read_row_stationary(root, shared); }},
        {"dcnn", {"pe_rows", "pe_columns", "lanes", "gate_zeros"}, read_dcnn},
        {"scnn",
         {"pe_rows", "pe_columns", "weights", "inputs", "banks", "bank_entries", "index_bits", "contention", "neighbours", "input_ram_bytes",
          "weight_fifo_vectors"},
         read_scnn},
        {"shifting-neighbour", {"filters", "rows", "columns", "outer_memory", "outermost", "keep_weights", "buffer"}, read_shifting_neighbour},
        {"broadcast-chain", {"engines", "rows", "columns", "pes", "chain", "images_in_a_pass", "buffer"}, read_broadcast_chain},
        {"feie", {"array", "schedule", "zeros"}, read_feie},
        // clang-format on
    };
    return list;
  }();
  return all;
}

// Other spellings, and the word that tables and messages use.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kAliases = {{{"systolic-ws", "weight-stationary"},
                                                                                    {"systolic-os", "output-stationary"},
                                                                                    {"systolic-is", "input-stationary"},
                                                                                    {"ws", "weight-stationary"},
                                                                                    {"os", "output-stationary"},
                                                                                    {"is", "input-stationary"}}};

std::vector<std::string> dataflow_names() {
  std::vector<std::string> names;
  for (const Family& family : families()) names.emplace_back(family.word);
  for (const auto& [name, word] : kAliases) names.emplace_back(name);
  return names;
}

EnergyTable read_energy_table(const TomlTable& table, std::string name) {
  EnergyTable energy;
  energy.name = std::move(name);
  table.allow_only({"title", "source", "unit", "mac", "local", "array", "global", "dram"});
  const auto unit = table.text("unit");
  if (!unit) table.fail_missing("unit", "give unit = \"pJ\", or unit = \"MAC\" for costs relative to one multiply-accumulate");
  if (*unit != "pJ" && *unit != "MAC") table.fail_at("unit", fmt::format("`{}` is no unit of energy here; use \"pJ\" or \"MAC\"", *unit));
  energy.unit = *unit;
  energy.source = table.text("source").value_or("");
  const auto cost = [&](std::string_view key) {
    const auto value = table.number(key, 0, 1e9);
    if (!value) table.fail_missing(key, fmt::format("give the cost of one event, as {} = 1.0", key));
    return *value;
  };
  energy.mac = cost("mac"), energy.local = cost("local"), energy.array = cost("array"), energy.global = cost("global"), energy.dram = cost("dram");
  return energy;
}

// Reads one file.
class AcceleratorFile {
 public:
  explicit AcceleratorFile(const TomlDocument& document) : document_(document), root_(document.root()) {}

  Accelerator read() {
    a_.name = std::filesystem::path(document_.file()).stem().string();
    const Family& family = read_family();
    std::vector<std::string> keys = {"title",     "source",      "fidelity",    "assumptions", "dataflow", "clock_hz",
                                     "word_bits", "accumulator", "output_bits", "dram",        "energy"};
    keys.insert(keys.end(), family.keys.begin(), family.keys.end());
    root_.allow_only(keys);
    a_.title = root_.text("title").value_or(a_.name);
    a_.source = root_.text("source").value_or("");
    a_.fidelity = root_.text("fidelity").value_or("sketch");
    if (a_.fidelity != "chip" && a_.fidelity != "family" && a_.fidelity != "sketch")
      root_.fail_at("fidelity", unknown_name("fidelity", a_.fidelity, {"chip", "family", "sketch"}));
    a_.assumptions = root_.texts("assumptions").value_or(std::vector<std::string>{});
    const auto clock = root_.number("clock_hz", 1, 1e12);
    if (!clock) root_.fail_missing("clock_hz", "give the array's clock, as clock_hz = 1e9");
    a_.clock_hz = *clock;
    read_words();
    read_dram();
    read_energy();
    a_.array = family.read(root_, a_);
    return std::move(a_);
  }

 private:
  const Family& read_family() {
    const auto word = root_.text("dataflow");
    if (!word) root_.fail_missing("dataflow", fmt::format("one of {}", fmt::join(dataflow_names(), ", ")));
    a_.dataflow = *word;
    for (const auto& [alias, meant] : kAliases)
      if (alias == *word) a_.dataflow = meant;
    for (const Family& family : families())
      if (family.word == a_.dataflow) return family;
    root_.fail_at("dataflow", unknown_name("dataflow", *word, dataflow_names()));
  }

  template <typename T>
  T choice(const TomlTable& table, std::string_view key, T otherwise, const std::vector<std::pair<std::string, T>>& choices) const {
    const auto word = table.text(key);
    if (!word) return otherwise;
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) {
      if (name == *word) return value;
      names.push_back(name);
    }
    table.fail_at(key, unknown_name(key, *word, names));
  }

  void read_words() {
    a_.word_bits = static_cast<int>(root_.integer("word_bits", 16, 64).value_or(16));
    if (a_.word_bits % 8 != 0) root_.fail_at("word_bits", fmt::format("`word_bits` must be a multiple of 8 that holds an s16 value, got `{}`", a_.word_bits));
    if (const auto sums = root_.table("accumulator")) {
      sums->allow_only({"bits", "overflow", "dropped_bits", "rounding"});
      Accumulator& sum = a_.accumulator;
      sum.bits = static_cast<int>(sums->integer("bits", 16, 64).value_or(64));
      if (sum.bits % 8 != 0) sums->fail_at("bits", fmt::format("`bits` must be a multiple of 8, got `{}`", sum.bits));
      sum.overflow = choice(*sums, "overflow", Overflow::saturate, {{"saturate", Overflow::saturate}, {"wrap", Overflow::wrap}});
      sum.dropped_bits = static_cast<int>(sums->integer("dropped_bits", 0, 30).value_or(0));
      sum.rounding = choice(*sums, "rounding", Rounding::truncate, {{"truncate", Rounding::truncate}, {"nearest", Rounding::nearest}});
    }
    a_.output_bits = static_cast<int>(root_.integer("output_bits", 8, 64).value_or(a_.accumulator.bits));
    if (a_.output_bits % 8 != 0) root_.fail_at("output_bits", fmt::format("`output_bits` must be a multiple of 8, got `{}`", a_.output_bits));
  }

  // The bus may have a clock of its own: bits_per_cycle counts the array's clocks, width_bits those of clock_hz.
  void read_dram() {
    const auto dram = root_.table("dram");
    if (!dram) return;
    dram->allow_only({"bits_per_cycle", "width_bits", "clock_hz"});
    if (dram->has("width_bits") || dram->has("clock_hz")) {
      if (dram->has("bits_per_cycle")) dram->fail_at("bits_per_cycle", "`bits_per_cycle` and `width_bits` say the same; keep one of them");
      const auto width = dram->number("width_bits", 1, 1e6), clock = dram->number("clock_hz", 1, 1e12);
      if (!width) dram->fail_missing("width_bits", "give the width of the bus, as width_bits = 64");
      if (!clock) dram->fail_missing("clock_hz", "give the clock of the bus, as clock_hz = 60e6");
      a_.dram_bits_per_cycle = *width * *clock / a_.clock_hz;
      return;
    }
    a_.dram_bits_per_cycle = dram->number("bits_per_cycle", 1e-6, 1e9);
    if (!a_.dram_bits_per_cycle) dram->fail_missing("bits_per_cycle", "give it, as bits_per_cycle = 128; leave [dram] out for memory that never waits");
  }

  // `energy` names a shipped table, or a file beside this one.
  void read_energy() {
    const auto name = root_.text("energy");
    if (!name) return;
    std::string path = find_data(fmt::format("{}/{}.toml", kEnergy, *name));
    if (looks_like_path(*name)) path = (std::filesystem::path(document_.file()).parent_path() / *name).string();
    if (path.empty()) root_.fail_at("energy", unknown_name("energy table", *name, data_stems(kEnergy)));
    const TomlDocument document = TomlDocument::read(path);
    a_.energy = read_energy_table(document.root(), std::filesystem::path(path).stem().string());
  }

  const TomlDocument& document_;
  TomlTable root_;
  Accelerator a_;
};

}  // namespace

std::int64_t Accelerator::multipliers() const {
  return std::visit([](const auto& family) { return family.multipliers(); }, array);
}

std::string Accelerator::shape() const {
  return std::visit([](const auto& family) { return family.shape(); }, array);
}

std::string why_not(const Accelerator& a, const LayerSpec& layer, std::int64_t batch) {
  return std::visit([&](const auto& family) { return why_not(a, family, layer, batch); }, a.array);
}

Accelerator read_accelerator(const std::string& path) {
  if (path.ends_with(".cfg")) return parse_accelerator(toml_of_scale_sim_config(read_text_file(path), path), path);
  const TomlDocument document = TomlDocument::read(path);
  return AcceleratorFile(document).read();
}

Accelerator parse_accelerator(std::string_view text, const std::string& shown_name) {
  const TomlDocument document = TomlDocument::parse(text, shown_name);
  return AcceleratorFile(document).read();
}

Accelerator load_accelerator(std::string_view name_or_path) {
  if (looks_like_path(name_or_path)) return read_accelerator(std::string(name_or_path));
  const std::vector<std::string> known = shipped_accelerator_names();
  if (std::find(known.begin(), known.end(), name_or_path) == known.end()) throw std::invalid_argument(unknown_name("accelerator", name_or_path, known));
  return read_accelerator(find_data(fmt::format("{}/{}.toml", kAccelerators, name_or_path)));
}

std::vector<std::string> shipped_accelerator_names() {
  // Files that are not there are passed over; others follow by name.
  const std::vector<std::string> order = {"systolic-ws", "systolic-os", "systolic-is", "zascad",          "zascas",  "eyeriss",   "eyeriss-mapped", "neuflow",
                                          "park2015",    "gupta2015",   "shidiannao",  "shidiannao-dram", "diannao", "dadiannao", "cnvlutin",       "dcnn",
                                          "scnn",        "eeps",        "dsip"};
  const std::vector<std::string> present = data_stems(kAccelerators);
  std::vector<std::string> names;
  for (const std::string& name : order)
    if (std::find(present.begin(), present.end(), name) != present.end()) names.push_back(name);
  for (const std::string& name : present)
    if (std::find(order.begin(), order.end(), name) == order.end()) names.push_back(name);
  return names;
}

}  // namespace convroof::spatial
