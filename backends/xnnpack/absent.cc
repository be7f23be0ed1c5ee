// Built instead of the backend where CMake found no XNNPACK.
#include <memory>

#include "backends/absent_backend.h"
#include "backends/xnnpack/variants.h"

namespace convroof {

std::unique_ptr<Backend> make_xnnpack_backend() {
  return std::make_unique<AbsentBackend>("xnnpack", Clock::host, DataType::f32, xnnpack::variants(),
                                         "built without XNNPACK: apt-get install libxnnpack-dev libpthreadpool-dev, then configure and build again");
}

}  // namespace convroof
