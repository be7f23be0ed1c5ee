// The Highway backend of a build that found no Highway >= 1.2: its variants by name, and why they cannot run. The roofs of the CPU are missing with it.
#include "backends/absent_backend.h"

namespace convroof {

std::unique_ptr<Backend> make_highway_backend() {
  std::vector<Variant> variants;
  for (const char* name : {"auto", "direct", "gemm", "winograd2x2", "winograd3x3", "winograd4x4", "winograd6x6", "winograd2x2-5x5", "winograd4x4-5x5",
                           "bf16-direct", "bf16-winograd2x2", "int8-direct", "int8-winograd2x2", "sparse-direct", "sparse-activations"})
    variants.push_back({.name = name, .summary = "not built", .in_quick = std::string_view(name) == "auto"});
  return std::make_unique<AbsentBackend>("highway", Clock::host, DataType::f32, std::move(variants), CONVROOF_HIGHWAY_ABSENT);
}

}  // namespace convroof
