// What oneDNN's API v2 (2.6.3 is Debian 12's) and v3 say differently, said once. Everything else in this folder compiles against both.
// v2 builds an operation descriptor and then a primitive descriptor; v3 builds the latter at once and lost the scale of post-ops.
#pragma once

#include <oneapi/dnnl/dnnl_debug.h>
#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

namespace convroof::onednn {

static_assert(DNNL_VERSION_MAJOR == 2 || DNNL_VERSION_MAJOR == 3, "only the API versions 2 and 3 of oneDNN are known");

using Dims = dnnl::memory::dims;
using MemoryDesc = dnnl::memory::desc;
// One implementation that the library offers for an operation.
using Offer = dnnl::primitive_desc_base;

constexpr bool kRunsOnOpenMp = DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP;

struct Window {  // of a convolution or a pooling; dilation as in oneDNN: 0 is a dense filter
  Dims kernel, stride, dilation, pad_before, pad_after;
};

// All implementations, in the library's order of preference. Throws dnnl::error where there is none.
template <typename PrimitiveDesc>
std::vector<Offer> all_of(PrimitiveDesc first) {
  std::vector<Offer> offers;
  do {
    dnnl_primitive_desc_t copy = nullptr;  // next_impl() may change the descriptor in place
    dnnl::error::wrap_c_api(dnnl_primitive_desc_clone(&copy, first.get()), "could not clone a primitive descriptor");
    offers.emplace_back().reset(copy);
  } while (first.next_impl());
  return offers;
}

#if DNNL_VERSION_MAJOR == 2

inline void append_activation(dnnl::post_ops& ops, dnnl::algorithm algorithm) { ops.append_eltwise(1.0f, algorithm, 0.0f, 0.0f); }

inline void set_output_scale(dnnl::primitive_attr& attributes, float scale) { attributes.set_output_scales(0, {scale}); }

inline std::vector<Offer> convolutions(const dnnl::engine& engine, dnnl::algorithm algorithm, const MemoryDesc& source, const MemoryDesc& weights,
                                       const MemoryDesc* bias, const MemoryDesc& destination, const Window& w, const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::convolution_forward;
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  const auto desc = bias != nullptr ? Forward::desc(kind, algorithm, source, weights, *bias, destination, w.stride, w.dilation, w.pad_before, w.pad_after)
                                    : Forward::desc(kind, algorithm, source, weights, destination, w.stride, w.dilation, w.pad_before, w.pad_after);
  return all_of(Forward::primitive_desc(desc, attributes, engine));
}

inline std::vector<Offer> inner_products(const dnnl::engine& engine, const MemoryDesc& source, const MemoryDesc& weights, const MemoryDesc* bias,
                                         const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::inner_product_forward;
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  const auto desc = bias != nullptr ? Forward::desc(kind, source, weights, *bias, destination) : Forward::desc(kind, source, weights, destination);
  return all_of(Forward::primitive_desc(desc, attributes, engine));
}

inline std::vector<Offer> matrix_products(const dnnl::engine& engine, const MemoryDesc& source, const MemoryDesc& weights, const MemoryDesc* bias,
                                          const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  const auto desc = bias != nullptr ? dnnl::matmul::desc(source, weights, *bias, destination) : dnnl::matmul::desc(source, weights, destination);
  return all_of(dnnl::matmul::primitive_desc(desc, attributes, engine));
}

inline std::vector<Offer> poolings(const dnnl::engine& engine, dnnl::algorithm algorithm, const MemoryDesc& source, const MemoryDesc& destination,
                                   const Window& w, const dnnl::primitive_attr& attributes) {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  if (w.dilation == Dims{0, 0}) {  // the older form has more implementations behind it
    using Forward = dnnl::pooling_forward;
    return all_of(
        Forward::primitive_desc(Forward::desc(kind, algorithm, source, destination, w.stride, w.kernel, w.pad_before, w.pad_after), attributes, engine));
  }
  using Forward = dnnl::pooling_v2_forward;
  return all_of(Forward::primitive_desc(Forward::desc(kind, algorithm, source, destination, w.stride, w.kernel, w.dilation, w.pad_before, w.pad_after),
                                        attributes, engine));
}

inline std::vector<Offer> normalisations(const dnnl::engine& engine, const MemoryDesc& data, std::int64_t size, float alpha, float beta, float k,
                                         const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::lrn_forward;
  return all_of(Forward::primitive_desc(Forward::desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::lrn_across_channels, data, size, alpha, beta, k),
                                        attributes, engine));
}

inline std::vector<Offer> additions(const dnnl::engine& engine, const MemoryDesc& data, const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  return all_of(dnnl::binary::primitive_desc(dnnl::binary::desc(dnnl::algorithm::binary_add, data, data, destination), attributes, engine));
}

inline std::vector<Offer> rectifiers(const dnnl::engine& engine, const MemoryDesc& data, const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::eltwise_forward;
  return all_of(
      Forward::primitive_desc(Forward::desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::eltwise_relu, data, 0.0f, 0.0f), attributes, engine));
}

inline std::vector<Offer> softmaxes(const dnnl::engine& engine, const MemoryDesc& data, int axis, const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::softmax_forward;
  return all_of(Forward::primitive_desc(Forward::desc(dnnl::prop_kind::forward_inference, data, axis), attributes, engine));
}

#else

inline void append_activation(dnnl::post_ops& ops, dnnl::algorithm algorithm) { ops.append_eltwise(algorithm, 0.0f, 0.0f); }

