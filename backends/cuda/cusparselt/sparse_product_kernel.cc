#include "backends/cuda/cusparselt/sparse_product_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "backends/cuda/convolution/two_of_four.h"
#include "backends/cuda/cusparselt/library.h"
#include "backends/cuda/device/device_kernel.h"
#include "backends/cuda/kernels/pointwise.h"
#include "workloads/checked.h"

namespace convroof::cuda {
namespace {

constexpr std::int64_t kMultiple = 16;  // of rows and columns, for FP16 (cuSPARSELt's table of supported sizes)

// D (filters x pixels) = A^T (filters x channels) B (channels x pixels), all in column-major order: filters as [filter][channel] and activations as
// [pixel][channel] are just that.
struct Sizes {
  std::int64_t channels, filters, pixels, padded_pixels;
};
Sizes sizes_of(const Case& c) {
  const LayerSpec& l = c.layer;
  const std::int64_t pixels = c.batch * l.out_height * l.out_width;
  return {l.in_channels * l.kernel_height * l.kernel_width, l.out_channels, pixels, ceil_div(pixels, kMultiple) * kMultiple};
}

ActivationLayout dense_layout(const Tensor::Shape& s) { return {s[0], 1, s[1], s[1], s[2], s[3]}; }

// The library's objects, in the order in which they refer to each other.
class Product {
 public:
  explicit Product(const Sizes& s) : library_(CusparseLtLibrary::get()) {
    using namespace cusparselt;
    call(library_.init(&handle_), "cusparseLtInit");
    call(library_.structured(&handle_, &a_, s.channels, s.filters, s.channels, kAlignment, CUDA_R_16F, kColumnMajor, kHalfSparsity),
         "cusparseLtStructuredDescriptorInit");
    call(library_.dense(&handle_, &b_, s.channels, s.padded_pixels, s.channels, kAlignment, CUDA_R_16F, kColumnMajor), "cusparseLtDenseDescriptorInit");
    call(library_.dense(&handle_, &d_, s.filters, s.padded_pixels, s.filters, kAlignment, CUDA_R_16F, kColumnMajor), "cusparseLtDenseDescriptorInit");
    call(library_.product(&handle_, &product_, kTranspose, kNoTranspose, &a_, &b_, &d_, &d_, kCompute32F), "cusparseLtMatmulDescriptorInit");
    call(library_.selection(&handle_, &selection_, &product_, kDefaultAlgorithm), "cusparseLtMatmulAlgSelectionInit");
    call(library_.plan(&handle_, &plan_, &product_, &selection_), "cusparseLtMatmulPlanInit");
  }
  ~Product() {
    library_.plan_destroy(&plan_);
    for (const CusparseLtOpaque* matrix : {&a_, &b_, &d_}) library_.matrix_destroy(matrix);
    library_.destroy(&handle_);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  DeviceMemory compressed(const DeviceMemory& dense, cudaStream_t stream) {
    DeviceMemory is_wrong(sizeof(int));
    is_wrong.fill(0);
    call(library_.prune_check(&handle_, &product_, dense.data(), is_wrong.as<int>(), stream), "cusparseLtSpMMAPruneCheck");
    CONVROOF_CUDA(cudaStreamSynchronize(stream));
    int wrong = 0;
    is_wrong.download(&wrong, sizeof(wrong));
    if (wrong != 0) throw std::invalid_argument("cuSPARSELt does not take the weights for 2:4 pruned ones");
    std::size_t bytes = 0, scratch_bytes = 0;
    call(library_.compressed_size(&handle_, &plan_, &bytes, &scratch_bytes), "cusparseLtSpMMACompressedSize");
    DeviceMemory result(bytes);
    const DeviceMemory scratch(scratch_bytes);
    call(library_.compress(&handle_, &plan_, dense.data(), result.data(), scratch.data(), stream), "cusparseLtSpMMACompress");
    CONVROOF_CUDA(cudaStreamSynchronize(stream));
    return result;
  }
  void search(const void* a, const void* b, void* d, cudaStream_t stream) {
    call(library_.search(&handle_, &plan_, &kOne, a, b, &kZero, d, d, nullptr, &stream, 1), "cusparseLtMatmulSearch");
    call(library_.selection_attribute(&handle_, &selection_, cusparselt::kConfigId, &algorithm_, sizeof(algorithm_)), "cusparseLtMatmulAlgGetAttribute");
  }
  std::size_t workspace_bytes() const {
    std::size_t bytes = 0;
    call(library_.workspace(&handle_, &plan_, &bytes), "cusparseLtMatmulGetWorkspace");
    return bytes;
  }
  void multiply(const void* a, const void* b, void* d, void* workspace, cudaStream_t stream) const {
    call(library_.multiply(&handle_, &plan_, &kOne, a, b, &kZero, d, d, workspace, &stream, 1), "cusparseLtMatmul");
  }
  int algorithm() const { return algorithm_; }

 private:
  static constexpr float kOne = 1, kZero = 0;
  void call(int status, const char* name) const { library_.check(status, name); }
  const CusparseLtLibrary& library_;
  CusparseLtOpaque handle_{}, a_{}, b_{}, d_{}, product_{}, selection_{}, plan_{};
  int algorithm_ = -1;
};

class SparseProductKernel final : public DeviceKernel {
 public:
  SparseProductKernel(const Case& c, const Operands& operands)
      : DeviceKernel(c, dense_layout(c.output_shape()), (sizes_of(c).padded_pixels - sizes_of(c).pixels) * c.layer.out_channels),
        sizes_(sizes_of(c)),
        product_(std::make_unique<Product>(sizes_)) {
    std::vector<Float16> input = pack_activations(operands.input, dense_layout(c.input_shape()));
    input.resize(static_cast<std::size_t>(sizes_.padded_pixels * sizes_.channels));  // zeros
    const std::vector<Float16> weights = pack_filters(operands.weights, c.layer.in_channels);
    const auto kept = std::ranges::count_if(weights, [](Float16 value) { return (value.bits & 0x7fff) != 0; });
    kept_share_ = static_cast<double>(kept) / static_cast<double>(std::max<std::size_t>(weights.size(), 1));
    require_free_memory(static_cast<std::int64_t>((input.size() + 2 * weights.size()) * sizeof(Float16)));
    input_ = uploaded(input);
    weights_ = product_->compressed(uploaded(weights), stream());
    product_->search(weights_.data(), input_.data(), output(), stream());
    workspace_ = DeviceMemory(product_->workspace_bytes());
    if (!c.has_bias()) return;
    bias_ = DeviceMemory(static_cast<std::size_t>(operands.bias.bytes()));
    bias_.upload(operands.bias.data(), bias_.bytes());
  }

