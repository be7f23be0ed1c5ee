// Kernels of the layers without weights, and the separate epilogue. NHWC, FP16 in and out, FP32 in between; one output element a thread and step, so that
// neighbouring lanes touch neighbouring channels. All are bound by memory.
#pragma once

#include "backends/cuda/kernels/convolution_shape.h"
#include "backends/cuda/kernels/machine.h"

namespace convroof::gpu {

constexpr int kPointwiseThreads = 256;

struct PlainShape {
  const std::uint16_t *input, *addend;
  std::uint16_t* output;
  std::int64_t images;
  std::int32_t channels, height, width, out_height, out_width;
  std::int32_t pixel_elements;  // softmax: from one pixel to the next, channels and padding; the others count padding among the channels
  std::int32_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width, pad_top, pad_left;
  std::int32_t lrn_size;
  float lrn_alpha, lrn_beta, lrn_k;
  Function function;
};

// Calls f(i) for the elements that fall to this thread.
template <typename F>
CONVROOF_GPU void for_each_of_mine(std::int64_t count, F f) {
  const std::int64_t stride = static_cast<std::int64_t>(grid_x()) * kPointwiseThreads;
  for (std::int64_t i = static_cast<std::int64_t>(block_x()) * kPointwiseThreads + thread_x(); i < count; i += stride) f(i);
}

// The templates below have no parameter that matters: templates may stand in several files.
template <int = 0>
CONVROOF_KERNEL bias_activation(std::uint16_t* data, const float* bias, std::int64_t count, std::int64_t channels, Function function) {
  for_each_of_mine(count, [=](std::int64_t i) { data[i] = half_bits(finish(low_float(data[i]), bias != nullptr ? bias[i % channels] : 0.0f, function)); });
}

// Addition (addend not null) or activation alone.
template <int = 0>
CONVROOF_KERNEL add_or_activate(CONVROOF_PARAMETER PlainShape shape) {
  const std::int64_t count = shape.images * shape.out_height * shape.out_width * shape.channels;
  for_each_of_mine(count, [&](std::int64_t i) {
    const float sum = low_float(shape.input[i]) + (shape.addend != nullptr ? low_float(shape.addend[i]) : 0.0f);
    shape.output[i] = half_bits(finish(sum, 0.0f, shape.function));
  });
}

// kMax: the largest input under the window; otherwise their mean, padding not counted. A window that meets no input gives 0.
template <bool kMax>
CONVROOF_KERNEL pool(CONVROOF_PARAMETER PlainShape shape) {
  const std::int64_t count = shape.images * shape.out_height * shape.out_width * shape.channels;
  for_each_of_mine(count, [&](std::int64_t i) {
    const std::int64_t channel = i % shape.channels, pixel = i / shape.channels;
    const int x = static_cast<int>(pixel % shape.out_width), y = static_cast<int>(pixel / shape.out_width % shape.out_height);
    const std::int64_t image = pixel / shape.out_width / shape.out_height;
    float value = 0;
    int taps = 0;
    for (int r = 0; r < shape.kernel_height; ++r)
      for (int s = 0; s < shape.kernel_width; ++s) {
        const int row = y * shape.stride_height + r * shape.dilation_height - shape.pad_top;
        const int column = x * shape.stride_width + s * shape.dilation_width - shape.pad_left;
        if (row < 0 || row >= shape.height || column < 0 || column >= shape.width) continue;
        const float element = low_float(shape.input[((image * shape.height + row) * shape.width + column) * shape.channels + channel]);
        if (kMax)
          value = taps == 0 || element > value ? element : value;
        else
          value += element;
        ++taps;
      }
    if (!kMax && taps > 0) value /= static_cast<float>(taps);
    shape.output[i] = half_bits(finish(value, 0.0f, shape.function));
  });
}

template <int = 0>
CONVROOF_KERNEL normalise_across_channels(CONVROOF_PARAMETER PlainShape shape) {
  const std::int64_t count = shape.images * shape.height * shape.width * shape.channels;
  for_each_of_mine(count, [&](std::int64_t i) {
    const int channel = static_cast<int>(i % shape.channels);
    const std::uint16_t* const pixel = shape.input + (i - channel);
    float squares = 0;
    const int first = channel - shape.lrn_size / 2;
    for (int c = first < 0 ? 0 : first; c < first + shape.lrn_size && c < shape.channels; ++c) {
      const float value = low_float(pixel[c]);
      squares += value * value;
    }
    const float normalised = low_float(pixel[channel]) / power(shape.lrn_k + shape.lrn_alpha * squares, shape.lrn_beta);
    shape.output[i] = half_bits(finish(normalised, 0.0f, shape.function));
  });
}

// One block a pixel; shared memory holds a number a thread.
template <int = 0>
CONVROOF_KERNEL softmax_over_channels(CONVROOF_PARAMETER PlainShape shape) {
  auto* const parts = reinterpret_cast<float*>(shared_memory());
  const std::int64_t pixels = shape.images * shape.height * shape.width;
  const int thread = thread_x();
  for (std::int64_t pixel = block_x(); pixel < pixels; pixel += grid_x()) {
    const std::uint16_t* const from = shape.input + pixel * shape.pixel_elements;
    std::uint16_t* const to = shape.output + pixel * shape.pixel_elements;
    float largest = low_float(from[0]);
    for (int c = thread; c < shape.channels; c += kPointwiseThreads) largest = low_float(from[c]) > largest ? low_float(from[c]) : largest;
    parts[thread] = largest;
    sync_block();
    for (int half = kPointwiseThreads / 2; half > 0; half /= 2) {
      if (thread < half) parts[thread] = parts[thread + half] > parts[thread] ? parts[thread + half] : parts[thread];
      sync_block();
    }
    largest = parts[0];
    sync_block();
    float sum = 0;
    for (int c = thread; c < shape.channels; c += kPointwiseThreads) sum += exponential(low_float(from[c]) - largest);
    parts[thread] = sum;
    sync_block();
    for (int half = kPointwiseThreads / 2; half > 0; half /= 2) {
      if (thread < half) parts[thread] += parts[thread + half];
      sync_block();
    }
    sum = parts[0];
    for (int c = thread; c < shape.channels; c += kPointwiseThreads)
      to[c] = half_bits(finish(exponential(low_float(from[c]) - largest) / sum, 0.0f, shape.function));
    sync_block();
  }
}

constexpr int kSoftmaxSharedBytes = kPointwiseThreads * static_cast<int>(sizeof(float));

}  // namespace convroof::gpu
