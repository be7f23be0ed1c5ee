#include "backends/spatial/model/accelerator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <utility>

#include "workloads/data_folder.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestSide = 4096;         // of an array; wafer-scale engines stay below
constexpr std::int64_t kLargestBuffer = 1ll << 40;  // bytes
constexpr std::string_view kAccelerators = "backends/spatial/accelerators";
constexpr std::string_view kEnergy = "backends/spatial/energy";

// The first spelling is the one that tables and messages use.
constexpr std::array<std::pair<std::string_view, Dataflow>, 9> kDataflows = {{{"weight-stationary", Dataflow::systolic_ws},
                                                                              {"output-stationary", Dataflow::systolic_os},
                                                                              {"input-stationary", Dataflow::systolic_is},
                                                                              {"systolic-ws", Dataflow::systolic_ws},
                                                                              {"systolic-os", Dataflow::systolic_os},
                                                                              {"systolic-is", Dataflow::systolic_is},
                                                                              {"ws", Dataflow::systolic_ws},
                                                                              {"os", Dataflow::systolic_os},
                                                                              {"is", Dataflow::systolic_is}}};

std::vector<std::string> dataflow_names() {
  std::vector<std::string> names;
  for (const auto& [name, dataflow] : kDataflows) names.emplace_back(name);
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
    root_.allow_only({"title", "source", "fidelity", "assumptions", "dataflow", "rows", "columns", "multipliers_per_pe", "clock_hz", "word_bits",
                      "accumulator_bits", "buffer", "dram", "energy"});
    a_.name = std::filesystem::path(document_.file()).stem().string();
    a_.title = root_.text("title").value_or(a_.name);
    a_.source = root_.text("source").value_or("");
    a_.fidelity = root_.text("fidelity").value_or("sketch");
    if (a_.fidelity != "chip" && a_.fidelity != "family" && a_.fidelity != "sketch")
      root_.fail_at("fidelity", unknown_name("fidelity", a_.fidelity, {"chip", "family", "sketch"}));
    a_.assumptions = root_.texts("assumptions").value_or(std::vector<std::string>{});
    read_array();
    read_memory();
    read_energy();
    check_tiles();
    return std::move(a_);
  }

 private:
  std::int64_t needed(std::string_view key, std::int64_t low, std::int64_t high, std::string_view example) const {
    const auto value = root_.integer(key, low, high);
    if (!value) root_.fail_missing(key, fmt::format("give it, as {} = {}", key, example));
    return *value;
  }

  void read_array() {
    const auto dataflow = root_.text("dataflow");
    if (!dataflow) root_.fail_missing("dataflow", fmt::format("one of {}", fmt::join(dataflow_names(), ", ")));
    const auto known = std::find_if(kDataflows.begin(), kDataflows.end(), [&](const auto& entry) { return entry.first == *dataflow; });
    if (known == kDataflows.end()) root_.fail_at("dataflow", unknown_name("dataflow", *dataflow, dataflow_names()));
    a_.dataflow = known->second;
    a_.rows = needed("rows", 1, kLargestSide, "16");
    a_.columns = needed("columns", 1, kLargestSide, "16");
    if (root_.has("multipliers_per_pe") && root_.integer("multipliers_per_pe", 1, 1).value() != 1)
      root_.fail_at("multipliers_per_pe", "a systolic PE has 1 multiplier");
    const auto clock = root_.number("clock_hz", 1, 1e12);
    if (!clock) root_.fail_missing("clock_hz", "give the array's clock, as clock_hz = 1e9");
    a_.clock_hz = *clock;
    a_.word_bits = static_cast<int>(root_.integer("word_bits", 16, 64).value_or(16));
    if (a_.word_bits % 8 != 0) root_.fail_at("word_bits", fmt::format("`word_bits` must be a multiple of 8 that holds an s16 value, got `{}`", a_.word_bits));
    a_.accumulator_bits = static_cast<int>(root_.integer("accumulator_bits", 64, 64).value_or(64));
  }

  void read_memory() {
    if (const auto buffers = root_.table("buffer")) {
      buffers->allow_only({"input", "weight", "output"});
      for (const auto& [key, place] :
           {std::pair{"input", &a_.input_buffer_bytes}, std::pair{"weight", &a_.weight_buffer_bytes}, std::pair{"output", &a_.output_buffer_bytes}}) {
        const auto buffer = buffers->table(key);
        if (!buffer) continue;
        buffer->allow_only({"bytes"});
        *place = buffer->integer("bytes", 1, kLargestBuffer);
        if (!*place) buffer->fail_missing("bytes", "give its size, as bytes = 65536; leave the whole table out for a buffer without limit");
      }
    }
    if (const auto dram = root_.table("dram")) {
      dram->allow_only({"bits_per_cycle"});
      a_.dram_bits_per_cycle = dram->number("bits_per_cycle", 1e-6, 1e9);
      if (!a_.dram_bits_per_cycle) dram->fail_missing("bits_per_cycle", "give it, as bits_per_cycle = 128; leave [dram] out for memory that never waits");
    }
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

  // Each half of a double buffer must hold what the array takes in before it can begin.
  void check_tiles() const {
    const bool inputs_stay = a_.dataflow == Dataflow::systolic_is, weights_stay = a_.dataflow == Dataflow::systolic_ws;
    require("input", a_.input_buffer_bytes, inputs_stay ? a_.rows * a_.columns : a_.rows, a_.word_bits);
    require("weight", a_.weight_buffer_bytes, weights_stay ? a_.rows * a_.columns : (inputs_stay ? a_.rows : a_.columns), a_.word_bits);
    require("output", a_.output_buffer_bytes, a_.columns, a_.accumulator_bits);
  }

  void require(std::string_view buffer, const std::optional<std::int64_t>& bytes, std::int64_t words, int bits) const {
    const std::int64_t least = 2 * words * bits / 8;
    if (bytes && *bytes < least)
      root_.table("buffer")->table(buffer)->fail_at(
          "bytes", fmt::format("the {} buffer is smaller than one tile: both halves of {} words of {} bits need `{}` bytes, got `{}`; enlarge it", buffer,
                               words, bits, least, *bytes));
  }

  const TomlDocument& document_;
  TomlTable root_;
  Accelerator a_;
};

}  // namespace

std::int64_t Accelerator::half_words(const std::optional<std::int64_t>& bytes, int bits) {
  return bytes ? *bytes * 8 / bits / 2 : std::numeric_limits<std::int64_t>::max();
}

std::string_view name_of(Dataflow dataflow) {
  for (const auto& [name, value] : kDataflows)
    if (value == dataflow) return name;
  return "";
}

Accelerator read_accelerator(const std::string& path) {
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
  const std::vector<std::string> order = {"systolic-ws", "systolic-os", "systolic-is"};
  const std::vector<std::string> present = data_stems(kAccelerators);
  std::vector<std::string> names;
  for (const std::string& name : order)
    if (std::find(present.begin(), present.end(), name) != present.end()) names.push_back(name);
  for (const std::string& name : present)
    if (std::find(order.begin(), order.end(), name) == order.end()) names.push_back(name);
  return names;
}

}  // namespace convroof::spatial
