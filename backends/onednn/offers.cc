#include "backends/onednn/offers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace convroof::onednn {
namespace {

using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

Type type_of(ElementType element) {
  switch (element) {
    case ElementType::f32:
      return Type::f32;
    case ElementType::bf16:
      return Type::bf16;
    case ElementType::u8:
      return Type::u8;
    case ElementType::s8:
      return Type::s8;
    case ElementType::s32:
      return Type::s32;
    default:
      throw std::logic_error(fmt::format("oneDNN is not asked for {}", convroof::name_of(element)));
  }
}

Window window_of(const LayerSpec& l) {
  return {.kernel = {l.kernel_height, l.kernel_width},
          .stride = {l.stride_height, l.stride_width},
          .dilation = {l.dilation_height - 1, l.dilation_width - 1},
          .pad_before = {l.pad_top, l.pad_left},
          .pad_after = {l.pad_bottom, l.pad_right}};
}

// The same tensor, its layout left to the library.
MemoryDesc any_layout(const Dims& dims, Type type) { return MemoryDesc(dims, type, Tag::any); }

struct Shapes {
  Dims source, weights, bias, destination;
  Type activation, weight, accumulator, output;
};

Shapes shapes_of(const Case& c, Primitive primitive) {
  const LayerSpec& l = c.layer;
  const NumberFormat format = format_of(c.type);
  Shapes s{.source = {c.batch, l.in_channels, l.in_height, l.in_width},
           .destination = {c.batch, l.out_channels, l.out_height, l.out_width},
           .activation = type_of(format.activation),
           .weight = type_of(format.weight),
           .accumulator = type_of(format.accumulator),
           .output = type_of(format.output)};
  switch (primitive) {
    case Primitive::convolution:
      s.weights = {l.out_channels, l.in_channels, l.kernel_height, l.kernel_width};
      if (l.groups > 1) s.weights = {l.groups, l.out_channels_per_group(), l.in_channels_per_group(), l.kernel_height, l.kernel_width};
      s.bias = {l.out_channels};
      break;
    case Primitive::inner_product:
    case Primitive::matrix_product: {
      // Two dimensions: with four the library finds none of its batch-reduce GEMM kernels.
      const std::int64_t length = l.reduction_length();
      s.source = {c.batch, length};
      s.destination = {c.batch, l.out_channels};
      s.weights = primitive == Primitive::inner_product ? Dims{l.out_channels, length} : Dims{length, l.out_channels};
      s.bias = primitive == Primitive::inner_product ? Dims{l.out_channels} : Dims{1, l.out_channels};
      break;
    }
    case Primitive::pooling:
    case Primitive::rectifier:
      s.output = s.activation;  // selections stay in the input's type (s8: u8); reading the output widens it
      break;
    default:
      break;
  }
  return s;
}

dnnl::primitive_attr attributes_for(const Case& c, float output_scale) {
  dnnl::primitive_attr attributes;
  if (output_scale != 1) set_output_scale(attributes, output_scale);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // so that a run allocates nothing
  const Activation activation = c.layer.op == Op::relu && c.activation() == Activation::relu ? Activation::none : c.activation();
  if (activation == Activation::none) return attributes;
  dnnl::post_ops ops;
  append_activation(ops, activation == Activation::relu      ? dnnl::algorithm::eltwise_relu
                         : activation == Activation::sigmoid ? dnnl::algorithm::eltwise_logistic
                                                             : dnnl::algorithm::eltwise_tanh);
  attributes.set_post_ops(ops);
  return attributes;
}

// The library's answer, or nothing and its words.
template <typename Ask>
std::vector<Implementation> ask(Primitive primitive, Ask&& question, std::string* refusal) {
  std::vector<Implementation> list;
  try {
    for (Offer& offer : question()) {
      std::string name = offer.impl_info_str();
      std::string family = primitive == Primitive::matrix_product ? "matmul" : family_of(name);
      if (name.starts_with("ref") || name.starts_with("simple") || name.starts_with("lrn_ref")) family = "reference";
      list.push_back({primitive, std::move(name), std::move(family), std::move(offer)});
    }
  } catch (const dnnl::error& e) {
    *refusal = fmt::format("{} ({})", e.message, dnnl_status2str(e.status));
  }
  return list;
}

std::vector<Implementation> with_weights(Primitive primitive, dnnl::algorithm algorithm, const Case& c, float output_scale, std::string* refusal) {
  const Shapes s = shapes_of(c, primitive);
  const MemoryDesc source = any_layout(s.source, s.activation), weights = any_layout(s.weights, s.weight);
  const MemoryDesc bias = primitive == Primitive::matrix_product ? MemoryDesc(s.bias, s.accumulator, Tag::ab) : any_layout(s.bias, s.accumulator);
  const MemoryDesc destination = any_layout(s.destination, s.output);
  const MemoryDesc* with_bias = c.has_bias() ? &bias : nullptr;
  const dnnl::primitive_attr attributes = attributes_for(c, output_scale);
  return ask(
      primitive,
      [&] {
        if (primitive == Primitive::convolution)
          return convolutions(cpu_engine(), algorithm, source, weights, with_bias, destination, window_of(c.layer), attributes);
        if (primitive == Primitive::inner_product) return inner_products(cpu_engine(), source, weights, with_bias, destination, attributes);
        return matrix_products(cpu_engine(), source, weights, with_bias, destination, attributes);
      },
      refusal);
}

// These take the layout they are given. Channels last is what the library's own convolutions leave behind on AVX-512, blocks of 16 or 8 what older ones
// do; the first layout that meets a vectorised implementation is taken.
std::vector<Implementation> without_weights(const Case& c, std::string* refusal) {
  const LayerSpec& l = c.layer;
  const Primitive primitive = l.op == Op::add       ? Primitive::addition
                              : l.op == Op::relu    ? Primitive::rectifier
                              : l.op == Op::softmax ? Primitive::softmax
                              : l.op == Op::lrn     ? Primitive::normalisation
                                                    : Primitive::pooling;
  const Shapes s = shapes_of(c, primitive);
  const dnnl::primitive_attr attributes = attributes_for(c, 1);
  std::vector<Implementation> plain;
  for (const Tag tag : {Tag::nhwc, Tag::nChw16c, Tag::nChw8c, Tag::nchw}) {
    if ((tag == Tag::nChw16c && l.in_channels % 16 != 0) || (tag == Tag::nChw8c && l.in_channels % 8 != 0)) continue;
    const MemoryDesc source(s.source, s.activation, tag), destination(s.destination, s.output, tag);
    std::vector<Implementation> list = ask(
        primitive,
        [&] {
          switch (primitive) {
            case Primitive::addition:
              return additions(cpu_engine(), source, destination, attributes);
            case Primitive::rectifier:
              return rectifiers(cpu_engine(), source, attributes);
            case Primitive::softmax:
              return softmaxes(cpu_engine(), source, 1, attributes);
            case Primitive::normalisation:
              // The library divides alpha by the size, Krizhevsky et al. do not.
              return normalisations(cpu_engine(), source, l.lrn_size, static_cast<float>(l.lrn_alpha * static_cast<double>(l.lrn_size)),
                                    static_cast<float>(l.lrn_beta), static_cast<float>(l.lrn_k), attributes);
            default:
              return poolings(cpu_engine(), l.op == Op::maxpool ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_exclude_padding, source,
                              destination, window_of(l), attributes);
          }
        },
        refusal);
    if (!list.empty() && list.front().family != "reference") return list;
    if (plain.empty()) plain = std::move(list);
  }
  return plain;
}

// The first of each generation: "jit:avx512_core" stands for "jit:avx2" too, which runs the same loops on narrower registers. Where kernels with 8-bit dot
// products are offered, older ones, whose sums saturate in 16 bits ("jit_uni_int8:avx2"), do not take part: a moment's disturbance would let one win.
std::vector<Implementation> worth_trying(std::vector<Implementation> list) {
  const auto has = [](const Implementation& i, std::string_view part) { return i.name.find(part) != std::string::npos; };
  if (std::ranges::any_of(list, [&](const Implementation& i) { return has(i, "vnni") || has(i, "amx"); }))
    std::erase_if(list, [&](const Implementation& i) { return has(i, "int8") && (i.name.ends_with(":avx2") || i.name.ends_with(":sse41")); });
  std::set<std::string> seen;
  std::erase_if(list, [&](const Implementation& i) { return !seen.insert(fmt::format("{} {}", i.family, i.name.substr(0, i.name.find(':')))).second; });
  // The library's plain loops take seconds on a large layer and win nowhere.
  if (std::ranges::any_of(list, [](const Implementation& i) { return i.family != "reference"; }))
    std::erase_if(list, [](const Implementation& i) { return i.family == "reference"; });
  return list;
}

// What can be said without asking the library.
std::string refusal_by_rule(const Variant& variant, const Case& c) {
  const LayerSpec& l = c.layer;
  if (!kRunsOnOpenMp) return "this oneDNN was not built for OpenMP, which the other kernels share their threads with";
  if (c.type == DataType::f16 || c.type == DataType::s16)
    return fmt::format("oneDNN is measured in f32, bf16 and s8 here, not in {}", convroof::name_of(c.type));
  if (is_integer(c.type)) {
    if (l.op == Op::avgpool || l.op == Op::lrn || l.op == Op::softmax) return fmt::format("{} has no integer form here", convroof::name_of(l.op));
    if (c.activation() == Activation::sigmoid || c.activation() == Activation::tanh)
      return fmt::format("{} has no integer form here", convroof::name_of(c.activation()));
  }
  if (l.op == Op::lrn && l.lrn_size % 2 == 0) return fmt::format("oneDNN centres its LRN window: odd sizes only, not {}", l.lrn_size);
  if (variant.name == "auto") return "";
  if (!l.has_weights()) return fmt::format("{} has one implementation only: variant auto", convroof::name_of(l.op));
  if (variant.name == "matmul" && l.op != Op::fc) return "a matrix product stands for fully connected layers only";
  if (variant.name.starts_with("winograd")) {
    if (l.op != Op::conv) return "Winograd is for convolutions";
    if (c.type == DataType::s8 && variant.name != "winograd-rounded") return "the library's s8 Winograd is not exact: variant winograd-rounded";
    if (c.type != DataType::s8 && variant.name == "winograd-rounded") return "only s8 is rounded: variant winograd";
  }
  return "";
}

}  // namespace

