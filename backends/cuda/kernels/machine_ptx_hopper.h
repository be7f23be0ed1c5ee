// The part of machine.h that only Hopper has (sm_90a): barriers in shared memory, the bulk copy engine, wgmma.
#pragma once

#include <cstdint>

#include "backends/cuda/kernels/machine.h"
#include "backends/cuda/kernels/tensor_map.h"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDA_ARCH__)
#define CONVROOF_HAS_WGMMA 1
#endif

#ifdef CONVROOF_HAS_WGMMA
namespace convroof::gpu {

CONVROOF_GPU void barrier_init(std::uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals) : "memory");
}
CONVROOF_GPU void fence_barrier_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
// Arrives, and makes the phase wait for so many more bytes of bulk copies.
CONVROOF_GPU void barrier_expect(std::uint64_t* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)), "r"(bytes) : "memory");
}
CONVROOF_GPU void barrier_arrive(std::uint64_t* barrier) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory"); }
// Until the phase of that parity has ended.
CONVROOF_GPU void barrier_wait(std::uint64_t* barrier, int parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra finished;\n"
      "bra again;\n"
      "finished:\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}
CONVROOF_GPU void sync_warpgroup(int id) { asm volatile("bar.sync %0, 128;" ::"r"(id) : "memory"); }
// Makes ordinary writes to shared memory visible to the copy engine and to wgmma.
CONVROOF_GPU void fence_async_proxy() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

CONVROOF_GPU void copy_matrix_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int element, int row) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(shared_address(shared)),
               "l"(map), "r"(shared_address(barrier)), "r"(element), "r"(row)
               : "memory");
}
CONVROOF_GPU void copy_pixels_async(void* shared, const TensorMap* map, std::uint64_t* barrier, int channel, int column, int row, int image, int tap_column,
                                    int tap_row) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8};" ::"r"(
                   shared_address(shared)),
               "l"(map), "r"(shared_address(barrier)), "r"(channel), "r"(column), "r"(row), "r"(image), "h"(static_cast<unsigned short>(tap_column)),
               "h"(static_cast<unsigned short>(tap_row))
               : "memory");
}

template <int kRegisters>
CONVROOF_GPU void release_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
CONVROOF_GPU void claim_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

CONVROOF_GPU void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
CONVROOF_GPU void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kPending>
CONVROOF_GPU void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// Operands in shared memory as the instruction wants them told (PTX ISA, matrix descriptor): address, distance of groups of 8 rows, swizzle, each in
// units of 16 bytes. Rows of 128 bytes: groups 1024 bytes apart, swizzle 1. Rows of 64 bytes: 512 bytes apart, swizzle 2.
CONVROOF_GPU std::uint64_t operand_128(const void* address) {
  return static_cast<std::uint64_t>((shared_address(address) & 0x3ffff) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{1024 >> 4} << 32) |
         (std::uint64_t{1} << 62);
}
CONVROOF_GPU std::uint64_t operand_64(const void* address) {
  return static_cast<std::uint64_t>((shared_address(address) & 0x3ffff) >> 4) | (std::uint64_t{1} << 16) | (std::uint64_t{512 >> 4} << 32) |
         (std::uint64_t{2} << 62);
}

// d (64 filters x kColumns pixels of the warpgroup) = a b, plus d where `adds`.
template <int kColumns>
CONVROOF_GPU void wgmma(float (&d)[kColumns / 2], std::uint64_t a, std::uint64_t b, bool adds);
template <int kColumns>
CONVROOF_GPU void wgmma_sparse(float (&d)[kColumns / 2], std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds);

// The instruction names each of its sums: as many registers as columns / 2, then the operands' numbers behind them.
#define CONVROOF_SUMS_16 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define CONVROOF_SUMS_32 CONVROOF_SUMS_16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define CONVROOF_SUMS_64                                                               \
  CONVROOF_SUMS_32                                                                     \
  ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define CONVROOF_EIGHT(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define CONVROOF_OPERANDS_16 CONVROOF_EIGHT(0), CONVROOF_EIGHT(8)
#define CONVROOF_OPERANDS_32 CONVROOF_OPERANDS_16, CONVROOF_EIGHT(16), CONVROOF_EIGHT(24)
#define CONVROOF_OPERANDS_64 CONVROOF_OPERANDS_32, CONVROOF_EIGHT(32), CONVROOF_EIGHT(40), CONVROOF_EIGHT(48), CONVROOF_EIGHT(56)
// `first` .. `fourth`: numbers of the operands behind the sums.
#define CONVROOF_WGMMA(columns, sums, operands, first, second, third, fourth)                                                                                  \
  template <>                                                                                                                                                  \
  CONVROOF_GPU void wgmma<columns>(float(&d)[columns / 2], std::uint64_t a, std::uint64_t b, bool adds) {                                                      \
    asm volatile("{\n.reg .pred adds;\nsetp.ne.b32 adds, %" third ", 0;\nwgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.f16.f16 {" sums "}, %" first     \
                 ", %" second ", adds, 1, 1, 0, 0;\n}"                                                                                                         \
                 : operands                                                                                                                                    \
                 : "l"(a), "l"(b), "r"(static_cast<int>(adds)));                                                                                               \
  }                                                                                                                                                            \
  template <>                                                                                                                                                  \
  CONVROOF_GPU void wgmma_sparse<columns>(float(&d)[columns / 2], std::uint64_t a, std::uint64_t b, std::uint32_t selection, bool adds) {                      \
    asm volatile("{\n.reg .pred adds;\nsetp.ne.b32 adds, %" fourth ", 0;\nwgmma.mma_async.sp.sync.aligned.m64n" #columns "k32.f32.f16.f16 {" sums "}, %" first \
                 ", %" second ", %" third ", 0, adds, 1, 1, 0, 0;\n}"                                                                                          \
                 : operands                                                                                                                                    \
                 : "l"(a), "l"(b), "r"(selection), "r"(static_cast<int>(adds)));                                                                               \
  }
CONVROOF_WGMMA(32, CONVROOF_SUMS_16, CONVROOF_OPERANDS_16, "16", "17", "18", "19")
CONVROOF_WGMMA(64, CONVROOF_SUMS_32, CONVROOF_OPERANDS_32, "32", "33", "34", "35")
CONVROOF_WGMMA(128, CONVROOF_SUMS_64, CONVROOF_OPERANDS_64, "64", "65", "66", "67")
#undef CONVROOF_WGMMA

}  // namespace convroof::gpu
#endif
