// What the library offers for a case: every implementation it can make, by name, and which of them a variant means.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/onednn/dnnl_api.h"

namespace convroof::onednn {

enum class Primitive { convolution, inner_product, matrix_product, pooling, normalisation, addition, rectifier, softmax };
std::string_view name_of(Primitive primitive);

struct Implementation {
  Primitive primitive = Primitive::convolution;
  std::string name;    // as the library prints it: brgconv:avx512_core
  std::string family;  // the variant that forces it (brgemm, jit, gemm, matmul, winograd2x2 ...), or "reference" for the library's plain loops
  Offer offer;
  std::int64_t tile() const;  // outputs of a Winograd tile along one axis; 0: no Winograd
};

// The family of an implementation of a convolution or inner product, from its name.
std::string family_of(std::string_view implementation);

struct Offers {
  std::vector<Implementation> implementations;  // those that the variant may run, in the library's order; more than one: try them
  std::string reason;                           // why there are none
};

// Shapes of the operands as they arrive: plain layouts of oneDNN's own notation.
struct PlainDescs {
  MemoryDesc source, addend, weights, bias, destination;  // empty where the layer has none
};
PlainDescs plain_descs(const Case& c, Primitive primitive, ElementType weight);  // `weight`: how the weights are given

const dnnl::engine& cpu_engine();

// Whether the library, on this CPU and under its own limit (ONEDNN_MAX_CPU_ISA), multiplies bytes with VNNI. Without it, it adds pairs of u8 x s8 products in
// 16 bits that saturate (oneDNN's guide, "Nuances of int8 Computations"): exact only while 2 x 255 x |weight| stays below 2^15, so for |weight| <= 64.
bool int8_is_exact();

// Uses case.threads, since implementations and their scratchpads depend on it. `output_scale` multiplies the sums (quantised operands); 1: none.
Offers offers_for(const Variant& variant, const Case& c, float output_scale = 1);

// OpenMP's thread count for this scope; kernels of the library take it from the calling thread.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

}  // namespace convroof::onednn
