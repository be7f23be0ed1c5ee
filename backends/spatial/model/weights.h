// Weights as the engines read them: 16 bits each, or a byte each where all are small and there are so many that a second byte would hurt.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

namespace convroof::spatial {

class Weights {
 public:
  Weights() = default;
  template <typename Range>
  requires std::convertible_to<const Range&, std::span<const std::int16_t>> Weights(const Range& words) : words_(words) {}
  Weights(std::span<const std::int8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return size() == 0; }
  std::size_t size() const { return words_.size() + bytes_.size(); }
  std::int16_t operator[](std::size_t index) const { return bytes_.empty() ? words_[index] : std::int16_t{bytes_[index]}; }

  // Calls f with the span that holds them: for loops over many, which should not ask again for each.
  template <typename F>
  decltype(auto) visit(F&& f) const {
    return bytes_.empty() ? f(words_) : f(bytes_);
  }

 private:
  std::span<const std::int16_t> words_;
  std::span<const std::int8_t> bytes_;
};

}  // namespace convroof::spatial
