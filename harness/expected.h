// What a kernel must compute: the layer in double precision, from the operands as the backends get them. Computed once per layer, type, density and batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "backends/tensor.h"

namespace convroof {

class Expected {
 public:
  // The layer's output, f64. Integer sums are exact: |sum| < 2^53, for operands of at most 16 bits and any reduction that fits memory.
  // Throws std::bad_alloc or std::overflow_error for a layer beyond this machine, std::logic_error when a few elements, recomputed by plain loops,
  // come out different.
  // Without `with_magnitudes` (kernels that must be exact need none) magnitudes() must not be called for a layer with weights.
  Expected(const Case& c, const Operands& operands, bool with_magnitudes = true);

  std::span<const double> values() const { return values_.as<double>(); }
  const Tensor& tensor() const { return values_; }

  // For each element of plane (n, k): a bound of the sum of the absolute products, bias included, that stand behind it. What ErrorModel calls M.
  void magnitudes(std::int64_t n, std::int64_t k, std::span<double> plane) const;
  bool has_magnitudes() const { return has_magnitudes_; }

 private:
  void compute(const Case& c, const Operands& operands);
  void spot_check(const Case& c, const Operands& operands) const;

  const LayerSpec layer_;
  const bool has_magnitudes_;
  Tensor values_;
  std::vector<double> patch_norm_, filter_norm_, bias_magnitude_;  // conv, fc: M = patch * filter + |bias|, Cauchy-Schwarz
  std::vector<double> magnitude_;                                  // add, avgpool: M itself
};

// Bytes that an Expected of this case allocates at its peak.
std::int64_t expected_bytes(const Case& c);

}  // namespace convroof
