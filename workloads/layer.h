// One layer of a network: its shape, and what follows from the shape alone (operations, sizes). Everything else in convroof is about computing one of these.
//
// Counting conventions, stated once for the whole project:
//   - a multiply-accumulate (MAC) is one multiplication and one addition, so 2 operations;
//   - `macs` counts padding taps as the papers do, `macs_valid` only taps that meet an input element;
//   - counts are per image unless a function takes a batch; all arithmetic is checked (std::overflow_error).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "workloads/data_type.h"

namespace convroof {

enum class Op { conv, fc, maxpool, avgpool, lrn, add, relu, softmax };
enum class Activation { none, relu, sigmoid, tanh };

std::string_view name_of(Op op);
std::string_view name_of(Activation activation);
std::optional<Op> op_named(std::string_view name);
std::optional<Activation> activation_named(std::string_view name);

// Shapes are NCHW for activations and KCRS for weights: K output channels, C input channels of one group, R x S the filter.
// A fully connected layer is the convolution whose filter has the input's size; its kernel_height and kernel_width say so.
struct LayerSpec {
  std::string name;
  Op op = Op::conv;

  std::int64_t in_channels = 1, in_height = 1, in_width = 1;
  std::int64_t out_channels = 1, out_height = 1, out_width = 1;

  std::int64_t kernel_height = 1, kernel_width = 1;  // conv, fc and pooling; 1 otherwise
  std::int64_t stride_height = 1, stride_width = 1;
  std::int64_t dilation_height = 1, dilation_width = 1;  // 1 = dense filter
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::int64_t groups = 1;  // conv: filters and input channels fall into this many independent parts

  bool has_bias = false;                     // conv, fc: one bias per output channel
  bool has_batch_norm = false;               // folded into weights and bias; kept only so that tables can say so
  Activation activation = Activation::none;  // applied to the output as part of the layer

  // Local response normalisation across channels, Krizhevsky et al. 2012, section 3.3:
  // out[c] = in[c] / (lrn_k + lrn_alpha * sum of in^2 over lrn_size channels centred on c) ^ lrn_beta
  std::int64_t lrn_size = 5;
  double lrn_alpha = 1e-4, lrn_beta = 0.75, lrn_k = 2.0;

  std::int64_t in_channels_per_group() const { return in_channels / groups; }
  std::int64_t out_channels_per_group() const { return out_channels / groups; }
  std::int64_t reduction_length() const;  // products summed into one output: C/groups * R * S; conv and fc
  bool has_weights() const { return op == Op::conv || op == Op::fc; }
  std::int64_t input_count() const { return op == Op::add ? 2 : 1; }  // activations read
};

// Output size of one axis: floor((in + pad_before + pad_after - dilation * (kernel - 1) - 1) / stride) + 1, at least 1 or throws std::invalid_argument.
std::int64_t output_extent(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad_before, std::int64_t pad_after);

// Taps of one axis that meet an input element, summed over all output positions.
std::int64_t valid_taps(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad_before);

std::int64_t macs(const LayerSpec& layer);        // conv, fc; 0 otherwise
std::int64_t macs_valid(const LayerSpec& layer);  // without the taps that fall on padding
std::int64_t weight_count(const LayerSpec& layer);
std::int64_t bias_count(const LayerSpec& layer);
std::int64_t input_elements(const LayerSpec& layer);  // of all activations read: an addition reads two
std::int64_t output_elements(const LayerSpec& layer);

// Operations of a layer that are not MACs: comparisons, additions, multiplications, divisions, exponentials, 1 each.
//   maxpool  valid taps - 1 a window;   avgpool  valid taps - 1 additions and 1 multiplication a window
//   lrn      per element: 1 square, lrn_size additions, 1 multiply-add (2), 1 power, 1 division
//   add 1, relu 1;   softmax  4 an element (comparison, exponential with its subtraction counted as 1, addition, division)
// conv and fc: 0. The epilogue is not counted: a bias is the accumulator's start value and an activation one operation an output.
std::int64_t ops_other(const LayerSpec& layer);

// The layer's computational content as one line of text: everything that changes a result, nothing that does not (names, batch norm's origin).
// Two layers with equal text are the same work.
std::string canonical_shape(const LayerSpec& layer);

// Throws std::invalid_argument with the offending field when the sizes contradict each other. Called by every reader of foreign data.
void validate(const LayerSpec& layer);

}  // namespace convroof
