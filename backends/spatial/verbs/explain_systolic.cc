#include <fmt/format.h>

#include "backends/spatial/verbs/explain.h"
#include "workloads/checked.h"

namespace convroof::spatial {
namespace {

std::string product_of_folds(const SystolicArray& array, const Problem& p) {
  const std::int64_t R = array.rows, C = array.columns, N = p.n(), K = p.k(), M = p.m(), g = p.layer.groups;
  switch (array.stationary) {
    case Stationary::weight:
      return fmt::format("groups x ceil(K/R) x ceil(M/C) x (N + 2R + C - 2) = {} x {} x {} x {}", g, ceil_div(K, R), ceil_div(M, C), N + 2 * R + C - 2);
    case Stationary::input:
      return fmt::format("groups x ceil(K/R) x ceil(N/C) x (M + 2R + C - 2) = {} x {} x {} x {}", g, ceil_div(K, R), ceil_div(N, C), M + 2 * R + C - 2);
    case Stationary::output:
      return fmt::format("groups x ceil(N/R) x ceil(M/C) x (K + R + C - 2) = {} x {} x {} x {}", g, ceil_div(N, R), ceil_div(M, C), K + R + C - 2);
  }
  return "";
}

}  // namespace

std::string clock_terms(const Accelerator&, const SystolicArray& array, const Problem& p, const Outcome& o) {
  return fmt::format("shape     N = {} output pixels x images, K = {} products a sum, M = {} filters, {} groups; R = {}, C = {} PEs\n", p.n(), p.k(), p.m(),
                     p.layer.groups, array.rows, array.columns) +
         fmt::format("clocks    {} = {}\n", product_of_folds(array, p), o.cycles);
}

}  // namespace convroof::spatial
