// The kernel sources, embedded at build time with their includes pasted in.
#ifndef WF_KERNELS_H
#define WF_KERNELS_H

struct wf_kernel_source {
    const char *name; // "matmul": cl/matmul.cl
    const char *text;
};
extern const struct wf_kernel_source wf_kernel_sources[]; // ends with {0}

#endif
