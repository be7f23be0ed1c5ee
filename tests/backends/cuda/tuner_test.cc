#include "backends/cuda/cudnn/tuner.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace convroof::cuda {
namespace {

TEST(Tuner, finds_the_fastest_through_noise) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(1.0, 0.02);
  const std::vector<double> truth = {10, 9, 7, 30, 8};
  const Tuned tuned = tune(5, [&](int i) { return truth[static_cast<std::size_t>(i)] * noise(random); });
  EXPECT_EQ(tuned.best, 2);
  EXPECT_NEAR(tuned.gain_over_incumbent, 10.0 / 7.0, 0.05);
}

TEST(Tuner, the_incumbent_stays_when_nothing_is_clearly_faster) {
  const std::vector<double> truth = {1.000, 0.998, 1.001};
  EXPECT_EQ(tune(3, [&](int i) { return truth[static_cast<std::size_t>(i)]; }).best, 0);
}

TEST(Tuner, slow_candidates_are_dropped_early) {
  std::vector<int> calls(2);
  tune(2, [&](int i) {
    ++calls[static_cast<std::size_t>(i)];
    return i == 0 ? 1.0 : 5.0;
  });
  EXPECT_EQ(calls[0], TunerRules{}.final_samples);
  EXPECT_EQ(calls[1], TunerRules{}.first_samples);
}

TEST(Tuner, a_failing_candidate_is_out_and_all_failing_is_an_error) {
  const auto second_only = [](int i) {
    if (i != 1) throw std::runtime_error("refused");
    return 2.0;
  };
  EXPECT_EQ(tune(3, second_only).best, 1);
  EXPECT_THROW(tune(2, [](int) -> double { throw std::runtime_error("refused"); }), std::runtime_error);
  EXPECT_THROW(tune(0, [](int) { return 1.0; }), std::runtime_error);
}

TEST(Tuner, one_lucky_sample_does_not_win) {
  int call = 0;
  const Tuned tuned = tune(2, [&](int i) { return i == 1 && ++call == 1 ? 0.1 : 1.0; });
  EXPECT_EQ(tuned.best, 0);
}

}  // namespace
}  // namespace convroof::cuda
