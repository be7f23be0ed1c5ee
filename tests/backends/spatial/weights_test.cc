#include "backends/spatial/model/weights.h"

#include <gtest/gtest.h>

#include <vector>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/families.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

// Weights in bytes are a matter of memory: every accelerator counts and computes the same with them.
TEST(Weights, in_bytes_change_nothing_on_any_accelerator) {
  RandomLayers random(17);
  for (const std::string& name : shipped_accelerator_names()) {
    const Accelerator a = load_accelerator(name);
    for (int layers = 0; layers < 12;) {
      const Sample s = random.layer(127, 4);
      if (!why_not(a, s.layer, s.batch).empty()) continue;
      ++layers;
      const std::vector<std::int8_t> bytes(s.weights.begin(), s.weights.end());
      Problem narrow = s.problem();
      narrow.weights = std::span<const std::int8_t>(bytes);
      ASSERT_EQ(fast::count(a, narrow), fast::count(a, s.problem())) << name << ' ' << canonical_shape(s.layer);
      std::vector<std::int64_t> of_words(s.outputs(), -1), of_bytes(s.outputs(), -2), stepped(s.outputs(), -3);
      fast::compute(a, s.problem(), of_words, 1);
      fast::compute(a, narrow, of_bytes, 1);
      stepping::run(a, narrow, stepped);
      ASSERT_EQ(of_bytes, of_words) << name << ' ' << canonical_shape(s.layer);
      ASSERT_EQ(of_bytes, stepped) << name << ' ' << canonical_shape(s.layer);
    }
  }
}

// Products between those that never leave 32 bits and those that always do: sums are taken over in pieces.
TEST(ExactConvolution, sums_of_pieces_equal_plain_sums) {
  RandomLayers random(18);
  for (int i = 0; i < 60; ++i) {
    Sample s = random.layer(1);
    s.layer.in_channels = 70 * s.layer.groups, s.layer.op = Op::conv;
    s.input = random.values(s.batch * input_elements(s.layer), random.between(1000, 2800), 9);
    s.weights = random.values(weight_count(s.layer), 2800, 9);
    std::vector<std::int64_t> output(s.outputs());
    fast::exact_convolution(s.problem(), output, 2);
    ASSERT_EQ(output, plain_convolution(s.problem())) << canonical_shape(s.layer);
  }
}

// More weights than are packed at a time, against the path that packs none.
TEST(ExactConvolution, a_batch_equals_its_images_one_by_one) {
  LayerSpec l;
  l.op = Op::fc;
  l.in_channels = 2048, l.out_channels = 4100;
  validate(l);
  RandomLayers random(19);
  const std::int64_t batch = 9;
  const std::vector<std::int16_t> input = random.values(batch * l.in_channels, 50, 9), pool = random.values(4099, 50, 9);
  std::vector<std::int16_t> weights(static_cast<std::size_t>(weight_count(l)));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = pool[i % pool.size()];
  std::vector<std::int64_t> together(static_cast<std::size_t>(batch * l.out_channels)), alone(static_cast<std::size_t>(l.out_channels));
  fast::exact_convolution({.layer = l, .batch = batch, .input = input, .weights = weights}, together, 2);
  for (std::int64_t n = 0; n < batch; ++n) {
    fast::exact_convolution({.layer = l, .input = std::span(input).subspan(static_cast<std::size_t>(n * l.in_channels), 2048), .weights = weights}, alone, 1);
    ASSERT_TRUE(std::ranges::equal(alone, std::span(together).subspan(static_cast<std::size_t>(n * l.out_channels), alone.size()))) << n;
  }
}

}  // namespace
}  // namespace convroof::spatial
