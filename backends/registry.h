// All backends of this build, in the order in which CMake lists them. A backend whose library is missing is still here and says why.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "backends/backend.h"

namespace convroof {

// Made on first use; owned for the life of the process.
const std::vector<std::unique_ptr<Backend>>& backends();
Backend* find_backend(std::string_view name);  // nullptr where there is none

}  // namespace convroof
