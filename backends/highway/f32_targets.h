// Which of Highway's targets the f32 kernels are compiled for: the baseline as the fallback, AVX2, AVX-512 (its later classes bring nothing for f32), NEON
// (AES and bf16 bring nothing either). Include before hwy/foreach_target.h. Vectors of unknown size (SVE, RISC-V V) cannot be kept in arrays; on Arm machines
// NEON serves.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_NEON | HWY_NEON_BF16 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
