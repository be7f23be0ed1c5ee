#include "backends/spatial/model/dcnn.h"

#include <fmt/format.h>

#include "backends/spatial/model/accelerator.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {

std::string Dcnn::shape() const { return fmt::format("{} x {} PEs of {} multipliers", pe_rows, pe_columns, lanes); }

Dcnn read_dcnn(const TomlTable& root, const Accelerator&) {
  Dcnn a;
  const auto needed = [&](std::string_view key, std::int64_t high, std::int64_t example) {
    const auto value = root.integer(key, 1, high);
    if (!value) root.fail_missing(key, fmt::format("give it, as {} = {}", key, example));
    return *value;
  };
  a.pe_rows = needed("pe_rows", 1024, 8), a.pe_columns = needed("pe_columns", 1024, 8);
  a.lanes = needed("lanes", 4096, 16);
  a.gates_zeros = root.boolean("gate_zeros").value_or(false);
  return a;
}

}  // namespace convroof::spatial
