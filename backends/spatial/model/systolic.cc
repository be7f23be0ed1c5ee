#include "backends/spatial/model/systolic.h"

#include <fmt/format.h>

#include <limits>

#include "backends/spatial/model/accelerator.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestSide = 4096;         // of an array; wafer-scale engines stay below
constexpr std::int64_t kLargestBuffer = 1ll << 40;  // bytes

std::int64_t half_words(const std::optional<std::int64_t>& bytes, int bits) { return bytes ? *bytes * 8 / bits / 2 : std::numeric_limits<std::int64_t>::max(); }

std::int64_t side(const TomlTable& root, std::string_view key) {
  const auto value = root.integer(key, 1, kLargestSide);
  if (!value) root.fail_missing(key, fmt::format("give it, as {} = 16", key));
  return *value;
}

// Each half of a double buffer must hold what the array takes in before it can begin.
void require(const TomlTable& root, std::string_view buffer, const std::optional<std::int64_t>& bytes, std::int64_t words, int bits) {
  const std::int64_t least = 2 * words * bits / 8;
  if (bytes && *bytes < least)
    root.table("buffer")->table(buffer)->fail_at(
        "bytes", fmt::format("the {} buffer is smaller than one tile: both halves of {} words of {} bits need `{}` bytes, got `{}`; enlarge it", buffer, words,
                             bits, least, *bytes));
}

}  // namespace

std::string SystolicArray::shape() const { return fmt::format("{} x {} PEs", rows, columns); }
std::int64_t SystolicArray::input_half_words(const Accelerator& a) const { return half_words(input_buffer_bytes, a.word_bits); }
std::int64_t SystolicArray::weight_half_words(const Accelerator& a) const { return half_words(weight_buffer_bytes, a.word_bits); }
std::int64_t SystolicArray::output_half_words(const Accelerator& a) const { return half_words(output_buffer_bytes, a.accumulator.bits); }

SystolicArray read_systolic(const TomlTable& root, const Accelerator& shared, Stationary stationary) {
  SystolicArray array;
  array.stationary = stationary;
  array.rows = side(root, "rows");
  array.columns = side(root, "columns");
  if (root.has("multipliers_per_pe") && root.integer("multipliers_per_pe", 1, 1).value() != 1)
    root.fail_at("multipliers_per_pe", "a systolic PE has 1 multiplier");
  if (!shared.accumulator.is_exact()) root.table("accumulator")->fail("a systolic array here adds up exactly, in 64 bits; leave [accumulator] out");
  if (const auto buffers = root.table("buffer")) {
    buffers->allow_only({"input", "weight", "output"});
    for (const auto& [key, place] :
         {std::pair{"input", &array.input_buffer_bytes}, std::pair{"weight", &array.weight_buffer_bytes}, std::pair{"output", &array.output_buffer_bytes}}) {
      const auto buffer = buffers->table(key);
      if (!buffer) continue;
      buffer->allow_only({"bytes"});
      *place = buffer->integer("bytes", 1, kLargestBuffer);
      if (!*place) buffer->fail_missing("bytes", "give its size, as bytes = 65536; leave the whole table out for a buffer without limit");
    }
  }
  const bool inputs_stay = stationary == Stationary::input, weights_stay = stationary == Stationary::weight;
  require(root, "input", array.input_buffer_bytes, inputs_stay ? array.rows * array.columns : array.rows, shared.word_bits);
  require(root, "weight", array.weight_buffer_bytes, weights_stay ? array.rows * array.columns : (inputs_stay ? array.rows : array.columns), shared.word_bits);
  require(root, "output", array.output_buffer_bytes, array.columns, shared.accumulator.bits);
  return array;
}

}  // namespace convroof::spatial
