#include "workloads/input_error.h"

#include <fmt/format.h>

#include <algorithm>

namespace convroof {

InputError::InputError(std::string_view file, std::int64_t line, std::int64_t column, std::string_view message)
    : std::runtime_error(fmt::format("{}:{}:{}: {}", file, std::max<std::int64_t>(line, 1), std::max<std::int64_t>(column, 1), message)) {}

}  // namespace convroof
