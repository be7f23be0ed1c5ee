// docs/architecture.md adds a backend in one file, docs/formats.md a network and a density set: all of them work as printed.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "backends/backend.h"
#include "workloads/density.h"
#include "workloads/network_file.h"

namespace convroof {

std::unique_ptr<Backend> make_doubled_backend();  // extracted from docs/architecture.md by CMake

namespace {

// The blocks fenced as ```toml, in order.
std::vector<std::string> toml_blocks(const std::string& path) {
  std::ifstream stream(path);
  std::vector<std::string> blocks;
  std::string line;
  bool inside = false;
  while (std::getline(stream, line)) {
    if (line.starts_with("```")) {
      inside = line == "```toml";
      if (inside) blocks.emplace_back();
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST(DocsExamples, the_added_backend_computes) {
  const std::unique_ptr<Backend> backend = make_doubled_backend();
  LayerSpec layer;
  layer.op = Op::relu;
  layer.in_channels = layer.out_channels = 3;
  const Case c{.layer = layer};
  Tensor input(ElementType::f32, c.input_shape()), none, output(ElementType::f32, c.output_shape());
  input.set_value(0, -1), input.set_value(1, 2), input.set_value(2, 0.5);
  const Variant variant = backend->variants().at(0);
  ASSERT_TRUE(backend->supports(variant, c));
  const auto kernel = backend->prepare(variant, c, {input, none, none, none});
  kernel->poison_output();
  kernel->run(1);
  kernel->read_output(output);
  EXPECT_EQ(output.value(0), 0);
  EXPECT_EQ(output.value(1), 2);
  EXPECT_EQ(output.value(2), 0.5);
  layer.op = Op::lrn;
  EXPECT_FALSE(backend->supports(variant, c));
}

TEST(DocsExamples, the_network_reads) {
  const auto blocks = toml_blocks(CONVROOF_DOCS "/formats.md");
  ASSERT_GE(blocks.size(), 2u);
  const Network network = parse_network(blocks[0], "formats.md");
  EXPECT_EQ(network.name, "tiny");
  EXPECT_EQ(network.layers.size(), 4u);
}

TEST(DocsExamples, the_density_set_reads) {
  const auto blocks = toml_blocks(CONVROOF_DOCS "/formats.md");
  ASSERT_GE(blocks.size(), 2u);
  const std::string path = testing::TempDir() + "half.toml";
  std::ofstream(path) << blocks[1];
  const DensitySet set = DensitySet::named(path);
  const Network network = parse_network(blocks[0], "formats.md");
  EXPECT_DOUBLE_EQ(set.of(network, 0, nullptr)->weights.share, 0.5);
  EXPECT_DOUBLE_EQ(set.of(network, 3, nullptr)->activations, 0.6);  // conv2 feeds the addition, the addition feeds fc
}

}  // namespace
}  // namespace convroof
