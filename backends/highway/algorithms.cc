#include "backends/highway/algorithms.h"

#include "backends/highway/auto.h"
#include "backends/highway/bf16_direct.h"
#include "backends/highway/direct.h"
#include "backends/highway/dot_winograd.h"
#include "backends/highway/gemm.h"
#include "backends/highway/int8_direct.h"
#include "backends/highway/sparse_activations.h"
#include "backends/highway/sparse_direct.h"
#include "backends/highway/sparse_nm.h"
#include "backends/highway/winograd.h"

namespace convroof::highway {

const std::vector<Algorithm>& algorithms() {
  static const std::vector<Algorithm> table = {
      auto_algorithm(),  // first: what `list variants` shows first is what people should start with
      direct_algorithm(),        gemm_algorithm(),          winograd2x2_algorithm(),        winograd3x3_algorithm(),
      winograd4x4_algorithm(),   winograd6x6_algorithm(),   winograd2x2_5x5_algorithm(),    winograd4x4_5x5_algorithm(),
      bf16_direct_algorithm(),   bf16_winograd_algorithm(), int8_direct_algorithm(),        int8_winograd_algorithm(),
      sparse_direct_algorithm(), sparse_nm_algorithm(),     sparse_activations_algorithm(),
  };
  return table;
}

}  // namespace convroof::highway
