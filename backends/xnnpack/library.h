// The library as a whole: started once, its memory ours.
#pragma once

#include <xnnpack.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace convroof::xnnpack {

// Starts the library on first use. Empty, or why it does not run on this CPU.
const std::string& why_not_here();

std::string_view name_of(xnn_status status);

// Throws std::runtime_error that names the call, unless the status is success.
void check(xnn_status status, std::string_view call);

struct FreeMemory {
  void operator()(void* p) const;
};
// Floats that the library may read some bytes beyond; on huge pages where the system has them, as the operands of the other backends.
using Floats = std::unique_ptr<float[], FreeMemory>;
Floats allocate_floats(std::size_t count);

// Bytes that the library has asked for on this thread so far: packed weights, indirection buffers, padding.
std::size_t bytes_requested();

}  // namespace convroof::xnnpack