std::string_view name_of(Primitive primitive) {
  switch (primitive) {
    case Primitive::convolution:
      return "convolution";
    case Primitive::inner_product:
      return "inner product";
    case Primitive::matrix_product:
      return "matrix product";
    case Primitive::pooling:
      return "pooling";
    case Primitive::normalisation:
      return "lrn";
    case Primitive::addition:
      return "binary";
    case Primitive::rectifier:
      return "eltwise";
    case Primitive::softmax:
      return "softmax";
  }
  return "";
}

std::int64_t Implementation::tile() const { return family == "winograd4x4" ? 4 : family == "winograd2x2" || family == "winograd-rounded" ? 2 : 0; }

std::string family_of(std::string_view implementation) {
  const auto has = [&](std::string_view part) { return implementation.find(part) != std::string_view::npos; };
  if (has("wino")) return has("int8") ? "winograd-rounded" : has("4x3") ? "winograd4x4" : "winograd2x2";
  if (implementation.starts_with("ref")) return "reference";
  if (implementation.starts_with("brg")) return "brgemm";
  if (has("gemm")) return "gemm";
  return "jit";
}

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

bool int8_is_exact() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa != dnnl::cpu_isa::sse41 && isa != dnnl::cpu_isa::avx && isa != dnnl::cpu_isa::avx2 && isa != dnnl::cpu_isa::avx512_core;
}

