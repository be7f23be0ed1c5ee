// Built instead of the backend where CMake found no oneDNN.
#include <memory>

#include "backends/absent_backend.h"
#include "backends/onednn/variants.h"

namespace convroof {

std::unique_ptr<Backend> make_onednn_backend() {
  return std::make_unique<AbsentBackend>("onednn", Clock::host, DataType::f32, onednn::variants(),
                                         "built without oneDNN: apt-get install libdnnl-dev, then configure and build again");
}

}  // namespace convroof
