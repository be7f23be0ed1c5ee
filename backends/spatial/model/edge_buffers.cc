#include "backends/spatial/model/edge_buffers.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestBuffer = 1ll << 40;  // bytes

}  // namespace

std::int64_t EdgeBuffers::words(const std::optional<std::int64_t>& bytes, int bits) const {
  return bytes ? *bytes * 8 / bits / (is_double ? 2 : 1) : std::numeric_limits<std::int64_t>::max();
}

EdgeBuffers read_edge_buffers(const TomlTable& root) {
  EdgeBuffers b;
  const auto buffers = root.table("buffer");
  if (!buffers) return b;
  buffers->allow_only({"input", "weight", "output", "double"});
  b.is_double = buffers->boolean("double").value_or(true);
  for (const auto& [key, place] : {std::pair{"input", &b.input_bytes}, std::pair{"weight", &b.weight_bytes}, std::pair{"output", &b.output_bytes}}) {
    const auto buffer = buffers->table(key);
    if (!buffer) continue;
    buffer->allow_only({"bytes"});
    *place = buffer->integer("bytes", 1, kLargestBuffer);
    if (!*place) buffer->fail_missing("bytes", "give its size, as bytes = 65536; leave the whole table out for a buffer without limit");
  }
  return b;
}

void require_words(const TomlTable& root, const EdgeBuffers& b, std::string_view buffer, std::int64_t words, int bits) {
  const auto& bytes = buffer == "input" ? b.input_bytes : buffer == "weight" ? b.weight_bytes : b.output_bytes;
  if (!bytes || b.words(bytes, bits) >= words) return;
  const std::int64_t least = ((b.is_double ? 2 : 1) * words * bits + 7) / 8;
  root.table("buffer")->table(buffer)->fail_at(
      "bytes", fmt::format("the {} buffer is smaller than one tile: {}{} words of {} bits need `{}` bytes, got `{}`; enlarge it", buffer,
                           b.is_double ? "both halves of " : "", words, bits, least, *bytes));
}

}  // namespace convroof::spatial
