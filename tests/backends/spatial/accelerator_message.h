// What a person reads who writes an accelerator file.
#pragma once

#include <string>

#include "backends/spatial/model/accelerator.h"
#include "workloads/input_error.h"

namespace convroof::spatial {

// The error of `text` as the file mine.toml, or "no error".
inline std::string message_of(const std::string& text) {
  try {
    parse_accelerator(text, "mine.toml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace convroof::spatial
