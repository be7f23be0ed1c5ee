#include "backends/highway/sparse_direct.h"

#include "backends/highway/sparse_convolution.h"
#include "backends/highway/sparse_vector.h"

namespace convroof::highway {

Algorithm sparse_direct_algorithm() {
  return {.variant = {.name = "sparse-direct", .summary = "f32 and s8: kept weights only, unstructured; convolution and fully connected"},
          .supports = sparse_convolution_supports,
          .prepare = [](const Case& c, const Operands& operands) -> std::unique_ptr<Kernel> {
            if (c.type == DataType::f32 && c.layer.op == Op::fc && c.batch == 1) return make_sparse_vector_product(c, operands);
            return make_sparse_convolution(c, operands);
          }};
}

}  // namespace convroof::highway
