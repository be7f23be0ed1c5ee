// What saturating and rounding sums cost, against exact ones in f64.
#include "backends/spatial/model/signal_to_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "backends/spatial/fast/exact_convolution.h"
#include "backends/spatial/fast/families.h"
#include "backends/spatial/stepping/families.h"
#include "tests/backends/spatial/random_layer.h"

namespace convroof::spatial {
namespace {

using Values = std::vector<std::int64_t>;

TEST(SignalToNoise, by_hand) {
  EXPECT_NEAR(*signal_to_noise_db(Values{3, 4}, Values{3, 3}, 0), 13.9794, 1e-4);    // 25 / 1
  EXPECT_NEAR(*signal_to_noise_db(Values{30, 40}, Values{4, 5}, 3), 27.9588, 1e-4);  // 3.75 and 5: 39.0625 / 0.0625
}

TEST(SignalToNoise, no_noise_and_no_signal_have_no_number) {
  EXPECT_FALSE(signal_to_noise_db(Values{3, -4}, Values{3, -4}, 0));
  EXPECT_FALSE(signal_to_noise_db(Values{0, 0}, Values{1, 0}, 0));
  EXPECT_FALSE(signal_to_noise_db(Values{}, Values{}, 0));
}

// Sums of 24 bits: small data leave no noise, data near the ends saturate and do, and both engines hear the same.
TEST(SignalToNoise, saturating_sums_of_zascad_in_both_engines) {
  const Accelerator a = load_accelerator("zascad");
  RandomLayers random(3);
  int loud = 0;
  for (int i = 0; i < 40; ++i) {
    const bool saturates = i % 2 == 1;
    const Sample sample = random.layer(saturates ? 32000 : 9);
    const Problem p = sample.problem();
    Values exact(sample.outputs()), fast_output(exact), stepped(exact);
    fast::exact_convolution(p, exact, 1);
    fast::compute(a, p, fast_output, 1);
    stepping::run(a, p, stepped);
    const auto noise = signal_to_noise_db(exact, fast_output, 0);
    EXPECT_EQ(noise, signal_to_noise_db(exact, stepped, 0));
    if (!saturates) {
      EXPECT_FALSE(noise);
    } else if (noise) {
      ++loud;
      const auto ends = std::ranges::minmax(fast_output);
      EXPECT_TRUE(ends.max == a.accumulator.largest() || ends.min == a.accumulator.least() || p.relu || !std::ranges::equal(exact, fast_output));
    }
  }
  EXPECT_GT(loud, 10);
}

// The sum of all magnitudes behind each output: the layer with all signs taken away.
Values magnitudes(const Sample& sample) {
  Sample positive = sample;
  positive.relu = false;
  for (std::int16_t& x : positive.input) x = static_cast<std::int16_t>(std::abs(x));
  for (std::int16_t& w : positive.weights) w = static_cast<std::int16_t>(std::abs(w));
  for (std::int64_t& b : positive.bias) b = std::abs(b);
  Values sums(sample.outputs());
  fast::exact_convolution(positive.problem(), sums, 1);
  return sums;
}

// Every shipped machine with sums of 12 bits, in its own order. The bound is met, and by some outputs exactly.
TEST(SignalToNoise, no_machine_deviates_further_than_derived) {
  RandomLayers random(5);
  for (const Overflow overflow : {Overflow::saturate, Overflow::wrap}) {
    std::int64_t off = 0, at_the_bound = 0, exact_outputs = 0;
    for (const std::string& name : shipped_accelerator_names()) {
      Accelerator a = load_accelerator(name);
      a.accumulator = {.bits = 12, .overflow = overflow};
      const Deviation deviation = largest_deviation(a.accumulator);
      for (int i = 0; i < 12; ++i) {
        const Sample sample = random.layer(i % 2 == 0 ? 40 : 12);
        const Problem p = sample.problem();
        if (!why_not(a, sample.layer, sample.batch).empty()) continue;
        Values exact(sample.outputs()), actual(exact);
        fast::exact_convolution(p, exact, 1);
        fast::compute(a, p, actual, 1);
        const Values magnitude = magnitudes(sample);
        for (std::size_t n = 0; n < exact.size(); ++n) {
          const double error = std::abs(static_cast<double>(exact[n] - actual[n]));
          const double allowed = std::max(0.0, deviation.of_magnitude * static_cast<double>(magnitude[n]) + deviation.offset);
          ASSERT_LE(error, allowed) << name << ", output " << n << ": " << actual[n] << ", exact " << exact[n];
          off += error > 0, exact_outputs += allowed == 0, at_the_bound += error > 0 && error > allowed - 1;
        }
      }
    }
    EXPECT_GT(off, 100);
    if (overflow == Overflow::saturate) {
      EXPECT_GT(exact_outputs, 100);
      EXPECT_GT(at_the_bound, 10);
    }
  }
}

// One bit less of each product: the error of a sum of K truncations lies between 0 and K units, so more dropped bits are more noise.
TEST(SignalToNoise, more_dropped_bits_are_more_noise) {
  Accelerator a = load_accelerator("zascad");
  RandomLayers random(4);
  const Sample sample = random.layer(1000);
  const Problem p = sample.problem();
  Values exact(sample.outputs());
  fast::exact_convolution(p, exact, 1);
  double before = 1000;
  a.accumulator = {.bits = 48};
  for (const int dropped : {2, 6, 10}) {
    a.accumulator.dropped_bits = dropped;
    Values output(sample.outputs());
    Problem without_bias = p;
    without_bias.bias = {};
    fast::exact_convolution(without_bias, exact, 1);
    fast::compute(a, without_bias, output, 1);
    const auto noise = signal_to_noise_db(exact, output, dropped);
    ASSERT_TRUE(noise);
    EXPECT_LT(*noise, before);
    before = *noise;
  }
}

}  // namespace
}  // namespace convroof::spatial
