#include "backends/spatial/model/no_local_reuse.h"

#include <fmt/format.h>

#include "backends/spatial/model/accelerator.h"
#include "workloads/nearest.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr std::int64_t kLargestBuffer = 1ll << 40;  // bytes

std::int64_t half_words(const std::optional<std::int64_t>& bytes, int bits) { return bytes ? *bytes * 8 / bits / 2 : std::numeric_limits<std::int64_t>::max(); }

std::int64_t needed(const TomlTable& root, std::string_view key, std::int64_t high) {
  const auto value = root.integer(key, 1, high);
  if (!value) root.fail_missing(key, fmt::format("give it, as {} = 16", key));
  return *value;
}

}  // namespace

std::string NoLocalReuse::shape() const {
  return units == 1 ? fmt::format("{} filters x {} lanes", filters_per_unit, lanes)
                    : fmt::format("{} units x {} filters x {} lanes", units, filters_per_unit, lanes);
}

NlrLoops::NlrLoops(const NoLocalReuse& a, const Problem& p, int word_bits)
    : taps(p.layer.kernel_height * p.layer.kernel_width),
      channels(p.layer.in_channels_per_group()),
      channel_steps(ceil_div(channels, a.lanes)),
      lane_channels(channel_steps),
      taps_per_brick(std::max<std::int64_t>(1, a.brick / lane_channels)),
      bricks_per_tap(ceil_div(lane_channels, a.brick)),
      tile(a.pixels_at_once > 0 ? std::min(a.pixels_at_once, p.n()) : p.n()),
      input_half_words(half_words(a.input_buffer_bytes, word_bits)) {
  const std::int64_t steps = checked_product(taps, channel_steps);
  steps_per_chunk = a.skips(p.layer) ? steps : std::clamp<std::int64_t>(half_words(a.weight_buffer_bytes, word_bits) / a.multipliers(), 1, steps);
  chunks = ceil_div(steps, steps_per_chunk);
}

NoLocalReuse read_no_local_reuse(const TomlTable& root, const Accelerator& shared, bool skips_zeros) {
  NoLocalReuse a;
  a.skips_zeros = skips_zeros;
  a.lanes = needed(root, "lanes", 4096);
  a.filters_per_unit = needed(root, "filters_per_unit", 4096);
  a.units = root.integer("units", 1, 4096).value_or(1);
  if (const auto word = root.text("padding")) {
    if (*word != "clip" && *word != "stream") root.fail_at("padding", unknown_name("padding", *word, {"clip", "stream"}));
    a.streams_padding = *word == "stream";
  }
  a.pixels_at_once = root.integer("pixels_at_once", 1, 1ll << 40).value_or(0);
  if (skips_zeros) {
    a.dense_below_channels = root.integer("dense_below_channels", 0, 1 << 20).value_or(0);
    a.brick = root.integer("brick", 1, 4096).value_or(16);
    a.empty_brick_clocks = root.integer("empty_brick_clocks", 0, 1).value_or(1);
  }
  if (const auto buffers = root.table("buffer")) {
    buffers->allow_only({"input", "weight"});
    for (const auto& [key, place, words] :
         {std::tuple{"input", &a.input_buffer_bytes, a.lanes}, std::tuple{"weight", &a.weight_buffer_bytes, a.multipliers()}}) {
      const auto buffer = buffers->table(key);
      if (!buffer) continue;
      buffer->allow_only({"bytes"});
      *place = buffer->integer("bytes", 1, kLargestBuffer);
      if (!*place) buffer->fail_missing("bytes", "give its size, as bytes = 65536; leave the whole table out for a buffer without limit");
      if (const std::int64_t least = 2 * words * shared.word_bits / 8; **place < least)
        buffer->fail_at("bytes", fmt::format("the {} buffer is smaller than one tile: both halves of {} words of {} bits need `{}` bytes, got `{}`; enlarge it",
                                             key, words, shared.word_bits, least, **place));
    }
  }
  return a;
}

std::string why_not(const Accelerator& shared, const NoLocalReuse& a, const LayerSpec& layer, std::int64_t) {
  if (!a.skips(layer) || !a.weight_buffer_bytes) return "";
  const std::int64_t filters = std::min(layer.out_channels_per_group(), a.filters_at_once());
  const std::int64_t words = checked_product(layer.reduction_length(), filters), room = half_words(a.weight_buffer_bytes, shared.word_bits);
  if (words <= room) return "";
  return fmt::format("the weights of {} filters are {} words and the working half of the weight buffer holds {}", filters, words, room);
}

}  // namespace convroof::spatial
