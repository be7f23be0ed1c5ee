#include "backends/onednn/onednn_kernel.h"

#include <fmt/format.h>
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <new>
#include <numeric>
#include <stdexcept>

#include "backends/onednn/winograd.h"

namespace convroof::onednn {
namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{1} << 21;
// Buffers that all start at the same offset of a page fall into the same cache sets; each starts some lines later than the one before.
constexpr std::size_t kStagger = 37 * kCacheLine;

[[noreturn]] void refuse(const dnnl::error& e, const Implementation& implementation, std::string_view doing) {
  throw std::runtime_error(fmt::format("oneDNN {}, {}, {}: {} ({})", loaded_version(), implementation.name, doing, e.message, dnnl_status2str(e.status)));
}

// Does this CPU multiply pairs or quadruples of this type in one instruction? The library uses it wherever it can.
bool has_dot_product(DataType type) {
#if defined(__x86_64__) || defined(__i386__)
  if (type == DataType::bf16) return __builtin_cpu_supports("avx512bf16");
  if (type == DataType::s8) return __builtin_cpu_supports("avx512vnni");
  return false;
#else
  return type != DataType::f32;
#endif
}

}  // namespace

std::string layout_name(const MemoryDesc& desc) {
  const Blocking b = blocking_of(desc);
  if (b.opaque) return "opaque";
  std::vector<std::size_t> order(b.strides.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t x, std::size_t y) { return b.strides[x] > b.strides[y]; });
  std::string name;
  for (const std::size_t dim : order) {
    const bool blocked = std::ranges::find(b.inner_dims, static_cast<std::int64_t>(dim)) != b.inner_dims.end();
    name += static_cast<char>((blocked ? 'A' : 'a') + static_cast<int>(dim));
  }
  for (std::size_t i = 0; i < b.inner_blocks.size(); ++i) name += fmt::format("{}{}", b.inner_blocks[i], static_cast<char>('a' + b.inner_dims[i]));
  return name;
}

void OneDnnKernel::Free::operator()(std::byte* p) const {
  // The allocation's start, before the stagger.
  std::free(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(p) / kHugePage * kHugePage));
}

dnnl::memory OneDnnKernel::allocate(int argument, const MemoryDesc& desc) {
  const std::size_t offset = buffers_.size() * kStagger;  // far below a huge page: a kernel has at most six buffers
  const std::size_t bytes = (offset + desc.get_size() + kHugePage - 1) / kHugePage * kHugePage;
  auto* start = static_cast<std::byte*>(std::aligned_alloc(kHugePage, bytes));
  if (start == nullptr) throw std::bad_alloc();
  madvise(start, bytes, MADV_HUGEPAGE);  // advice only: where it is refused, small pages serve
  Buffer buffer{.data = std::unique_ptr<std::byte, Free>(start + offset), .memory = dnnl::memory(desc, cpu_engine(), start + offset)};
  bytes_ += desc.get_size();
  buffers_.push_back(std::move(buffer));
  const dnnl::memory memory = buffers_.back().memory;
  arguments_.push_back({argument, memory.get()});
  return memory;
}

void OneDnnKernel::fill(int argument, const MemoryDesc& wanted, const MemoryDesc& plain, const Tensor& tensor) {
  dnnl::memory packed = allocate(argument, wanted);
  // The reorder only reads; the library's interface has no pointer to const.
  dnnl::memory given(plain, cpu_engine(), const_cast<std::byte*>(tensor.data()));
  dnnl::reorder(given, packed).execute(stream_, given, packed);
  stream_.wait();
}

