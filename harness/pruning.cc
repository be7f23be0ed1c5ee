#include "harness/pruning.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "harness/counter_random.h"

namespace convroof {
namespace {

constexpr int kLowBits = 15;  // the upper 16 of 31 bits choose a bin, the rest is sorted within one bin
constexpr std::size_t kBins = std::size_t{1} << (31 - kLowBits);

std::vector<std::int64_t> histogram(std::uint64_t key, std::int64_t count) {
  std::vector<std::int64_t> total(kBins, 0);
#pragma omp parallel
  {
    std::vector<std::int64_t> mine(kBins, 0);
#pragma omp for schedule(static) nowait
    for (std::int64_t i = 0; i < count; ++i) ++mine[rank_of(random_bits(key, i)) >> kLowBits];
#pragma omp critical
    for (std::size_t b = 0; b < kBins; ++b) total[b] += mine[b];
  }
  return total;
}

}  // namespace

LargestRanks::LargestRanks(std::uint64_t key, std::int64_t count, std::int64_t kept) {
  if (kept >= count) return;
  if (kept <= 0) {
    rank_ = 0x80000000u;  // above every rank
    return;
  }
  const std::vector<std::int64_t> bins = histogram(key, count);
  std::int64_t above = 0;  // elements in higher bins
  std::size_t bin = kBins - 1;
  while (above + bins[bin] < kept) above += bins[bin--];

  std::vector<std::pair<std::uint32_t, std::int64_t>> members;
  members.reserve(static_cast<std::size_t>(bins[bin]));
#pragma omp parallel
  {
    std::vector<std::pair<std::uint32_t, std::int64_t>> mine;
#pragma omp for schedule(static) nowait
    for (std::int64_t i = 0; i < count; ++i)
      if (const std::uint32_t rank = rank_of(random_bits(key, i)); rank >> kLowBits == bin) mine.emplace_back(rank, i);
#pragma omp critical
    members.insert(members.end(), mine.begin(), mine.end());
  }
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  const auto& last = members[static_cast<std::size_t>(kept - above - 1)];
  rank_ = last.first;
  last_index_ = last.second;
}

}  // namespace convroof
