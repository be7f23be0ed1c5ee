// The CPUs that this one can stand in for: each instruction set that some kernel of the backend is compiled for and that this CPU has, with all below it and
// nothing above. A kernel then picks what it would pick on such a CPU, also where its parts are compiled for different sets (the 8-bit loops are not
// compiled for AVX-512 without VNNI, what surrounds them is).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/data_type.h"

namespace convroof::highway {

struct CpuClass {
  std::int64_t best = 0;  // Highway's bit of its best instruction set
  std::string name() const;
};

// Best last. f32 kernels have no use for VNNI and bf16 instructions, so those classes are left out for f32.
std::vector<CpuClass> cpu_classes(DataType type);

// As long as it lives, Highway dispatches as on a CPU of that class.
class RunsAs {
 public:
  explicit RunsAs(const CpuClass& cpu);
  ~RunsAs();
  RunsAs(const RunsAs&) = delete;
  RunsAs& operator=(const RunsAs&) = delete;
};

}  // namespace convroof::highway
