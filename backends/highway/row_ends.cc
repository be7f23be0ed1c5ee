#include "backends/highway/row_ends.h"

#include <algorithm>
#include <numeric>

#include "backends/highway/parallel.h"

namespace convroof::highway {
namespace {

constexpr std::int64_t kWordBytes = 4, kVectorBytes = 64, kChannels = 3;

}  // namespace

bool RowEnds::pays(const ConvolutionShape& s, std::int64_t element_bytes) {
  // One word less does not pay for the second list of taps: VGG's first layer in bf16 took 1.14 ms with 14 words, 1.03 ms with 15.
  constexpr std::int64_t kFewestSaved = 2;
  const std::int64_t per_word = kWordBytes / element_bytes, step = s.stride_width;
  return s.in_channels == kChannels && (step == 1 || step == 2 || step == 4) && s.kernel_width * kChannels > per_word &&
         s.kernel_width * kChannels % per_word == 1 && s.kernel_height >= ceil_div(s.kernel_height, per_word) + kFewestSaved && s.dilation_height == 1 &&
         s.dilation_width == 1;
}

RowEnds::RowEnds(const ConvolutionShape& s, std::int64_t element_bytes, std::int64_t padded_height, std::int64_t padded_width)
    : gather_(row_end_gather(element_bytes)),
      images_(s.images),
      element_bytes_(element_bytes),
      rows_per_word_(kWordBytes / element_bytes),
      unit_(std::gcd(s.stride_height, rows_per_word_)),
      words_(ceil_div(s.kernel_height, rows_per_word_)),
      starts_(((s.out_height - 1) * s.stride_height + (words_ - 1) * rows_per_word_) / unit_ + 1),
      stride_height_(s.stride_height),
      stride_width_(s.stride_width),
      kernel_width_(s.kernel_width),
      out_width_(s.out_width),
      padded_height_(padded_height),
      padded_width_(padded_width),
      // Whole vectors, so that what one thread writes behind the end of a row is nobody else's.
      row_bytes_(ceil_div(s.out_width * kWordBytes, 4 * kVectorBytes) * 4 * kVectorBytes),
      plane_row_bytes_(ceil_div(padded_width * element_bytes, kVectorBytes) * kVectorBytes) {
  planes_ = Buffer<std::uint8_t>(images_ * padded_height_ * plane_row_bytes_ + 4 * kVectorBytes);
  words_of_rows_ = Buffer<std::uint8_t>(images_ * starts_ * row_bytes_);
}

void RowEnds::take_channel(const std::uint8_t* rows, int thread, int threads) {
  const Range mine = share_of(images_ * padded_height_, thread, threads);
  for (std::int64_t row = mine.begin; row < mine.end; ++row)
    gather_.third_channel(rows + row * padded_width_ * kChannels * element_bytes_, padded_width_, planes_.data() + row * plane_row_bytes_);
}

void RowEnds::make_words(int thread, int threads) {
  const Range mine = share_of(images_ * starts_, thread, threads);
  for (std::int64_t i = mine.begin; i < mine.end; ++i) {
    const std::int64_t n = i / starts_, first = i % starts_ * unit_;
    const void* from[4];
    // Rows that do not exist are repeated: their weights are zero.
    for (std::int64_t r = 0; r < rows_per_word_; ++r)
      from[r] = planes_.data() + (n * padded_height_ + std::min(first + r, padded_height_ - 1)) * plane_row_bytes_ + (kernel_width_ - 1) * element_bytes_;
    gather_.words(from, stride_width_, out_width_, words_of_rows_.data() + i * row_bytes_);
  }
}

}  // namespace convroof::highway
