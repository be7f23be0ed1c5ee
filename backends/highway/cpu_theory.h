// What a core can do at best by its maker's documents, where this project knows it. Everything is per core and cycle; 0: unknown.
#pragma once

namespace convroof {

struct CoreTheory {
  double f32_operations = 0;  // multiplications and additions of f32 in fused instructions
  double bf16_factor = 0;     // dot products of bf16 do this many times f32_operations
  double s16_factor = 0, s8_factor = 0;
  double l1_read_bytes = 0, l2_read_bytes = 0;
  const char* core = "";  // name of the microarchitecture
};

// Of the core that this process runs on.
CoreTheory core_theory();

// Pure, for tests: the same from the identification. x86: vendor string, family and model as in /proc/cpuinfo. AArch64: MIDR part number.
CoreTheory core_theory_x86(const char* vendor, int family, int model);
CoreTheory core_theory_aarch64(int part);

}  // namespace convroof
