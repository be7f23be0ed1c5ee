// A table with one row a clock and one column a PE, as text and as a drawing.
#pragma once

#include <string>
#include <vector>

namespace convroof::spatial {

struct ClockRow {
  std::string clock;                // "12"
  std::vector<std::string> pes;     // what each PE does; empty: idle
  std::vector<std::string> leaves;  // results that leave the array
  std::string enters;               // what is given to all PEs
};

struct ClockTable {
  std::string title;
  std::vector<std::string> notes;  // what the words in the cells mean; totals
  std::vector<std::string> pes;    // column heads
  std::vector<ClockRow> rows;
  std::string enters;             // head of the column after the clock; empty: there is none
  std::string leaves = "leaves";  // head of the last column
};

std::string as_text(const ClockTable& table);
std::string as_svg(const ClockTable& table);

}  // namespace convroof::spatial
