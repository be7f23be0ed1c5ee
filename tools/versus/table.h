// The results of a run as markdown: a table a network, type, batch and thread count, then means and totals.
#pragma once

#include <string>
#include <vector>

#include "backends/backend.h"
#include "tools/versus/contest.h"

namespace convroof::versus {

struct Row {
  std::string network, layer;
  LayerSpec spec;
  std::int64_t repeats = 1;  // how often layers of this shape stand in the network
  DataType type = DataType::f32;
  std::int64_t batch = 1;
  int threads = 1;
  bool cold = false;
  double dram_read = 0;  // bytes a second, measured beside this row; 0: not measured
  std::string density;
  std::vector<Times> times;
  bool disturbed = false;         // the machine was not quiet for long enough: no times
  std::vector<Times> one_thread;  // of the same layer on one thread, where both were measured; empty otherwise
};

// What the machine could do at the time of the run.
struct Machine {
  double peak = 0;      // operations a second of the type's fastest multiplication, of `threads` threads
  std::string peak_of;  // which that is
};

// Rows of one network, type, batch and thread count.
std::string table_of(const std::vector<Row>& rows, const Machine& machine);

// How much faster two threads are than one, for rows that exist with both.
std::string scaling_of(const std::vector<Row>& rows);

}  // namespace convroof::versus
