#include "backends/cuda/device/check.h"

#include <fmt/format.h>

#include <string_view>

namespace convroof::cuda {
namespace {

std::string text_of(cudaError_t code, const char* call, const std::source_location& place) {
  std::string_view file = place.file_name();
  if (const auto folder = file.find("backends/"); folder != std::string_view::npos) file.remove_prefix(folder);
  return fmt::format("{}: {} ({}) from {} at {}:{}", cudaGetErrorName(code), cudaGetErrorString(code), static_cast<int>(code), call, file, place.line());
}

}  // namespace

CudaError::CudaError(cudaError_t code, const char* call, std::source_location place) : std::runtime_error(text_of(code, call, place)), code_(code) {}

bool CudaError::is_sticky() const {
  switch (code_) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
      return true;
    default:
      return false;
  }
}

}  // namespace convroof::cuda
