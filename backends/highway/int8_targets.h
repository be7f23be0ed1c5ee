// Which of Highway's targets the 8-bit kernels are compiled for: the baseline, AVX2, AVX-512 with VNNI (which Highway compiles for on demand only), NEON
// without and with its dot products.
// Include before hwy/foreach_target.h.
#define HWY_WANT_AVX3_DL
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_NEON | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
