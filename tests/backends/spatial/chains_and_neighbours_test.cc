// Every shipped machine of broadcast chains and shifting neighbours on every layer of every shipped network: counts keep the laws at full size, and the
// layers that a machine without outer memory can hold are exactly those that fit.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backends/spatial/fast/families.h"
#include "backends/spatial/model/energy.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

std::vector<Accelerator> machines() {
  std::vector<Accelerator> list;
  for (const std::string& name : shipped_accelerator_names())
    if (Accelerator a = load_accelerator(name); a.dataflow == "broadcast-chain" || a.dataflow == "shifting-neighbour") list.push_back(std::move(a));
  return list;
}

TEST(ChainsAndNeighbours, laws_hold_on_whole_networks) {
  std::size_t layers = 0;
  for (const Accelerator& a : machines())
    for (const std::string& name : shipped_network_names()) {
      const Network network = load_network(name);
      for (const NetworkLayer& layer : network.layers)
        for (const std::int64_t batch : {1, 16}) {
          if (!layer.spec.has_weights() || !why_not(a, layer.spec, batch).empty()) continue;
          SCOPED_TRACE(fmt::format("{} {}/{} batch {}", a.name, name, layer.spec.name, batch));
          const Outcome o = fast::count(a, {.layer = layer.spec, .batch = batch});
          ASSERT_EQ(o.macs, static_cast<std::uint64_t>(batch * macs(layer.spec)));
          ASSERT_GT(o.cycles, 0u);
          ASSERT_LE(utilization(a, o), 1.0);
          ASSERT_LE(o.pe_active, static_cast<std::uint64_t>(a.multipliers()));
          if (const std::uint64_t inputs = o.accesses.reads(Level::dram, Operand::input); inputs > 0) {
            ASSERT_GE(inputs, static_cast<std::uint64_t>(batch * input_elements(layer.spec)));
            ASSERT_GE(o.accesses.reads(Level::dram, Operand::weight), static_cast<std::uint64_t>(weight_count(layer.spec)));
          }
          ++layers;
        }
    }
  EXPECT_GT(layers, 5000u);
}

TEST(ChainsAndNeighbours, shidiannao_holds_small_layers_only) {
  const Accelerator a = load_accelerator("shidiannao");
  const auto runs = [&](const std::string& network) {
    std::vector<std::string> names;
    for (const NetworkLayer& layer : load_network(network).layers)
      if (layer.spec.has_weights() && why_not(a, layer.spec, 1).empty()) names.push_back(layer.spec.name);
    return names;
  };
  // LeNet-5: 500 and 25,000 weights fit 65,536 words, the 400,000 of the first fully connected layer do not.
  EXPECT_THAT(runs("lenet5"), ::testing::ElementsAre("conv1", "conv2", "fc2"));
  EXPECT_THAT(runs("alexnet"), ::testing::IsEmpty());
}

// 2^20 products and nothing else, by the table of Horowitz: 3.1 + 0.1 pJ each.
TEST(EnergyTables, horowitz_counts_in_picojoules) {
  const Accelerator a = parse_accelerator("dataflow = \"broadcast-chain\"\npes = 4\nclock_hz = 1e9\nenergy = \"horowitz2014\"\n", "mine.toml");
  EXPECT_EQ(a.energy->unit, "pJ");
  EXPECT_THAT(a.energy->source, ::testing::HasSubstr("ISSCC 2014"));
  Outcome o;
  o.macs = 1 << 20;
  EXPECT_DOUBLE_EQ(energy_of(*a.energy, o).at("mac"), 3.2 * (1 << 20));
  o.accesses.at(Level::dram, Operand::input).reads = 3;
  EXPECT_DOUBLE_EQ(energy_of(*a.energy, o).at("dram"), 3 * 640.0);
}

}  // namespace
}  // namespace convroof::spatial
