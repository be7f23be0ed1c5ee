// The six machines of the ISCA 2016 comparison: docs/backends/spatial/isca16.md prints what stands here.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

// Of AlexNet's convolutions, or fully connected layers, at batch 16, in MACs a MAC.
double energy_of_alexnet(const std::string& accelerator, Op op = Op::conv) {
  const Accelerator a = load_accelerator(accelerator);
  const Network network = load_network("alexnet");
  double energy = 0, macs = 0;
  for (const NetworkLayer& layer : network.layers) {
    if (layer.spec.op != op) continue;
    const std::vector<std::int64_t> bias(static_cast<std::size_t>(layer.spec.out_channels));
    const Outcome o = fast::count(a, {.layer = layer.spec, .batch = 16, .bias = bias});
    for (const auto& [level, value] : energy_of(*a.energy, o)) energy += value;
    macs += static_cast<double>(o.macs);
  }
  return energy / macs;
}

TEST(Isca16, all_have_256_multipliers) {
  for (const char* name : {"rs", "ws", "osa", "osb", "osc", "nlr"}) EXPECT_EQ(load_accelerator(std::string("isca16-") + name).multipliers(), 256) << name;
}

TEST(Isca16, row_stationary_needs_the_least_energy) {
  const double rs = energy_of_alexnet("isca16-rs");
  for (const char* name : {"ws", "osa", "osb", "osc", "nlr"}) {
    const double relative = energy_of_alexnet(std::string("isca16-") + name) / rs;
    EXPECT_GT(relative, 1.2) << name;
    EXPECT_LT(relative, 2.5) << name;
  }
}

TEST(Isca16, row_stationary_needs_the_least_energy_on_fully_connected_layers_too) {
  const double rs = energy_of_alexnet("isca16-rs", Op::fc);
  for (const char* name : {"ws", "osa", "osb", "osc", "nlr"}) EXPECT_GT(energy_of_alexnet(std::string("isca16-") + name, Op::fc) / rs, 1.3) << name;
}

// Pinned against drift; the page has the same figures.
TEST(Isca16, the_page_is_up_to_date) {
  const std::array<std::pair<const char*, double>, 6> printed = {
      {{"isca16-rs", 6.131}, {"isca16-ws", 8.886}, {"isca16-osa", 7.913}, {"isca16-osb", 7.906}, {"isca16-osc", 11.530}, {"isca16-nlr", 9.661}}};
  for (const auto& [name, total] : printed) EXPECT_NEAR(energy_of_alexnet(name), total, 0.0006) << name << ": change docs/backends/spatial/isca16.md too";
}

}  // namespace
}  // namespace convroof::spatial
