// Whatever bytes a person's file holds, it is read, or refused with one printable line that names its place.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "workloads/input_error.h"

namespace convroof {

struct Mutants {
  std::string file;                // the name that every message begins with
  std::vector<std::string> texts;  // good ones
  std::string alphabet;            // bytes that mean something in such a file, and some that do not
  int times = 20000;
  std::uint32_t seed = 1;
};

struct Fates {
  int read = 0, refused = 0;
};

// One to four changes to a good text, then `read(text)`, which may throw nothing but InputError.
template <typename Read>
Fates read_or_refuse(const Mutants& mutants, Read read) {
  std::mt19937 random(mutants.seed);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const auto byte = [&] { return mutants.alphabet[below(mutants.alphabet.size())]; };
  Fates fates;
  for (int i = 0; i < mutants.times; ++i) {
    std::string text = mutants.texts[below(mutants.texts.size())];
    for (std::size_t change = 1 + below(4); change > 0 && !text.empty(); --change) {
      const std::size_t at = below(text.size());
      switch (below(10)) {
        case 0:
          text.resize(at + 1);
          break;
        case 1:
        case 2:
        case 3:
          text[at] = byte();
          break;
        case 4:
        case 5:
          text.insert(at, 1 + below(3), byte());
          break;
        case 6:
        case 7:
          text.erase(at, 1 + below(8));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(40)));
      }
    }
    try {
      read(text);
      ++fates.read;
    } catch (const InputError& error) {
      ++fates.refused;
      const std::string what = error.what();
      EXPECT_EQ(what.find(mutants.file + ":"), 0u) << what;
      for (const char c : what) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << what;
    }
  }
  return fates;
}

}  // namespace convroof
