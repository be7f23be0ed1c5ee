// The run-length code of Eyeriss' outer memory: a run of up to 31 zeros (5 bits) and the value after it (16 bits), three such pairs and one bit that
// marks the end in a word of 64 bits. Chen, Krishna, Emer, Sze: Eyeriss, IEEE JSSC 52(1), 2017, section III-B and figure 8.
// Zeros at the end of a stream are a shorter run followed by a zero as the value.
#pragma once

#include <cstdint>

namespace convroof::spatial {

inline constexpr int kLongestRun = 31;
inline constexpr int kPairsPerCodeWord = 3;
inline constexpr int kCodeWordBits = 64;

class RunLength {
 public:
  void add(bool is_zero) {
    if (is_zero && run_ < kLongestRun) {
      ++run_;
      return;
    }
    ++pairs_;
    run_ = 0;
  }
  // Code words of the stream so far, if it ended here.
  std::uint64_t code_words() const { return (pairs_ + (run_ > 0 ? 1 : 0) + kPairsPerCodeWord - 1) / kPairsPerCodeWord; }

 private:
  std::uint64_t pairs_ = 0;
  int run_ = 0;
};

}  // namespace convroof::spatial
