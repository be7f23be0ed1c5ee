#include "backends/xnnpack/library.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <stdexcept>

namespace convroof::xnnpack {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;
thread_local std::size_t requested = 0;

void* aligned(std::size_t alignment, std::size_t size) {
  if (size >= kHugePage) alignment = kHugePage;
  void* start = nullptr;
  if (posix_memalign(&start, alignment, size) != 0) return nullptr;
  if (alignment == kHugePage) madvise(start, size, MADV_HUGEPAGE);  // advice only: where it is refused, small pages serve
  return start;
}

void* allocate(void*, std::size_t size) {
  requested += size;
  return std::malloc(size);
}

void* reallocate(void*, void* block, std::size_t size) {
  requested += size;
  return std::realloc(block, size);
}

void* allocate_aligned(void*, std::size_t alignment, std::size_t size) {
  requested += size;
  return aligned(alignment, size);
}

void deallocate(void*, void* block) { std::free(block); }

std::string start() {
  static const xnn_allocator allocator{nullptr, allocate, reallocate, deallocate, allocate_aligned, deallocate};
  const xnn_status status = xnn_initialize(&allocator);
  return status == xnn_status_success ? "" : fmt::format("XNNPACK does not start here: {}", name_of(status));
}

}  // namespace

const std::string& why_not_here() {
  static const std::string reason = start();
  return reason;
}

std::string_view name_of(xnn_status status) {
  switch (status) {
    case xnn_status_success:
      return "success";
    case xnn_status_uninitialized:
      return "uninitialized";
    case xnn_status_invalid_parameter:
      return "invalid parameter";
    case xnn_status_invalid_state:
      return "invalid state";
    case xnn_status_unsupported_parameter:
      return "unsupported parameter";
    case xnn_status_unsupported_hardware:
      return "unsupported hardware";
    case xnn_status_out_of_memory:
      return "out of memory";
  }
  return "unknown status";
}

void check(xnn_status status, std::string_view call) {
  if (status != xnn_status_success) throw std::runtime_error(fmt::format("XNNPACK, {}: {}", call, name_of(status)));
}

void FreeMemory::operator()(void* p) const { std::free(p); }

Floats allocate_floats(std::size_t count) {
  constexpr std::size_t kLine = 64;
  auto* start = static_cast<float*>(aligned(kLine, count * sizeof(float) + XNN_EXTRA_BYTES));
  if (start == nullptr) throw std::bad_alloc();
  return Floats(start);
}

std::size_t bytes_requested() { return requested; }

}  // namespace convroof::xnnpack
