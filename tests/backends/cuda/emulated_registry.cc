// The backends of the program on the emulated device: the reference and cuda.
#include "backends/registry.h"

namespace convroof {

std::unique_ptr<Backend> make_reference_backend();
std::unique_ptr<Backend> make_cuda_backend();

const std::vector<std::unique_ptr<Backend>>& backends() {
  static const auto* list = [] {
    auto* made = new std::vector<std::unique_ptr<Backend>>;
    made->push_back(make_reference_backend());
    made->push_back(make_cuda_backend());
    return made;
  }();
  return *list;
}

Backend* find_backend(std::string_view name) {
  for (const auto& backend : backends())
    if (backend->name() == name) return backend.get();
  return nullptr;
}

}  // namespace convroof
