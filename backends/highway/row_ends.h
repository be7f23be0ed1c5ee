// The ends of a first layer's filter rows, gathered into words of their own.
//
// With three channels a row of an odd filter is an odd number of elements, so one element stays over when it is cut into words of four (or two): 7 columns
// x 3 channels of bytes are 5 words and 1 byte. Multiplied as a sixth word each, the seven ends of a 7x7 filter cost 7 words of 42; gathered across rows they
// need 2. The third channel at the same column of consecutive input rows makes a word:
//
//   word(start, x) = third channel of column x * stride + kernel_width - 1 in rows start, start + 1, ... start + per_word - 1
//
// The words of a start are computed once for all output rows that begin or continue there. It is done in each run: to take it out would be to give the layer
// an input that no image has.
#pragma once

#include <cstdint>

#include "backends/highway/buffer.h"
#include "backends/highway/convolution_shape.h"
#include "backends/highway/row_ends_gather.h"

namespace convroof::highway {

class RowEnds {
 public:
  RowEnds() = default;
  // element_bytes: 1 or 2. Plain rows of 3 channels, `padded_width` pixels each, `padded_height` rows an image.
  RowEnds(const ConvolutionShape& s, std::int64_t element_bytes, std::int64_t padded_height, std::int64_t padded_width);

  // True if one element of each row stays over and gathering it saves words.
  static bool pays(const ConvolutionShape& s, std::int64_t element_bytes);

  std::int64_t words_of_filter() const { return words_; }
  std::int64_t word_stride() const { return rows_per_word_ / unit_ * row_bytes_; }  // bytes between the words of a filter
  // Bytes to an output position's first word.
  std::int64_t offset_of(std::int64_t y, std::int64_t x) const { return y * stride_height_ / unit_ * row_bytes_ + x * 4; }
  std::uint64_t bytes() const { return planes_.bytes() + words_of_rows_.bytes(); }
  const std::uint8_t* of_image(std::int64_t n) const { return words_of_rows_.data() + n * starts_ * row_bytes_; }

  // This thread's part of the work, in two steps; all threads finish the first before any begins the second. `rows`: the padded input.
  void take_channel(const std::uint8_t* rows, int thread, int threads);
  void make_words(int thread, int threads);

 private:
  RowEndGather gather_;
  Buffer<std::uint8_t> planes_;         // [image][padded row][column]: the third channel
  Buffer<std::uint8_t> words_of_rows_;  // [image][start / unit][x][4 bytes]
  std::int64_t images_ = 0, element_bytes_ = 1, rows_per_word_ = 4, unit_ = 1, words_ = 0, starts_ = 0;
  std::int64_t stride_height_ = 1, stride_width_ = 1, kernel_width_ = 1, out_width_ = 0, padded_height_ = 0, padded_width_ = 0;
  std::int64_t row_bytes_ = 0, plane_row_bytes_ = 0;
};

}  // namespace convroof::highway
