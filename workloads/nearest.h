// The known name that a mistyped one probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convroof {

// The candidate with the smallest edit distance (insertions, deletions, substitutions, swaps of neighbours); the first of equals; empty for no candidates.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "unknown network `vgg61`; did you mean `vgg16`?" — the one sentence in which every unknown name is reported.
std::string unknown_name(std::string_view kind, std::string_view word, const std::vector<std::string>& candidates);

}  // namespace convroof