// Only the int8 Winograd kernel needs it, and v3 has none.
inline void set_output_scale(dnnl::primitive_attr&, float) { throw dnnl::error(dnnl_unimplemented, "an output scale has no counterpart in API v3"); }

inline std::vector<Offer> convolutions(const dnnl::engine& engine, dnnl::algorithm algorithm, const MemoryDesc& source, const MemoryDesc& weights,
                                       const MemoryDesc* bias, const MemoryDesc& destination, const Window& w, const dnnl::primitive_attr& attributes) {
  using PrimitiveDesc = dnnl::convolution_forward::primitive_desc;
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  if (bias != nullptr)
    return all_of(PrimitiveDesc(engine, kind, algorithm, source, weights, *bias, destination, w.stride, w.dilation, w.pad_before, w.pad_after, attributes));
  return all_of(PrimitiveDesc(engine, kind, algorithm, source, weights, destination, w.stride, w.dilation, w.pad_before, w.pad_after, attributes));
}

inline std::vector<Offer> inner_products(const dnnl::engine& engine, const MemoryDesc& source, const MemoryDesc& weights, const MemoryDesc* bias,
                                         const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  using PrimitiveDesc = dnnl::inner_product_forward::primitive_desc;
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  if (bias != nullptr) return all_of(PrimitiveDesc(engine, kind, source, weights, *bias, destination, attributes));
  return all_of(PrimitiveDesc(engine, kind, source, weights, destination, attributes));
}

inline std::vector<Offer> matrix_products(const dnnl::engine& engine, const MemoryDesc& source, const MemoryDesc& weights, const MemoryDesc* bias,
                                          const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  if (bias != nullptr) return all_of(dnnl::matmul::primitive_desc(engine, source, weights, *bias, destination, attributes));
  return all_of(dnnl::matmul::primitive_desc(engine, source, weights, destination, attributes));
}

inline std::vector<Offer> poolings(const dnnl::engine& engine, dnnl::algorithm algorithm, const MemoryDesc& source, const MemoryDesc& destination,
                                   const Window& w, const dnnl::primitive_attr& attributes) {
  return all_of(dnnl::pooling_forward::primitive_desc(engine, dnnl::prop_kind::forward_inference, algorithm, source, destination, w.stride, w.kernel,
                                                      w.dilation, w.pad_before, w.pad_after, attributes));
}

inline std::vector<Offer> normalisations(const dnnl::engine& engine, const MemoryDesc& data, std::int64_t size, float alpha, float beta, float k,
                                         const dnnl::primitive_attr& attributes) {
  return all_of(dnnl::lrn_forward::primitive_desc(engine, dnnl::prop_kind::forward_inference, dnnl::algorithm::lrn_across_channels, data, data, size, alpha,
                                                  beta, k, attributes));
}

inline std::vector<Offer> additions(const dnnl::engine& engine, const MemoryDesc& data, const MemoryDesc& destination, const dnnl::primitive_attr& attributes) {
  return all_of(dnnl::binary::primitive_desc(engine, dnnl::algorithm::binary_add, data, data, destination, attributes));
}

inline std::vector<Offer> rectifiers(const dnnl::engine& engine, const MemoryDesc& data, const dnnl::primitive_attr& attributes) {
  return all_of(dnnl::eltwise_forward::primitive_desc(engine, dnnl::prop_kind::forward_inference, dnnl::algorithm::eltwise_relu, data, data, attributes));
}

inline std::vector<Offer> softmaxes(const dnnl::engine& engine, const MemoryDesc& data, int axis, const dnnl::primitive_attr& attributes) {
  return all_of(
      dnnl::softmax_forward::primitive_desc(engine, dnnl::prop_kind::forward_inference, dnnl::algorithm::softmax_accurate, data, data, axis, attributes));
}

#endif

// How a tensor lies in memory. `opaque`: a packed form that only its implementation knows.
struct Blocking {
  bool opaque = true;
  Dims padded, strides, inner_blocks, inner_dims;
};

inline Blocking blocking_of(const MemoryDesc& desc) {
  Blocking blocking;
#if DNNL_VERSION_MAJOR == 2
  const dnnl_memory_desc_t& d = desc.data;
  if (d.ndims == 0) return blocking;
  blocking.padded.assign(d.padded_dims, d.padded_dims + d.ndims);
  if (d.format_kind != dnnl_blocked) return blocking;
  const dnnl_blocking_desc_t& b = d.format_desc.blocking;
  blocking.strides.assign(b.strides, b.strides + d.ndims);
  blocking.inner_blocks.assign(b.inner_blks, b.inner_blks + b.inner_nblks);
  blocking.inner_dims.assign(b.inner_idxs, b.inner_idxs + b.inner_nblks);
#else
  if (desc.get_ndims() == 0) return blocking;
  blocking.padded = desc.get_padded_dims();
  if (desc.get_format_kind() != dnnl::memory::format_kind::blocked) return blocking;
  blocking.strides = desc.get_strides();
  blocking.inner_blocks = desc.get_inner_blks();
  blocking.inner_dims = desc.get_inner_idxs();
#endif
  blocking.opaque = false;
  return blocking;
}

// Of the library that was loaded, which may be newer than the headers: "2.6.3".
inline std::string loaded_version() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + '.' + std::to_string(version->minor) + '.' + std::to_string(version->patch);
}

}  // namespace convroof::onednn
