#include "tests/backends/highway/cpu_classes.h"

#include <hwy/targets.h>

namespace convroof::highway {

std::string CpuClass::name() const { return hwy::TargetName(best); }

std::vector<CpuClass> cpu_classes(DataType type) {
  // Rising, i.e. falling bits: a better instruction set of an architecture has a lower bit.
#if HWY_ARCH_X86
  const std::vector<std::int64_t> plain = {HWY_SSE2, HWY_AVX2, HWY_AVX3}, with_dot = {HWY_AVX3_DL, HWY_AVX3_ZEN4, HWY_AVX3_SPR};
#elif HWY_ARCH_ARM
  const std::vector<std::int64_t> plain = {HWY_NEON}, with_dot = {HWY_NEON_BF16};
#else
  const std::vector<std::int64_t> plain = {HWY_STATIC_TARGET}, with_dot = {};
#endif
  std::vector<CpuClass> classes;
  const std::int64_t here = hwy::SupportedTargets();
  for (const std::int64_t target : plain)
    if ((here & target) != 0) classes.push_back({target});
  if (type != DataType::f32)
    for (const std::int64_t target : with_dot)
      if ((here & target) != 0) classes.push_back({target});
  return classes;
}

RunsAs::RunsAs(const CpuClass& cpu) { hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & ~(cpu.best - 1)); }
RunsAs::~RunsAs() { hwy::SetSupportedTargetsForTest(0); }

}  // namespace convroof::highway
