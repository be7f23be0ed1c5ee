// The shipped machines that skip zeros, and the dense ones that they are compared with: both engines on LeNet and on slices of AlexNet and VGG-16, and what
// holds between the machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/accelerator_message.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/network_file.h"
#include "workloads/toml_document.h"

namespace convroof::spatial {
namespace {

constexpr const char* kMachines[] = {"diannao", "dadiannao", "cnvlutin", "dcnn", "scnn"};

// `kept` of ten inputs and weights are not zero.
Sample sample_of(const LayerSpec& layer, RandomLayers& random, std::int64_t kept_inputs, std::int64_t kept_weights) {
  Sample s;
  s.layer = layer;
  const auto values = [&](std::int64_t count, std::int64_t kept) {
    std::vector<std::int16_t> v(static_cast<std::size_t>(count));
    for (auto& x : v) x = random.between(1, 10) <= kept ? static_cast<std::int16_t>(random.between(1, 9)) : std::int16_t{0};
    return v;
  };
  s.input = values(input_elements(layer), kept_inputs), s.weights = values(weight_count(layer), kept_weights);
  for (std::int64_t m = 0; layer.has_bias && m < layer.out_channels; ++m) s.bias.push_back(random.between(-99, 99));
  return s;
}

// Fewer channels and filters, the plane as it is: a stepping engine has no time for all of them.
LayerSpec slice(const char* network, const char* layer, std::int64_t channels, std::int64_t filters) {
  LayerSpec l = load_network(network).find(layer)->spec;
  l.groups = 1, l.in_channels = channels, l.out_channels = filters;
  return l;
}

TEST(ZeroSkipping, both_engines_agree_on_lenet_and_on_slices_of_real_layers) {
  RandomLayers random(31);
  std::vector<LayerSpec> layers = {slice("alexnet", "conv1", 3, 6), slice("alexnet", "conv2", 17, 9), slice("alexnet", "fc8", 300, 70),
                                   slice("vgg16", "conv5_1", 20, 70), slice("resnet50", "conv3_1_b", 9, 40)};
  for (const NetworkLayer& layer : load_network("lenet5").layers)
    if (layer.spec.has_weights()) layers.push_back(layer.spec);
  for (const LayerSpec& layer : layers)
    for (const char* name : kMachines) {
      const Accelerator a = load_accelerator(name);
      const Sample sample = sample_of(layer, random, random.between(2, 10), random.between(2, 10));
      const Problem p = sample.problem();
      ASSERT_EQ(why_not(a, layer, 1), "");
      std::vector<std::int64_t> stepped(sample.outputs(), 77), computed(sample.outputs(), 78);
      const Outcome step = stepping::run(a, p, stepped);
      EXPECT_EQ(differences(step, fast::count(a, p)), "") << name << " " << canonical_shape(layer);
      fast::compute(a, p, computed, 1);
      EXPECT_EQ(computed, stepped) << name;
      EXPECT_EQ(stepped, plain_convolution(p)) << name;
    }
}

TEST(ZeroSkipping, dense_layers_take_cnvlutin_as_long_as_dadiannao) {
  const Accelerator skipping = load_accelerator("cnvlutin"), dense = load_accelerator("dadiannao");
  for (const char* network : {"alexnet", "vgg16", "resnet50"})
    for (const NetworkLayer& layer : load_network(network).layers) {
      if (!layer.spec.has_weights()) continue;
      const Problem p{.layer = layer.spec};  // without numbers: nothing is zero
      EXPECT_EQ(fast::count(skipping, p).cycles, fast::count(dense, p).cycles) << network << "/" << layer.spec.name;
    }
}

// On a layer that is large enough for chance to play no part. SCNN without contention: vectors of scattered inputs meet in their banks, vectors of
// neighbours do not, so that the first zeros cost more than they save.
TEST(ZeroSkipping, fewer_non_zeros_take_less_time_where_they_are_skipped) {
  RandomLayers random(32);
  const LayerSpec layer = slice("vgg16", "conv4_2", 32, 64);
  for (const auto& [name, skips_inputs, skips_weights] :
       {std::tuple{"dadiannao", false, false}, {"cnvlutin", true, false}, {"dcnn", false, false}, {"scnn", true, true}}) {
    Accelerator a = load_accelerator(name);
    if (auto* scnn = std::get_if<Scnn>(&a.array)) scnn->contention = false;
    const auto clocks = [&](std::int64_t kept_inputs, std::int64_t kept_weights) {
      const Sample s = sample_of(layer, random, kept_inputs, kept_weights);
      return fast::count(a, s.problem()).cycles;
    };
    const std::uint64_t full = clocks(10, 10);
    std::uint64_t before = full;
    for (const std::int64_t kept : {8, 6, 4, 2}) {
      const std::uint64_t now = clocks(kept, 10);
      EXPECT_TRUE(skips_inputs ? now < before : now == full) << name << " " << kept;
      before = now;
    }
    before = full;
    for (const std::int64_t kept : {8, 6, 4, 2}) {
      const std::uint64_t now = clocks(10, kept);
      EXPECT_TRUE(skips_weights ? now < before : now == full) << name << " " << kept;
      before = now;
    }
  }
}

// The paper's crossbar has twice as many banks as products a clock so that meeting is rare: a full vector of inputs and one of filters never meet.
TEST(ZeroSkipping, dense_layers_meet_no_bank_where_tiles_are_full) {
  const Accelerator a = load_accelerator("scnn");
  const LayerSpec layer = slice("vgg16", "conv4_1", 8, 56);
  const Problem p{.layer = layer};
  const Outcome o = fast::count(a, p);
  EXPECT_EQ(o.counts.at("contention_clocks"), 0u);
  Accelerator taps = a;
  std::get<Scnn>(taps.array).neighbours = Neighbours::taps;  // taps of one filter side by side meet in one sum
  EXPECT_GT(fast::count(taps, p).cycles, 2 * o.cycles);
}

TEST(ZeroSkipping, gating_leaves_clocks_and_cuts_energy) {
  RandomLayers random(33);
  const Sample s = sample_of(slice("vgg16", "conv5_1", 16, 16), random, 5, 5);
  Accelerator a = load_accelerator("dcnn");
  const Outcome open = fast::count(a, s.problem());
  std::get<Dcnn>(a.array).gates_zeros = true;
  const Outcome gated = fast::count(a, s.problem());
  EXPECT_EQ(gated.cycles, open.cycles);
  EXPECT_EQ(gated.macs, open.macs);
  EXPECT_LT(energy_of(*a.energy, gated)["mac"], energy_of(*a.energy, open)["mac"]);
}

TEST(ZeroSkipping, mistakes_are_named_with_their_place_and_mend) {
  using ::testing::HasSubstr;
  const std::string nlr = "dataflow = \"cnvlutin\"\nclock_hz = 1e9\nlanes = 4\nfilters_per_unit = 2\n";
  EXPECT_EQ(message_of(nlr), "no error");
  EXPECT_THAT(message_of("dataflow = \"no-local-reuse\"\nclock_hz = 1e9\nfilters_per_unit = 2\n"), HasSubstr("`lanes` is missing; give it, as lanes = 16"));
  EXPECT_THAT(message_of(nlr + "brick = 0\n"), HasSubstr("mine.toml:5:9: `brick` must lie between 1 and 4096, got `0`"));
  EXPECT_THAT(message_of(nlr + "empty_brick_clocks = 2\n"), HasSubstr("mine.toml:5:22"));
  EXPECT_THAT(message_of(nlr + "padding = \"cut\"\n"), HasSubstr("mine.toml:5:11: unknown padding `cut`"));
  EXPECT_THAT(message_of(nlr + "[buffer.weight]\nbytes = 31\n"), HasSubstr("mine.toml:6:9: the weight buffer is smaller than one tile"));
  EXPECT_THAT(message_of("dataflow = \"no-local-reuse\"\nclock_hz = 1e9\nlanes = 4\nfilters_per_unit = 2\nbrick = 4\n"), HasSubstr("mine.toml:5:"));
  const std::string scnn = "dataflow = \"scnn\"\nclock_hz = 1e9\npe_rows = 2\npe_columns = 2\nweights = 4\ninputs = 4\nbanks = 32\nbank_entries = 32\n";
  EXPECT_EQ(message_of(scnn), "no error");
  EXPECT_THAT(message_of(scnn + "index_bits = 17\n"), HasSubstr("mine.toml:9:14: `index_bits` must lie between 1 and 16, got `17`"));
  EXPECT_THAT(message_of(scnn + "neighbours = \"filter\"\n"), HasSubstr("unknown neighbours `filter`; did you mean `filters`?"));
  EXPECT_THAT(message_of(scnn + "contention = 1\n"), HasSubstr("mine.toml:9:14"));
  EXPECT_THAT(message_of("dataflow = \"scnn\"\nclock_hz = 1e9\npe_rows = 0\n"), HasSubstr("mine.toml:3:11: `pe_rows` must lie between 1 and 1024, got `0`"));
  EXPECT_THAT(message_of("dataflow = \"dcnn\"\nclock_hz = 1e9\npe_rows = 2\npe_columns = 2\nlanse = 4\n"), HasSubstr("did you mean `lanes`?"));
}

TEST(ZeroSkipping, layers_that_do_not_fit_are_skipped_with_the_sizes) {
  LayerSpec large;
  large.in_height = large.in_width = large.out_height = large.out_width = 512;
  EXPECT_EQ(why_not(load_accelerator("scnn"), large, 1), "a PE's tile adds up to 64 x 64 sums a filter and its accumulators hold 1024");
  Accelerator a = load_accelerator("cnvlutin");
  std::get<NoLocalReuse>(a.array).weight_buffer_bytes = 1 << 20;
  LayerSpec deep;
  deep.in_channels = 2048, deep.out_channels = 512;
  EXPECT_EQ(why_not(a, deep, 1), "the weights of 256 filters are 524288 words and the working half of the weight buffer holds 262144");
  EXPECT_EQ(why_not(load_accelerator("dadiannao"), deep, 1), "");
}

}  // namespace
}  // namespace convroof::spatial