OneDnnKernel::OneDnnKernel(const Implementation& implementation, const Case& c, const Operands& operands)
    : c_(c), implementation_(implementation), plain_(plain_descs(c, implementation.primitive, operands.weights.type())), stream_(cpu_engine()) {
  const ThreadScope threads(c.threads);
  const Offer& offer = implementation_.offer;
  try {
    const MemoryDesc source = offer.query_md(dnnl::query::src_md, 0), destination = offer.query_md(dnnl::query::dst_md, 0);
    fill(DNNL_ARG_SRC, source, plain_.source, operands.input);
    if (implementation_.primitive == Primitive::addition) fill(DNNL_ARG_SRC_1, offer.query_md(dnnl::query::src_md, 1), plain_.addend, operands.addend);
    if (c.layer.has_weights()) {
      const MemoryDesc weights = offer.query_md(dnnl::query::weights_md, 0);
      fill(DNNL_ARG_WEIGHTS, weights, plain_.weights, operands.weights);
      facts_["layout_weights"] = layout_name(weights);
    }
    if (c.has_bias()) fill(DNNL_ARG_BIAS, offer.query_md(dnnl::query::weights_md, 1), plain_.bias, operands.bias);
    output_ = allocate(DNNL_ARG_DST, destination);
    const MemoryDesc scratchpad = offer.query_md(dnnl::query::scratchpad_md, 0);
    if (scratchpad.get_size() > 0) allocate(DNNL_ARG_SCRATCHPAD, scratchpad);
    primitive_ = dnnl::primitive(offer.get());

    facts_["layout_input"] = layout_name(source);
    facts_["layout_output"] = layout_name(destination);
    facts_["scratchpad_bytes"] = std::to_string(scratchpad.get_size());
  } catch (const dnnl::error& e) {
    refuse(e, implementation_, "preparing");
  }
  facts_["implementation"] = implementation_.name;
  facts_["primitive"] = name_of(implementation_.primitive);
  facts_["library"] = "oneDNN " + loaded_version();
  if (c.type == DataType::s8 && c.layer.has_weights() && !int8_is_exact())
    facts_["int8"] = "no VNNI: pairs of products are added in 16 bits and saturate; exact for |weight| <= 64";
  facts_["reorders"] = "done once in preparation, not timed";
}

std::optional<double> OneDnnKernel::run(int times) {
  if (omp_get_max_threads() != c_.threads) omp_set_num_threads(c_.threads);
  for (int i = 0; i < times; ++i) {
    // The C function: the C++ wrapper would gather the arguments into a new vector each time.
    const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()), arguments_.data());
    if (status != dnnl_success) refuse(dnnl::error(status, "execution failed"), implementation_, "running");
  }
  stream_.wait();
  return std::nullopt;
}

void OneDnnKernel::poison_output() {
  const NumberFormat format = format_of(c_.type);
  const bool stays = implementation_.primitive == Primitive::pooling || implementation_.primitive == Primitive::rectifier;
  Tensor pattern(stays ? format.activation : format.output, {1, 1, 1, 1});
  pattern.poison();
  auto* bytes = static_cast<std::byte*>(output_.get_data_handle());
  const std::size_t size = output_.get_desc().get_size(), step = static_cast<std::size_t>(pattern.bytes());
  for (std::size_t i = 0; i + step <= size; i += step) std::copy_n(pattern.data(), step, bytes + i);
}

void OneDnnKernel::read_output(Tensor& canonical) {
  const ThreadScope threads(c_.threads);
  try {
    dnnl::memory plain(plain_.destination, cpu_engine(), canonical.data());
    dnnl::reorder(output_, plain).execute(stream_, output_, plain);
    stream_.wait();
  } catch (const dnnl::error& e) {
    refuse(e, implementation_, "reading the output");
  }
}

Work OneDnnKernel::work() const {
  Work work;
  work.facts = facts_;
  work.bytes_packed = bytes_;
  const LayerSpec& layer = c_.layer;
  if (implementation_.tile() != 0) {
    const std::int64_t in = blocking_of(implementation_.offer.query_md(dnnl::query::src_md, 0)).padded[1];
    const std::int64_t out = blocking_of(implementation_.offer.query_md(dnnl::query::dst_md, 0)).padded[1];
    const WinogradCost cost = winograd_cost(implementation_.tile(), layer, c_.batch, in, out);
    work.macs_executed = cost.macs;
    work.ops_other = cost.additions;
    work.facts["tile"] = fmt::format("F({0}x{0},3x3)", implementation_.tile());
  } else {
    work.macs_executed = static_cast<std::uint64_t>(c_.batch * macs_valid(layer));
    work.ops_other = static_cast<std::uint64_t>(c_.batch * ops_other(layer));
  }
  work.unit_used = implementation_.family == "reference" ? "scalar" : layer.has_weights() && has_dot_product(c_.type) ? "dot" : "fma";
  work.accumulator = convroof::name_of(format_of(c_.type).accumulator);
  return work;
}

}  // namespace convroof::onednn
