#include "harness/describe_reuse.h"

#include <fmt/format.h>

#include <vector>

#include "harness/text_table.h"
#include "workloads/reuse.h"

namespace convroof {
namespace {

constexpr std::int64_t kBatches[] = {1, 2, 4, 8, 16, 32, 64};

}  // namespace

std::string reuse_bounds_text(const Network& network, std::int64_t batch) {
  const ReuseBounds bounds = reuse_bounds(network, batch);
  return fmt::format(
      "Main memory without any reuse: {} accesses (4 a MAC). With all of it: {} (each weight once, the image and the result once; --reuse tells more).\n",
      grouped(bounds.no_reuse), grouped(bounds.full_reuse));
}

std::string reuse_tables(const Network& network, std::int64_t batch) {
  std::vector<std::vector<std::string>> kinds = {
      {"layer", "op", "conv: weight", "conv: input", "feature map", "filter", "weight used", "input used", "sum of", "no reuse", "full reuse"}};
  std::vector<std::vector<std::string>> batches = {{"layer", "op"}};
  for (const std::int64_t n : kBatches) batches[0].push_back(fmt::format("batch {}", n));
  for (const NetworkLayer& layer : network.layers) {
    const LayerSpec& l = layer.spec;
    if (!l.has_weights()) continue;
    const LayerReuse r = reuse_of(l, batch);
    kinds.push_back({l.name, std::string(name_of(l.op)), grouped(r.convolutional_weight), fmt::format("{:.2f}", r.convolutional_input), grouped(r.feature_map),
                     grouped(r.filter), grouped(r.uses_of_weight), fmt::format("{:.1f}", r.uses_of_input), grouped(r.sums), grouped(r.accesses_no_reuse),
                     grouped(r.accesses_full_reuse)});
    batches.push_back({l.name, std::string(name_of(l.op))});
    for (const std::int64_t n : kBatches) batches.back().push_back(grouped(reuse_of(l, n).uses_of_weight));
  }
  return "\nReuse by kind (times), and words of main memory for each layer by itself\n" + text_table(kinds, 2) +
         "conv: output pixels a weight slides over, and windows of a filter that an input lies under; feature map: filters that use an input; filter: images "
         "that use a weight.\n\nFilter reuse: MACs for each weight that is fetched\n" +
         text_table(batches, 2);
}

nlohmann::ordered_json reuse_json(const LayerSpec& layer, std::int64_t batch) {
  const LayerReuse r = reuse_of(layer, batch);
  nlohmann::ordered_json json;
  json["convolutional_weight"] = r.convolutional_weight;
  json["convolutional_input"] = r.convolutional_input;
  json["feature_map"] = r.feature_map;
  json["filter"] = r.filter;
  json["uses_of_weight"] = r.uses_of_weight;
  json["uses_of_input"] = r.uses_of_input;
  json["sums"] = r.sums;
  json["accesses_no_reuse"] = r.accesses_no_reuse;
  json["accesses_full_reuse"] = r.accesses_full_reuse;
  nlohmann::ordered_json by_batch;
  for (const std::int64_t n : kBatches) by_batch[std::to_string(n)] = reuse_of(layer, n).uses_of_weight;
  json["uses_of_weight_by_batch"] = std::move(by_batch);
  return json;
}

nlohmann::ordered_json reuse_json(const Network& network, std::int64_t batch) {
  const ReuseBounds bounds = reuse_bounds(network, batch);
  return {{"accesses_no_reuse", bounds.no_reuse}, {"accesses_full_reuse", bounds.full_reuse}};
}

}  // namespace convroof
