// The SIMD backend: our own kernels on top of Highway, which picks the instruction set at run time. What it can do is the table of algorithms.
#include <fmt/format.h>

#include <stdexcept>

#include "backends/backend.h"
#include "backends/highway/algorithms.h"
#include "backends/highway/cpu_ceilings.h"
#include "backends/host_cpu.h"

namespace convroof {
namespace {

const highway::Algorithm& algorithm_of(const Variant& variant) {
  for (const highway::Algorithm& algorithm : highway::algorithms())
    if (algorithm.variant.name == variant.name) return algorithm;
  throw std::invalid_argument(fmt::format("backend `highway` has no variant `{}`", variant.name));
}

class HighwayBackend final : public Backend {
 public:
  std::string name() const override { return "highway"; }
  std::string device() const override { return host_cpu().name; }
  Clock clock() const override { return Clock::host; }
  DataType native_type() const override { return DataType::f32; }

  std::vector<Variant> variants() const override {
    std::vector<Variant> list;
    for (const highway::Algorithm& algorithm : highway::algorithms()) list.push_back(algorithm.variant);
    return list;
  }

  Support supports(const Variant& variant, const Case& c) const override { return algorithm_of(variant).supports(c); }

  std::unique_ptr<Kernel> prepare(const Variant& variant, const Case& c, const Operands& operands) override {
    const highway::Algorithm& algorithm = algorithm_of(variant);
    if (const Support support = algorithm.supports(c); !support) throw std::runtime_error(support.reason);
    return algorithm.prepare(c, operands);
  }

  ErrorModel error(const Variant& variant, const Case& c) const override { return algorithm_of(variant).error(c); }

  // The roofs of the CPU, for every backend that runs on it.
  std::vector<Ceiling> compute_ceilings(DataType type, int threads) override { return measure_cpu_compute(type, threads, /*quick=*/true); }
  std::vector<Ceiling> bandwidth_ceilings(int threads) override { return measure_cpu_bandwidth(threads, /*quick=*/true); }
};

}  // namespace

std::unique_ptr<Backend> make_highway_backend() { return std::make_unique<HighwayBackend>(); }

}  // namespace convroof
