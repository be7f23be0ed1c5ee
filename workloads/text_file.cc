#include "workloads/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "workloads/input_error.h"

namespace convroof {
namespace {

constexpr std::uintmax_t kLargestFile = 1 << 20;

}  // namespace

std::string read_text_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw InputError(path, 1, 1, "no such file; check the path");
  if (std::filesystem::is_directory(status)) throw InputError(path, 1, 1, "this is a folder; name a file inside it");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw InputError(path, 1, 1, fmt::format("cannot be opened: {}", std::strerror(errno)));
  // Read at most one byte more than allowed: works for pipes and devices, whose size nobody can ask for.
  std::string text(kLargestFile + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kLargestFile)
    throw InputError(path, 1, 1, fmt::format("the file is larger than {} bytes; a description this long is a mistake", kLargestFile));
  return text;
}

std::string shown_text(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string result(text.substr(0, kMost));
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  if (text.size() > kMost) result.replace(kMost - 3, 3, "...");
  return result;
}

}  // namespace convroof
