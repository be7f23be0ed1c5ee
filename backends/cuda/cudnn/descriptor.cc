#include "backends/cuda/cudnn/descriptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "backends/cuda/cudnn/library.h"

namespace convroof::cuda {
namespace {

std::string text_of(cudnnStatus_t status, const std::string& call, const std::source_location& place) {
  std::string_view file = place.file_name();
  if (const auto folder = file.find("backends/"); folder != std::string_view::npos) file.remove_prefix(folder);
  std::array<char, 1024> last{};
  CudnnLibrary::get().last_error_string(last.data(), last.size());
  const char* detail = last.data();
  return fmt::format("{} from {} at {}:{}{}{}", CudnnLibrary::get().error_string(status), call, file, place.line(), *detail != '\0' ? ": " : "", detail);
}

}  // namespace

CudnnError::CudnnError(cudnnStatus_t status, const std::string& call, std::source_location place)
    : std::runtime_error(text_of(status, call, place)), status_(status) {}

void check_cudnn(cudnnStatus_t status, const std::string& call, std::source_location place) {
  if (status != CUDNN_STATUS_SUCCESS) throw CudnnError(status, call, place);
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check_cudnn(CudnnLibrary::get().create_descriptor(type, &raw_), fmt::format("cudnnBackendCreateDescriptor({})", static_cast<int>(type)));
}
Descriptor::~Descriptor() {
  if (raw_ != nullptr) CudnnLibrary::get().destroy_descriptor(raw_);
}
Descriptor::Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(raw_, other.raw_);
  return *this;
}

Descriptor& Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
  check_cudnn(CudnnLibrary::get().set_attribute(raw_, name, type, count, values), fmt::format("cudnnBackendSetAttribute({})", static_cast<int>(name)));
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
  return set_raw(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}
Descriptor& Descriptor::set_descriptors(cudnnBackendAttributeName_t name, std::span<const cudnnBackendDescriptor_t> values) {
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(values.size()), values.data());
}
Descriptor& Descriptor::set_pointers(cudnnBackendAttributeName_t name, std::span<void* const> pointers) {
  return set_raw(name, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(pointers.size()), pointers.data());
}
Descriptor& Descriptor::set_text(cudnnBackendAttributeName_t name, const std::string& text) {
  return set_raw(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
}

Descriptor& Descriptor::finalize(std::source_location place) {
  check_cudnn(CudnnLibrary::get().finalize(raw_), "cudnnBackendFinalize", place);
  return *this;
}
cudnnStatus_t Descriptor::try_finalize() { return CudnnLibrary::get().finalize(raw_); }

std::int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0, written = 0;
  check_cudnn(CudnnLibrary::get().get_attribute(raw_, name, CUDNN_TYPE_INT64, 1, &written, &value),
              fmt::format("cudnnBackendGetAttribute({})", static_cast<int>(name)));
  return value;
}

int Descriptor::enumeration(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  const std::vector<int> values = enums(name, type, 1);
  return values.empty() ? -1 : values.front();
}

std::vector<int> Descriptor::enums(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int most) const {
  std::vector<int> values(static_cast<std::size_t>(most));
  std::int64_t written = 0;
  check_cudnn(CudnnLibrary::get().get_attribute(raw_, name, type, most, &written, values.data()),
              fmt::format("cudnnBackendGetAttribute({})", static_cast<int>(name)));
  values.resize(static_cast<std::size_t>(written));
  return values;
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  std::int64_t written = 0;
  check_cudnn(CudnnLibrary::get().get_attribute(raw_, name, type, 0, &written, nullptr), fmt::format("cudnnBackendGetAttribute({})", static_cast<int>(name)));
  return written;
}

std::string Descriptor::text(cudnnBackendAttributeName_t name) const {
  std::string value(static_cast<std::size_t>(count(name, CUDNN_TYPE_CHAR)), '\0');
  std::int64_t written = 0;
  check_cudnn(CudnnLibrary::get().get_attribute(raw_, name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(value.size()), &written, value.data()),
              fmt::format("cudnnBackendGetAttribute({})", static_cast<int>(name)));
  while (!value.empty() && value.back() == '\0') value.pop_back();
  return value;
}

std::vector<Descriptor> Descriptor::descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type, std::int64_t most) const {
  std::vector<Descriptor> owned;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < most; ++i) raw.push_back(owned.emplace_back(type).raw());
  std::int64_t written = 0;
  check_cudnn(CudnnLibrary::get().get_attribute(raw_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &written, raw.data()),
              fmt::format("cudnnBackendGetAttribute({})", static_cast<int>(name)));
  owned.erase(owned.begin() + std::min(written, most), owned.end());
  return owned;
}

}  // namespace convroof::cuda
