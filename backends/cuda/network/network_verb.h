// The verb `cuda-network`: a whole network back to back on the device, and the plan of its buffers, which needs no device.
#pragma once

#include "backends/backend.h"

namespace convroof::cuda {

Verb network_verb();

}  // namespace convroof::cuda
