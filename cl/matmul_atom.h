// Matrix instructions: c += a b of a few rows and columns, by the lanes of a subgroup together.
//
// Operands are words of 4 bytes, each WORD elements side by side along k. What an instruction is:
//
//   LANES_ALL            lanes that work together
//   AM, AN, AK           rows, columns, and words of k
//   AW, BW, CN           words of a and of b, and numbers of c, that a lane holds
//   A_ROW(l, r), A_K(l, r)    where word r of lane l lies in a;  B_COLUMN, B_K: in b
//   C_ROW(l, r), C_COLUMN(l, r)    where number r of lane l lies in c
//   MMA(c, a, b)         c[CN] += a[AW] * b[BW]
//
// The maps are those of the manuals: NVIDIA, PTX ISA, "Matrix fragments for mma"; AMD, "Matrix core
// programming" and the RDNA 3 ISA; Intel, cl_intel_subgroup_matrix_multiply_accumulate.
//
//   ATOM     ATOM_NV mma.sync; ATOM_MFMA, ATOM_MFMA3 (gfx940 and on); ATOM_WMMA; ATOM_DPAS8,
//            ATOM_DPAS16 by the size of the subgroup
//   KIND     KIND_F16, KIND_BF16, KIND_F32 (of NV: TF32), KIND_I8
//   A_SIGNED, B_SIGNED 1    of I8
//   EMULATE  computed from the manuals' tables by ordinary means, for tests
#ifndef WF_MATMUL_ATOM_H
#define WF_MATMUL_ATOM_H

#define ATOM_NV     1
#define ATOM_MFMA   2
#define ATOM_MFMA3  3
#define ATOM_WMMA   4
#define ATOM_DPAS8  5
#define ATOM_DPAS16 6
#define KIND_F16    1
#define KIND_BF16   2
#define KIND_F32    3
#define KIND_I8     4

#ifndef A_SIGNED
#define A_SIGNED 1
#define B_SIGNED 1
#endif

#if KIND == KIND_I8
#define WORD   4
#define C_TYPE int
#elif KIND == KIND_F32
#define WORD   1
#define C_TYPE float
#else
#define WORD   2
#define C_TYPE float
#endif
// Of a, where a lane holds half words.
#define A_PART uint

#if ATOM == ATOM_NV
#define LANES_ALL      32
#define AM             16
#define AN             8
#define AK             8
#define AW             4
#define BW             2
#define CN             4
#define A_ROW(l, r)    ((l) / 4 + (r) % 2 * 8)
#define A_K(l, r)      ((l) % 4 + (r) / 2 * 4)
#define B_COLUMN(l, r) ((l) / 4)
#define B_K(l, r)      ((l) % 4 + (r)*4)
#define C_ROW(l, r)    ((l) / 4 + (r) / 2 * 8)
#define C_COLUMN(l, r) ((l) % 4 * 2 + (r) % 2)

#elif ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3
#define LANES_ALL 64
#define AM        16
#define AN        16
#define CN        4
#if KIND == KIND_F32 || (KIND == KIND_I8 && ATOM == ATOM_MFMA)
#define AK 4
#define AW 1
#else
#define AK 8
#define AW 2
#endif
#define BW             AW
#define A_ROW(l, r)    ((l) % 16)
#define A_K(l, r)      ((l) / 16 * AW + (r))
#define B_COLUMN(l, r) ((l) % 16)
#define B_K(l, r)      ((l) / 16 * AW + (r))
#define C_ROW(l, r)    ((l) / 16 * 4 + (r))
#define C_COLUMN(l, r) ((l) % 16)

#elif ATOM == ATOM_WMMA
// Both halves of the wave hold all of a and b.
#define LANES_ALL 32
#define AM        16
#define AN        16
#define CN        8
#if KIND == KIND_I8
#define AK 4
#else
#define AK 8
#endif
#define AW             AK
#define BW             AK
#define A_ROW(l, r)    ((l) % 16)
#define A_K(l, r)      (r)
#define B_COLUMN(l, r) ((l) % 16)
#define B_K(l, r)      (r)
#define C_ROW(l, r)    ((r)*2 + (l) / 16)
#define C_COLUMN(l, r) ((l) % 16)

#else
#if ATOM == ATOM_DPAS8
#define LANES_ALL 8
#else
#define LANES_ALL 16
#undef A_PART
#define A_PART ushort
#endif
#define AM             8
#define AN             LANES_ALL
#define AK             8
#define AW             8
#define BW             8
#define CN             8
#define A_ROW(l, r)    (r)
#define A_K(l, r)      (l) // in A_PARTs
#define B_COLUMN(l, r) (l)
#define B_K(l, r)      (r)
#define C_ROW(l, r)    (r)
#define C_COLUMN(l, r) (l)
#endif

#if KIND == KIND_F16 && (ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3 || ATOM == ATOM_WMMA)
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

