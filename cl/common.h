// What every kernel begins with.
//
//   INDEX    int, or long where an index may exceed 31 bits
//   RANK     dimensions of `struct dims` [1]
//   VIEWS    tensors of `struct dims` [1]
//   USE_F64  there are doubles
#ifndef WF_COMMON_H
#define WF_COMMON_H
#pragma OPENCL FP_CONTRACT OFF
#ifdef USE_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#ifndef INDEX
#define INDEX int
#endif
#ifndef RANK
#define RANK 1
#endif
#ifndef VIEWS
#define VIEWS 1
#endif

#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)

// The loop of every kernel: its groups share the tasks first .. last-1.
#define FOR_TASKS(t) \
    for (INDEX t = first + (INDEX)get_group_id(0); t < last; t += (INDEX)get_num_groups(0))

// Tensors walked together, as lib/core/view.h packs them.
struct dims {
    INDEX shape[RANK];
    INDEX stride[VIEWS][RANK];
    INDEX offset[VIEWS];
};

// bfloat16 is the upper half of a float, rounded to even; NaN stays NaN.
static inline float from_bf16(ushort u)
{
    return as_float((uint)u << 16);
}

static inline ushort to_bf16(float f)
{
    uint u = as_uint(f);
    return (ushort)(isnan(f) ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

// Where element i of view v lies, counting over the first `rank` dimensions.
INDEX dims_at(const struct dims *d, int v, INDEX i, int rank)
{
    INDEX at = d->offset[v];
    for (int k = rank - 1; k > 0; k--) {
        INDEX q = i / d->shape[k];
        at += (i - q * d->shape[k]) * d->stride[v][k];
        i = q;
    }
    return rank > 0 ? at + i * d->stride[v][0] : at;
}
#endif
