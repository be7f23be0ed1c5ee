#include "backends/spatial/reproduce/emulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "backends/spatial/fast/families.h"
#include "workloads/network_file.h"

namespace convroof::spatial {
namespace {

// Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014. The numbers are the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9, z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

// Exactly `kept` elements of `count` are not zero, anywhere; small integers of both signs.
std::vector<std::int16_t> values(std::int64_t count, std::int64_t kept, Random& random) {
  std::vector<std::int16_t> v(static_cast<std::size_t>(count), 0);
  for (std::int64_t i = 0, left = kept; i < count; ++i) {
    if (static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count - i))) >= left) continue;
    --left;
    const auto magnitude = static_cast<std::int16_t>(1 + random.below(7));
    v[static_cast<std::size_t>(i)] = random.below(2) == 0 ? magnitude : static_cast<std::int16_t>(-magnitude);
  }
  return v;
}

std::int64_t kept_weights(const LayerSpec& layer, const WeightSparsity& sparsity) {
  const std::int64_t count = weight_count(layer);
  if (sparsity.pattern == WeightSparsity::Pattern::dense) return count;
  if (sparsity.pattern == WeightSparsity::Pattern::unstructured) return kept_of(sparsity.share, count);
  throw std::invalid_argument("N:M weights are not emulated here");
}

}  // namespace

const Outcome& OutcomeStore::of(const std::string& machine, const Accelerator& a, const EmulatedLayer& layer, int batch, bool has_numbers) {
  const auto key =
      fmt::format("{}|{}|{}|{}|{}|{}", machine, canonical_shape(layer.spec), batch, has_numbers, layer.density.weights.share, layer.density.activations);
  if (const auto place = known_.find(key); place != known_.end()) return place->second;
  std::vector<std::int16_t> input, weights;
  if (has_numbers) {
    Random random(0x636f6e76726f6f66);
    const std::int64_t inputs = batch * input_elements(layer.spec);
    input = values(inputs, kept_of(layer.density.activations, inputs), random);
    weights = values(weight_count(layer.spec), kept_weights(layer.spec, layer.density.weights), random);
  }
  const Problem p{.layer = layer.spec, .batch = batch, .input = input, .weights = weights, .relu = layer.spec.activation == Activation::relu};
  return known_.emplace(key, fast::count(a, p, threads_)).first->second;
}

Emulation::Emulation(const PublishedFigure& f, std::string machine, std::shared_ptr<const Accelerator> accelerator, OutcomeStore& store)
    : machine_(std::move(machine)), accelerator_(std::move(accelerator)), store_(&store), batch_(f.batch) {
  if (f.network.empty()) return;
  const std::vector<std::string> known = shipped_network_names();
  if (std::ranges::find(known, f.network) == known.end()) throw std::invalid_argument(fmt::format("there is no network `{}` here", f.network));
  const Network network = load_network(f.network);
  const DensitySet densities = DensitySet::named(f.density.empty() ? "dense" : f.density);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& spec = network.layers[i].spec;
    const bool wanted = f.layer == "conv"  ? spec.op == Op::conv
                        : f.layer == "fc"  ? spec.op == Op::fc
                        : f.layer == "all" ? spec.has_weights()
                                           : spec.name == f.layer;
    if (!wanted || !spec.has_weights()) continue;
    std::string reason;
    const auto density = densities.of(network, static_cast<int>(i), &reason);
    if (!density) throw std::invalid_argument(reason);
    has_numbers_ = has_numbers_ || !density->is_dense();
    layers_.push_back({spec, network.layers[i].repeats, *density});
    if (accelerator_)
      if (const std::string why = why_not(*accelerator_, spec, batch_); !why.empty()) throw std::invalid_argument(fmt::format("{}: {}", spec.name, why));
  }
  if (layers_.empty()) throw std::invalid_argument(fmt::format("network `{}` has no layer `{}`", f.network, f.layer));
}

const Accelerator& Emulation::accelerator() const {
  if (!accelerator_) throw std::invalid_argument("this quantity belongs to an accelerator; name one");
  return *accelerator_;
}

const Outcome& Emulation::outcome(const EmulatedLayer& layer) const { return store_->of(machine_, accelerator(), layer, batch_, has_numbers_); }

Emulation Emulation::on(const std::string& variation, Accelerator other) const {
  Emulation copy = *this;
  copy.machine_ += "+" + variation;
  copy.accelerator_ = std::make_shared<const Accelerator>(std::move(other));
  return copy;
}

double Emulation::seconds() const {
  return sum([&](const EmulatedLayer& layer) {
           const Outcome& o = outcome(layer);
           return o.cycles + o.stall_cycles;
         }) /
         accelerator().clock_hz;
}

}  // namespace convroof::spatial