#ifdef EMULATE
#include "matmul_atom_emulated.h"

#elif ATOM == ATOM_NV
// Registers only: what asm reads from local memory itself, NVIDIA's compiler has been seen to lose.
#if KIND == KIND_I8
#if A_SIGNED
#define NV_A "s8"
#else
#define NV_A "u8"
#endif
#if B_SIGNED
#define NV_B "s8"
#else
#define NV_B "u8"
#endif
#define NV_NAME "m16n8k32.row.col.s32." NV_A "." NV_B ".s32"
#define NV_C    "+r"
#else
#define NV_C "+f"
#if KIND == KIND_F16
#define NV_NAME "m16n8k16.row.col.f32.f16.f16.f32"
#elif KIND == KIND_BF16
#define NV_NAME "m16n8k16.row.col.f32.bf16.bf16.f32"
#else
#define NV_NAME "m16n8k8.row.col.f32.tf32.tf32.f32"
#endif
#endif
#define MMA(c, a, b)                                                                         \
    __asm__ volatile(                                                                        \
        "mma.sync.aligned." NV_NAME " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
        : NV_C((c)[0]), NV_C((c)[1]), NV_C((c)[2]), NV_C((c)[3])                             \
        : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"((b)[0]), "r"((b)[1]));

#elif ATOM == ATOM_MFMA || ATOM == ATOM_MFMA3
#if KIND == KIND_F16
#define MFMA(a, b, c)                                                        \
    __builtin_amdgcn_mfma_f32_16x16x16f16(as_half4((uint2)((a)[0], (a)[1])), \
                                          as_half4((uint2)((b)[0], (b)[1])), c, 0, 0, 0)
#elif KIND == KIND_BF16
#define MFMA(a, b, c)                                                             \
    __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(as_short4((uint2)((a)[0], (a)[1])), \
                                              as_short4((uint2)((b)[0], (b)[1])), c, 0, 0, 0)
#elif KIND == KIND_F32
#define MFMA(a, b, c) \
    __builtin_amdgcn_mfma_f32_16x16x4f32(as_float((a)[0]), as_float((b)[0]), c, 0, 0, 0)
#elif ATOM == ATOM_MFMA
#define MFMA(a, b, c) \
    __builtin_amdgcn_mfma_i32_16x16x16i8(as_int((a)[0]), as_int((b)[0]), c, 0, 0, 0)
#else
#define MFMA(a, b, c)                                                       \
    __builtin_amdgcn_mfma_i32_16x16x32_i8(as_long((uint2)((a)[0], (a)[1])), \
                                          as_long((uint2)((b)[0], (b)[1])), c, 0, 0, 0)
#endif
#define MMA(c, a, b) vstore4(MFMA(a, b, vload4(0, c)), 0, c);

#elif ATOM == ATOM_WMMA
#if KIND == KIND_F16
#define WMMA(a, b, c) \
    __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(as_half16(vload8(0, a)), as_half16(vload8(0, b)), c)
#elif KIND == KIND_BF16
#define WMMA(a, b, c)                                                     \
    __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(as_short16(vload8(0, a)), \
                                                as_short16(vload8(0, b)), c)
#else
#define WMMA(a, b, c)                                                                     \
    __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32(A_SIGNED, as_int4(vload4(0, a)), B_SIGNED, \
                                               as_int4(vload4(0, b)), c, 0)
#endif
#define MMA(c, a, b) vstore8(WMMA(a, b, vload8(0, c)), 0, c);

#else
#if KIND == KIND_F16
#define DPAS intel_sub_group_f16_f16_matrix_mad_k16
#elif KIND == KIND_BF16
#define DPAS intel_sub_group_bf16_bf16_matrix_mad_k16
#elif A_SIGNED && B_SIGNED
#define DPAS intel_sub_group_i8_i8_matrix_mad_k32
#elif A_SIGNED
#define DPAS intel_sub_group_i8_u8_matrix_mad_k32
#elif B_SIGNED
#define DPAS intel_sub_group_u8_i8_matrix_mad_k32
#else
#define DPAS intel_sub_group_u8_u8_matrix_mad_k32
#endif
// Operands are signed vectors, but for those that are unsigned bytes.
#if KIND == KIND_I8 && !A_SIGNED
#define DPAS_A(v) (v)
#elif ATOM == ATOM_DPAS8
#define DPAS_A(v) as_int8(v)
#else
#define DPAS_A(v) as_short8(v)
#endif
#if KIND == KIND_I8 && !B_SIGNED
#define DPAS_B(v) (v)
#else
#define DPAS_B(v) as_int8(v)
#endif
#define MMA(c, a, b) vstore8(DPAS(DPAS_A(vload8(0, a)), DPAS_B(vload8(0, b)), vload8(0, c)), 0, c);
#endif
#endif