  Work work() const override {
    Work work = common_work({.input = input_.bytes(),
                             .weights = weights_.bytes() + bias_.bytes(),
                             .output = static_cast<std::uint64_t>(output_layout().elements()) * sizeof(Float16),
                             .partial = workspace_.bytes()});
    work.macs_executed = static_cast<std::uint64_t>(static_cast<double>(work.macs_executed) * kept_share_ + 0.5);
    work.unit_used = "tensor";
    work.facts["implementation"] = fmt::format("cuSPARSELt {}", CusparseLtLibrary::get().version);
    work.facts["algorithm"] = fmt::format("{}, by its own search", product_->algorithm());
    work.facts["epilogue"] = needs_epilogue() ? "a kernel of its own" : "none";
    return work;
  }

 protected:
  void enqueue(cudaStream_t on_stream) override {
    product_->multiply(weights_.data(), input_.data(), output(), workspace_.data(), on_stream);
    if (needs_epilogue()) launch_bias_activation(output(), bias_.as<float>(), sizes_.pixels, sizes_.filters, the_case().activation(), on_stream);
  }

 private:
  bool needs_epilogue() const { return the_case().has_bias() || the_case().activation() != Activation::none; }

  const Sizes sizes_;
  std::unique_ptr<Product> product_;
  double kept_share_ = 1;
  DeviceMemory input_, weights_, workspace_, bias_;
};

}  // namespace

std::string sparse_product_refusal(const Case& c) {
  const LayerSpec& l = c.layer;
  const bool is_pointwise = l.kernel_height == 1 && l.kernel_width == 1 && l.stride_height == 1 && l.stride_width == 1 && l.pad_top == 0 && l.pad_left == 0 &&
                            l.pad_bottom == 0 && l.pad_right == 0 && l.groups == 1;
  if (!l.has_weights() || (l.op == Op::conv && !is_pointwise)) return "cuSPARSELt multiplies matrices: 1x1 and fully connected layers only";
  if (sizes_of(c).channels % kMultiple != 0 || l.out_channels % kMultiple != 0)
    return fmt::format("cuSPARSELt wants multiples of {} channels and filters, here are {} and {}", kMultiple, sizes_of(c).channels, l.out_channels);
  if (!fits_two_of_four(c.density.weights)) return "the weights are not pruned 2:4; ask for such a density, as --densities 2:4";
  if (l.in_channels % 4 != 0) return "groups of four weights would reach over the taps of the filter";
  return "";
}

std::unique_ptr<Kernel> make_sparse_product_kernel(const Case& c, const Operands& operands) { return std::make_unique<SparseProductKernel>(c, operands); }

}  // namespace convroof::cuda
