#include "backends/spatial/fast/pair_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace convroof::spatial::fast {
namespace {

// All sets of instructions that this processor has, not only the one that is used.
TEST(PairKernels, tiles_equal_plain_sums) {
  std::mt19937 random(5);
  for (const PairKernels& kernels : pair_kernels())
    for (const std::int64_t steps : {0, 1, 2, 7, 64}) {
      const auto rows = static_cast<std::size_t>(kernels.rows), width = static_cast<std::size_t>(kernels.width), count = static_cast<std::size_t>(steps);
      struct alignas(64) Line {
        std::int16_t values[32];
      };
      std::vector<Line> pixel_lines(count * width * 2 / 32 + 1), sum_lines(rows * width * 2 / 32 + 1);
      std::int16_t* pixels = pixel_lines.data()->values;
      auto* sums = reinterpret_cast<std::int32_t*>(sum_lines.data());
      std::vector<std::int32_t> weights(count * rows);
      for (std::size_t i = 0; i < count * width * 2; ++i) pixels[i] = static_cast<std::int16_t>(static_cast<int>(random() % 4001) - 2000);
      for (std::int32_t& both : weights) both = static_cast<std::int32_t>(random() % 2001 - 1000) * 65536 + static_cast<std::int32_t>(random() % 1000);
      kernels.tile(weights.data(), pixels, steps, sums);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < width; ++i) {
          std::int64_t sum = 0;
          for (std::size_t step = 0; step < count; ++step) {
            const std::int32_t both = weights[step * rows + r];
            sum +=
                std::int64_t{static_cast<std::int16_t>(both)} * pixels[(step * width + i) * 2] + std::int64_t{both >> 16} * pixels[(step * width + i) * 2 + 1];
          }
          ASSERT_EQ(sums[r * width + i], sum) << kernels.name << ' ' << steps << ' ' << r << ' ' << i;
        }
    }
}

TEST(PairKernels, dot_products_equal_plain_sums) {
  std::mt19937 random(6);
  for (const PairKernels& kernels : pair_kernels())
    for (const std::size_t count : {0, 1, 31, 64, 127, 128, 129, 1000}) {
      std::vector<std::int16_t> words(count), pixels(count);
      std::vector<std::int8_t> bytes(count);
      std::int64_t sum = 0, of_bytes = 0;
      for (std::size_t k = 0; k < count; ++k) {
        words[k] = static_cast<std::int16_t>(static_cast<int>(random() % 2001) - 1000),
        pixels[k] = static_cast<std::int16_t>(static_cast<int>(random() % 2001) - 1000);
        bytes[k] = static_cast<std::int8_t>(random());
        sum += words[k] * pixels[k], of_bytes += bytes[k] * pixels[k];
      }
      EXPECT_EQ(kernels.dot(words.data(), pixels.data(), static_cast<std::int64_t>(count)), sum) << kernels.name << ' ' << count;
      EXPECT_EQ(kernels.dot_bytes(bytes.data(), pixels.data(), static_cast<std::int64_t>(count)), of_bytes) << kernels.name << ' ' << count;
    }
}

}  // namespace
}  // namespace convroof::spatial::fast
