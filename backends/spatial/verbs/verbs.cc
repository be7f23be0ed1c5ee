#include "backends/spatial/verbs/verbs.h"

namespace convroof::spatial {

std::vector<Verb> verbs() {
  return {{"trace", "the clock-by-clock table of a small layer on an accelerator", trace_main},
          {"explain", "the terms that add up to one layer's clocks, accesses and energy", explain_main},
          {"energy", "a network's energy on several accelerators, side by side", energy_main},
          {"reproduce", "figures that papers publish against what the emulator gives", reproduce_main},
          {"export", "a network on a systolic array, as SCALE-Sim reports it and Timeloop reads it", export_main}};
}

}  // namespace convroof::spatial
