// machine.h for nvcc: inline PTX. Every wrapper is one instruction (or, on older devices, the ones that replace it).
#pragma once

#include <cuda_fp16.h>

#include <cstdint>

namespace convroof::gpu {

CONVROOF_GPU int thread_x() { return static_cast<int>(threadIdx.x); }
CONVROOF_GPU int block_x() { return static_cast<int>(blockIdx.x); }
CONVROOF_GPU int block_y() { return static_cast<int>(blockIdx.y); }
CONVROOF_GPU int block_z() { return static_cast<int>(blockIdx.z); }
CONVROOF_GPU int grid_x() { return static_cast<int>(gridDim.x); }
CONVROOF_GPU int block_threads() { return static_cast<int>(blockDim.x); }
CONVROOF_GPU void sync_block() { __syncthreads(); }

CONVROOF_GPU std::uint8_t* shared_memory() {
  extern __shared__ __align__(1024) std::uint8_t convroof_shared[];
  return convroof_shared;
}
CONVROOF_GPU std::uint32_t shared_address(const void* pointer) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer)); }

// 16 or 8 bytes from global to shared memory, or zeros; complete after the wait for its group.
CONVROOF_GPU void copy16_async(void* shared, const void* global, bool is_valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(is_valid ? 16 : 0) : "memory");
#else
  *static_cast<uint4*>(shared) = is_valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
#endif
}
CONVROOF_GPU void copy8_async(void* shared, const void* global, bool is_valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(is_valid ? 8 : 0) : "memory");
#else
  *static_cast<uint2*>(shared) = is_valid ? *static_cast<const uint2*>(global) : make_uint2(0, 0);
#endif
}
CONVROOF_GPU void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int kPending>
CONVROOF_GPU void wait_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

// Four 8x8 matrices of FP16; lane i gives the address of row i % 8 of matrix i / 8 and gets elements 2 (i % 4), +1 of row i / 4 of each matrix.
CONVROOF_GPU void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

// d += a b with a 16 x 16, b 16 x 8, sums in FP32.
CONVROOF_GPU void multiply_16x8x16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

// d += a b with a 16 x 32 of which 2 in 4 are kept (a holds the kept ones, 16 x 16), b 32 x 8. `selection` of lanes 4 g and 4 g + 1 says which: 2 bits an
// element, in order (so the ordered form is used; ptxas warns that the plain one is slower).
CONVROOF_GPU void multiply_sparse_16x8x32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[4], std::uint32_t selection) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9, %10, %11}, {%0, %1, %2, %3}, %12, "
      "0x0;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(selection));
#else
  __trap();  // never launched there: the host asks for compute capability 8.0
#endif
}

// Packed arithmetic of the ordinary cores.
CONVROOF_GPU Half2 fused_multiply_add(Half2 a, Half2 b, Half2 c) {
  Half2 d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
CONVROOF_GPU Half2 twice_low(Half2 a) { return __byte_perm(a, a, 0x1010); }
CONVROOF_GPU Half2 twice_high(Half2 a) { return __byte_perm(a, a, 0x3232); }
CONVROOF_GPU float low_float(Half2 a) { return __half2float(__ushort_as_half(static_cast<unsigned short>(a & 0xffff))); }
CONVROOF_GPU float high_float(Half2 a) { return __half2float(__ushort_as_half(static_cast<unsigned short>(a >> 16))); }
CONVROOF_GPU std::uint16_t half_bits(float value) { return __half_as_ushort(__float2half_rn(value)); }
CONVROOF_GPU Half2 pack_halves(float low, float high) {
  return static_cast<std::uint32_t>(half_bits(low)) | (static_cast<std::uint32_t>(half_bits(high)) << 16);
}

CONVROOF_GPU Bits128 load128(const void* address) { return *static_cast<const Bits128*>(address); }
CONVROOF_GPU void store128(void* address, const Bits128& value) { *static_cast<Bits128*>(address) = value; }

CONVROOF_GPU float exponential(float x) { return expf(x); }
CONVROOF_GPU float hyperbolic_tangent(float x) { return tanhf(x); }
CONVROOF_GPU float power(float x, float y) { return powf(x, y); }

}  // namespace convroof::gpu
