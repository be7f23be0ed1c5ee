// Lines of words as columns: the first columns to the left, the others to the right, two blanks between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convroof {

// One line of text for each of `lines`, each ended by a newline. All lines have as many words as the first.
std::string text_table(const std::vector<std::vector<std::string>>& lines, std::size_t left_columns);

std::string grouped(std::int64_t value);  // 1234567 -> "1,234,567"

}  // namespace convroof
