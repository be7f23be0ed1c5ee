// What every reader of a person's files throws.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace convroof {

// A mistake in a file that a person wrote. what() reads "file:line:column: message"; line and column count from 1.
class InputError : public std::runtime_error {
 public:
  InputError(std::string_view file, std::int64_t line, std::int64_t column, std::string_view message);
};

}  // namespace convroof
