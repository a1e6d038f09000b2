// Small kernels whose answer says whether a device really has a capability. Each is built alone,
// because a device without it may refuse the source. Each writes one number per work-item; probe.c
// knows what is right.
//
//   PROBE_F64, PROBE_F16, PROBE_SUBGROUP_SHUFFLE or PROBE_INT_DOT  the kernel that is made
// lint: -DPROBE_F64
// lint: -DPROBE_F16
// lint: -DPROBE_SUBGROUP_SHUFFLE -cl-std=CL3.0 -target spir64-unknown-unknown -Wno-ignored-pragmas
// lint: -DPROBE_INT_DOT -cl-std=CL3.0 -target spir64-unknown-unknown

#ifdef PROBE_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
// 1 + 2^-40 is lost in float.
kernel void probe_f64(int first, int last, global int *out)
{
    double x = 1.0 + (double)(first + 1) / 1099511627776.0;
    out[get_global_id(0)] = (int)((x - 1.0) * 1099511627776.0);
}
#endif

#ifdef PROBE_F16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
// 2048 + 1 has no place in half: the sum rounds to even.
kernel void probe_f16(int first, int last, global int *out)
{
    half x = (half)2048 + (half)(first + 1);
    out[get_global_id(0)] = (int)x - 2047;
}
#endif

#ifdef PROBE_SUBGROUP_SHUFFLE
#ifdef cl_khr_subgroups
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#endif
#pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable
// The neighbour's number, exchanged in pairs.
kernel void probe_subgroup_shuffle(int first, int last, global int *out)
{
    uint me = get_sub_group_local_id();
    uint got = sub_group_shuffle(me + 7, me ^ 1);
    out[get_global_id(0)] = got == (me ^ 1) + 7;
}
#endif

#ifdef PROBE_INT_DOT
kernel void probe_int_dot(int first, int last, global int *out)
{
    char4 a = (char4)(1, -2, 3, (char)(first - 4)), b = (char4)(5, 6, -7, 8);
    out[get_global_id(0)] = dot(a, b) == 5 - 12 - 21 - 32;
}
#endif