PlainDescs plain_descs(const Case& c, Primitive primitive, ElementType weight) {
  const Shapes s = shapes_of(c, primitive);
  const Type weight_type = s.weights.empty() ? s.weight : type_of(weight);
  const auto rows = [](const Dims& dims, Type type) {  // row-major, whatever the number of dimensions
    Dims strides(dims.size(), 1);
    for (std::size_t i = dims.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * dims[i];
    return MemoryDesc(dims, type, strides);
  };
  PlainDescs plain;
  plain.source = rows(s.source, s.activation);
  if (primitive == Primitive::addition) plain.addend = plain.source;
  if (!s.weights.empty()) plain.weights = rows(s.weights, weight_type);
  if (primitive == Primitive::matrix_product) plain.weights = MemoryDesc(s.weights, weight_type, Dims{1, s.weights[0]});  // ours is transposed: K rows
  if (c.has_bias()) plain.bias = rows(s.bias, s.accumulator);
  plain.destination = rows(s.destination, type_of(format_of(c.type).output));
  return plain;
}

Offers offers_for(const Variant& variant, const Case& c, float output_scale) {
  Offers offers;
  offers.reason = refusal_by_rule(variant, c);
  if (!offers.reason.empty()) return offers;

  const ThreadScope threads(c.threads);
  std::string refusal;
  std::vector<Implementation> all;
  const bool winograd = variant.name.starts_with("winograd");
  if (c.layer.op == Op::conv) {
    const auto algorithm = winograd                 ? dnnl::algorithm::convolution_winograd
                           : variant.name == "auto" ? dnnl::algorithm::convolution_auto
                                                    : dnnl::algorithm::convolution_direct;
    all = with_weights(Primitive::convolution, algorithm, c, output_scale, &refusal);
  } else if (c.layer.op == Op::fc) {
    all = with_weights(Primitive::inner_product, dnnl::algorithm::undef, c, output_scale, &refusal);
    if (variant.name != "auto")
      for (Implementation& product : with_weights(Primitive::matrix_product, dnnl::algorithm::undef, c, output_scale, &refusal))
        all.push_back(std::move(product));
  } else {
    all = without_weights(c, &refusal);
  }
  if (all.empty()) {
    offers.reason = fmt::format("oneDNN {} offers no {}implementation: {}", loaded_version(), winograd ? "Winograd " : "", refusal);
    return offers;
  }

  if (variant.name == "auto") {
    // Without VNNI the library's own choice in s8 can be its rounded Winograd, which takes other weights: variant winograd-rounded.
    if (c.type == DataType::s8) std::erase_if(all, [](const Implementation& i) { return i.family == "winograd-rounded"; });
    if (all.empty()) {
      offers.reason = fmt::format("oneDNN {} offers nothing but its rounded Winograd: variant winograd-rounded", loaded_version());
      return offers;
    }
    all.erase(all.begin() + 1, all.end());
    offers.implementations = std::move(all);
    return offers;
  }
  std::set<std::string> families;
  for (const Implementation& i : all) families.insert(i.family);
  if (variant.name != "direct" && variant.name != "winograd") std::erase_if(all, [&](const Implementation& i) { return i.family != variant.name; });
  offers.implementations = worth_trying(std::move(all));
  if (offers.implementations.empty())
    offers.reason = fmt::format("oneDNN {} offers no {} implementation here, only {}", loaded_version(), variant.name, fmt::join(families, ", "));
  return offers;
}

ThreadScope::ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
ThreadScope::~ThreadScope() { omp_set_num_threads(before_); }

}  // namespace convroof::onednn
