// Configuration files of SCALE-Sim (.cfg, versions 1 to 3), read as they are and turned into the text of an accelerator file.
// docs/backends/spatial/scale-sim.md lists what each key becomes.
#pragma once

#include <string>
#include <string_view>

namespace convroof::spatial {

// What a systolic array needs is taken (array, SRAM sizes, dataflow, bandwidth); keys that SCALE-Sim knows and a systolic array does not need are passed
// over, and switches that would change its results become assumptions. Throws InputError (file:line:column, the word, the mend).
std::string toml_of_scale_sim_config(std::string_view text, const std::string& shown_name);

}  // namespace convroof::spatial
