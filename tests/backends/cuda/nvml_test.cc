// The management library, its readings and the energy that is computed from them, on a library that is built for the purpose.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "backends/cuda/device/energy.h"
#include "backends/cuda/device/nvml.h"
#include "backends/cuda/device/state_log.h"

namespace convroof::cuda {
namespace {

using testing::HasSubstr;

// The handle of the library that the code under test has loaded: loading it again gives the same one.
template <typename Function>
Function* steering(const char* name) {
  static void* const library = dlopen(CONVROOF_FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
  return reinterpret_cast<Function*>(dlsym(library, name));
}
void reset() { steering<void()>("fake_nvml_reset")(); }
void set(unsigned clock, unsigned milliwatts, unsigned celsius, unsigned long long throttle) {
  steering<void(unsigned, unsigned, unsigned, unsigned long long)>("fake_nvml_set")(clock, milliwatts, celsius, throttle);
}
void advance(double seconds) { steering<void(double)>("fake_nvml_advance")(seconds); }
void remove_function(const char* name) { steering<void(const char*)>("fake_nvml_remove")(name); }

class FakeNvml : public testing::Test {
 protected:
  FakeNvml() {
    reset();
    setenv("CONVROOF_NVML_LIBRARY", CONVROOF_FAKE_NVML, 1);
    nvml_ = std::make_unique<Nvml>();
    unsetenv("CONVROOF_NVML_LIBRARY");
  }
  std::unique_ptr<Nvml> nvml_;
  const std::string uuid_ = "GPU-00000000-0000-0000-0000-000000000000";
};

TEST_F(FakeNvml, readings_arrive) {
  ASSERT_TRUE(*nvml_) << nvml_->reason();
  set(1755, 612345, 61, 0x4);
  const GpuState state = nvml_->state(uuid_);
  EXPECT_EQ(state.clock_mhz, 1755u);
  EXPECT_EQ(state.memory_clock_mhz, 3201u);
  EXPECT_EQ(state.power_mw, 612345u);
  EXPECT_EQ(state.temperature_c, 61u);
  EXPECT_EQ(state.throttle_reasons, 0x4u);
  EXPECT_TRUE(state.energy_mj);
}

TEST_F(FakeNvml, what_the_device_does_not_report_stays_empty) {
  remove_function("nvmlDeviceGetPowerUsage");
  remove_function("nvmlDeviceGetTotalEnergyConsumption");
  const GpuState state = nvml_->state(uuid_);
  EXPECT_FALSE(state.power_mw);
  EXPECT_FALSE(state.energy_mj);
  EXPECT_TRUE(state.temperature_c);
  EXPECT_FALSE(nvml_->state("no such device").temperature_c);
}

TEST_F(FakeNvml, a_log_keeps_the_middle_the_range_and_every_reason) {
  StateLog log;
  EXPECT_TRUE(log.empty());
  for (const unsigned clock : {1980u, 1755u, 1800u}) {
    set(clock, clock * 300, 50 + clock % 7, clock == 1755 ? 0x4 : clock == 1800 ? 0x20 : 0);
    log.add(nvml_->state(uuid_));
  }
  const auto facts = log.facts();
  EXPECT_EQ(facts.at("gpu_clock_mhz"), "1800");
  EXPECT_EQ(facts.at("gpu_clock_mhz_range"), "1755..1980");
  EXPECT_EQ(facts.at("gpu_power_w"), "553.5");
  EXPECT_EQ(facts.at("gpu_temperature_c"), "56");
  EXPECT_EQ(facts.at("gpu_throttle"), "power_cap+thermal");
  EXPECT_EQ(facts.at("gpu_readings"), "3");
}

TEST_F(FakeNvml, a_log_of_nothing_says_nothing) {
  for (const char* name : {"nvmlDeviceGetClockInfo", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperature", "nvmlDeviceGetCurrentClocksThrottleReasons"})
    remove_function(name);
  StateLog log;
  log.add(nvml_->state(uuid_));
  EXPECT_THAT(log.facts(), testing::ElementsAre(testing::Pair("gpu_readings", "1")));
}

// A device that draws 100 W idle and 500 W while a kernel of 2 ms runs.
class FakeEnergy : public FakeNvml {
 protected:
  EnergySource source() {
    return {.millijoules = [this]() -> std::optional<std::uint64_t> {
              const auto energy = nvml_->state(uuid_).energy_mj;
              return energy ? std::optional<std::uint64_t>(*energy) : std::nullopt;
            },
            .now = [this] { return now_; },
            .wait = [this](double seconds) { pass(seconds, 100000); }};
  }
  void pass(double seconds, unsigned milliwatts) {
    set(1755, milliwatts, 60, 0);
    advance(seconds);
    now_ += seconds;
  }
  double now_ = 17;
  unsigned load_mw_ = 500000;
  std::uint64_t runs_ = 0;
  std::function<void(int)> run_ = [this](int times) { pass(times * 2e-3, load_mw_), runs_ += static_cast<std::uint64_t>(times); };
};

TEST_F(FakeEnergy, idle_is_subtracted_and_windows_last_seconds) {
  const auto idle = idle_watts(source(), 5);
  ASSERT_TRUE(idle);
  EXPECT_NEAR(*idle, 100, 0.01);
  const double start = now_;
  const Energy energy = measure_energy(source(), idle, 2e-3, run_, {.window_seconds = 5, .windows = 3});
  EXPECT_EQ(energy.reason, "");
  EXPECT_NEAR(energy.joules_a_run, (500 - 100) * 2e-3, 1e-4);
  EXPECT_NEAR(energy.watts, 500, 0.1);
  EXPECT_GE(energy.window_seconds, 5);
  EXPECT_LT(energy.spread, 1e-3);
  EXPECT_GE(now_ - start, 15);
  EXPECT_LT(energy.runs, runs_) << "a batch before each window is not counted";
  const auto facts = energy.facts();
  EXPECT_EQ(facts.at("energy_j"), "0.8");
  EXPECT_EQ(facts.at("energy_idle_watts"), "100.0");
}

TEST_F(FakeEnergy, windows_that_differ_show_as_spread) {
  int window = 0;
  const EnergySource plain = source();
  EnergySource drifting = plain;
  drifting.wait = [&](double seconds) { plain.wait(seconds), load_mw_ = 500000 + 40000 * static_cast<unsigned>(window++); };
  const Energy energy = measure_energy(drifting, 100.0, 2e-3, run_, {.window_seconds = 2, .windows = 3});
  EXPECT_NEAR(energy.joules_a_run, 440 * 2e-3, 1e-4);
  EXPECT_NEAR(energy.spread, 80.0 / 440, 1e-3);
}

TEST_F(FakeEnergy, no_counter_is_a_reason) {
  remove_function("nvmlDeviceGetTotalEnergyConsumption");
  const auto idle = idle_watts(source(), 1);
  EXPECT_FALSE(idle);
  const Energy energy = measure_energy(source(), idle, 2e-3, run_, {});
  EXPECT_THAT(energy.reason, HasSubstr("no energy counter"));
  EXPECT_THAT(energy.facts(), testing::ElementsAre(testing::Pair("energy", HasSubstr("no energy counter"))));
}

TEST_F(FakeEnergy, a_counter_that_stands_still_and_a_load_below_idle_give_no_number) {
  load_mw_ = 0;
  EXPECT_THAT(measure_energy(source(), 100.0, 2e-3, run_, {.window_seconds = 1, .windows = 1}).reason, HasSubstr("stood still"));
  load_mw_ = 99000;
  EXPECT_THAT(measure_energy(source(), 100.0, 2e-3, run_, {.window_seconds = 1, .windows = 1}).reason, HasSubstr("idle"));
}

TEST(HiddenNvml, is_a_named_lack) {
  setenv("CONVROOF_NVML_LIBRARY", "/nonexistent/libnvidia-ml.so.1", 1);
  const Nvml nvml;
  unsetenv("CONVROOF_NVML_LIBRARY");
  EXPECT_FALSE(nvml);
  EXPECT_THAT(nvml.reason(), testing::AllOf(HasSubstr("NVML was not found"), HasSubstr("/nonexistent/libnvidia-ml.so.1")));
}

}  // namespace
}  // namespace convroof::cuda
