// Every distinct layer of every shipped network on the three systolic arrays: clocks equal the closed forms, outputs equal the plain sums bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/families.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/random_layer.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

std::vector<LayerSpec> distinct_layers() {
  std::vector<LayerSpec> layers;
  std::set<std::string> seen;
  for (const std::string& name : shipped_network_names()) {
    const Network network = load_network(name);
    for (const NetworkLayer& layer : network.layers)
      if (layer.spec.has_weights() && seen.insert(canonical_shape(layer.spec)).second) {
        layers.push_back(layer.spec);
        layers.back().name = name + "/" + layer.spec.name;
      }
  }
  return layers;
}

// One filter at a time, a row of output at a time, in double: integers below 2^53 are exact. Shares nothing with the engines.
#if defined(__x86_64__)
[[gnu::target_clones("default", "avx2")]]
#endif
void add_row(double* to, const double* from, double weight, std::int64_t count, std::int64_t stride) {
  if (stride == 1)
    for (std::int64_t x = 0; x < count; ++x) to[x] += weight * from[x];
  else
    for (std::int64_t x = 0; x < count; ++x) to[x] += weight * from[x * stride];
}

std::vector<std::int64_t> row_convolution(const Problem& p) {
  const LayerSpec& l = p.layer;
  const std::vector<double> input(p.input.begin(), p.input.end());
  std::vector<std::int64_t> output(static_cast<std::size_t>(p.batch * output_elements(l)));
#pragma omp parallel for schedule(dynamic, 4) collapse(2)
  for (std::int64_t n = 0; n < p.batch; ++n)
    for (std::int64_t k = 0; k < l.out_channels; ++k) {
      const std::int64_t first = k / l.out_channels_per_group() * l.in_channels_per_group();
      std::vector<double> sums(static_cast<std::size_t>(l.out_height * l.out_width),
                               p.bias.empty() ? 0.0 : static_cast<double>(p.bias[static_cast<std::size_t>(k)]));
      auto w = static_cast<std::size_t>(k * l.reduction_length());
      for (std::int64_t c = 0; c < l.in_channels_per_group(); ++c)
        for (std::int64_t r = 0; r < l.kernel_height; ++r)
          for (std::int64_t s = 0; s < l.kernel_width; ++s, ++w) {
            // Columns x with 0 <= x * stride + s - pad < width.
            const std::int64_t offset = s * l.dilation_width - l.pad_left;
            std::int64_t x0 = 0, x1 = l.out_width;
            while (x0 < x1 && x0 * l.stride_width + offset < 0) ++x0;
            while (x1 > x0 && (x1 - 1) * l.stride_width + offset >= l.in_width) --x1;
            for (std::int64_t y = 0; y < l.out_height; ++y) {
              const std::int64_t i = y * l.stride_height + r * l.dilation_height - l.pad_top;
              if (i < 0 || i >= l.in_height) continue;
              add_row(sums.data() + y * l.out_width + x0,
                      input.data() + ((n * l.in_channels + first + c) * l.in_height + i) * l.in_width + x0 * l.stride_width + offset, p.weights[w], x1 - x0,
                      l.stride_width);
            }
          }
      std::ranges::transform(sums, output.begin() + (n * l.out_channels + k) * l.out_height * l.out_width,
                             [&](double sum) { return static_cast<std::int64_t>(p.relu ? std::max(sum, 0.0) : sum); });
    }
  return output;
}

std::int64_t ceiling(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

TEST(Networks, clocks_equal_the_closed_forms_on_every_distinct_layer) {
  const std::vector<LayerSpec> layers = distinct_layers();
  ASSERT_GT(layers.size(), 60u);
  for (const LayerSpec& l : layers)
    for (const std::int64_t batch : {1, 3})
      for (const char* name : {"systolic-ws", "systolic-os", "systolic-is"}) {
        const Accelerator a = load_accelerator(name);
        const std::int64_t N = l.out_height * l.out_width * batch, K = l.in_channels / l.groups * l.kernel_height * l.kernel_width,
                           M = l.out_channels / l.groups;
        const std::int64_t R = 16, C = 16;
        const std::int64_t ws = ceiling(K, R) * ceiling(M, C) * (N + 2 * R + C - 2), is = ceiling(K, R) * ceiling(N, C) * (M + 2 * R + C - 2),
                           os = ceiling(N, R) * ceiling(M, C) * (K + R + C - 2);
        const Problem p{.layer = l, .batch = batch};
        const Outcome o = fast::count(a, p);
        const std::int64_t expected = l.groups * (a.dataflow == "weight-stationary" ? ws : a.dataflow == "input-stationary" ? is : os);
        ASSERT_EQ(o.cycles, static_cast<std::uint64_t>(expected)) << l.name << " " << name;
        ASSERT_EQ(o.macs, static_cast<std::uint64_t>(macs(l) * batch)) << l.name;
        ASSERT_GE(o.accesses.reads(Level::dram, Operand::input), static_cast<std::uint64_t>(input_elements(l) * batch)) << l.name;
        ASSERT_GE(o.accesses.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(l))) << l.name;
      }
}

TEST(Networks, outputs_equal_the_plain_sums_on_every_distinct_layer) {
  RandomLayers random(7);
  const std::vector<std::int16_t> pool = random.values(1 << 20, 7, 9);
  for (const LayerSpec& l : distinct_layers()) {
    Sample s;
    s.layer = l;
    s.relu = l.activation == Activation::relu;
    // Slices of one pool of random numbers: drawing a hundred million anew for the widest layer would take longer than computing it.
    for (const auto& [to, count] : {std::pair{&s.input, input_elements(l)}, std::pair{&s.weights, weight_count(l)}}) {
      to->resize(static_cast<std::size_t>(count));
      for (std::size_t at = 0; at < to->size(); at += 65521)
        std::copy_n(pool.begin() + random.between(0, (1 << 20) - 65521), std::min<std::size_t>(65521, to->size() - at),
                    to->begin() + static_cast<std::ptrdiff_t>(at));
    }
    for (std::int64_t m = 0; m < l.out_channels; ++m) s.bias.push_back(random.between(-99, 99));
    const Problem p = s.problem();
    std::vector<std::int64_t> output(s.outputs(), -1);
    fast::exact_convolution(p, output, 2);
    ASSERT_EQ(output, row_convolution(p)) << l.name;
  }
}

TEST(Networks, both_engines_agree_on_whole_lenets) {
  RandomLayers random(8);
  for (const char* name : {"lenet5", "lenet-300-100"})
    for (const NetworkLayer& layer : load_network(name).layers) {
      if (!layer.spec.has_weights()) continue;
      Sample s;
      s.layer = layer.spec;
      s.batch = 2;
      s.input = random.values(2 * input_elements(s.layer), 99, 4), s.weights = random.values(weight_count(s.layer), 99, 4);
      for (std::int64_t m = 0; m < s.layer.out_channels; ++m) s.bias.push_back(m);
      for (const char* array : {"systolic-ws", "systolic-os", "systolic-is"}) {
        const Accelerator a = load_accelerator(array);
        std::vector<std::int64_t> stepped(s.outputs());
        const Outcome step = stepping::run(a, s.problem(), stepped);
        EXPECT_EQ(differences(step, fast::count(a, s.problem())), "") << name << "/" << s.layer.name << " " << array;
        EXPECT_EQ(stepped, row_convolution(s.problem()));
      }
    }
}

}  // namespace
}  // namespace convroof::spatial
