// Devices: finding, choosing and opening one, and what it reports about itself.
//
// A device is one OpenCL device with its queue, memory pool, compiled kernels and profiler. OpenCL
// is loaded when the first device is looked for, so a program that uses weft starts on a machine
// that has none.
//
// Environment, read when a device is made, only for fields left zero, and not at all with .no_env:
//   WEFT_DEVICE=TEXT      as params.match
//   WEFT_CACHE=DIR        as params.cache_dir; empty: no cache
//   WEFT_MEMORY_LIMIT=N   as params.memory_limit, in bytes; K, M and G may follow the number
//   WEFT_PROFILE=1        as params.profile
//   WEFT_CL_DIR=DIR       kernels are read from DIR instead of the library, to edit and rerun; then
//                         none are kept in the cache
//   WEFT_CHECK_NAN=1      as params.check_nan
//   WEFT_TUNING=FILE      as params.tuning; empty: none
//   WEFT_TUNE=SECONDS     as params.tune_seconds
//   WEFT_CLBLAST=0, 1     as params.clblast: off; on
//   WEFT_F32_PRODUCTS=tf32  as params.f32_products; exact: as WEFT_F32_EXACT
//   WEFT_EAGER=1          every scope of the device runs each call at once (tensor.h)
#ifndef WEFT_DEVICE_H
#define WEFT_DEVICE_H
#include <weft/error.h>

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: safe; any thread may use a device at any time.
typedef struct weft_device weft_device;

enum weft_log_level { WEFT_LOG_ERROR = 1, WEFT_LOG_WARN, WEFT_LOG_INFO, WEFT_LOG_DEBUG };

// Which devices take CLBlast for matrix products (matmul.h).
enum weft_clblast { WEFT_CLBLAST_ON_GPUS, WEFT_CLBLAST_OFF, WEFT_CLBLAST_ON };

// How exact products of F32 are, on devices that have faster ones of less.
enum weft_f32_products {
    WEFT_F32_EXACT, // as float
    WEFT_F32_TF32,  // factors may be rounded to 11 bits, as PyTorch's allow_tf32; sums are float's
};

struct weft_device_params {
    size_t size;
    int version;       // WEFT_VERSION of the caller; another minor version is refused [not checked]
    const char *match; // which device: see weft_device_create() [the fastest]
    const char *cache_dir;  // compiled kernels; "" for none [$XDG_CACHE_HOME/weft or ~/.cache/weft]
    size_t cache_limit;     // bytes the cache may hold; the oldest go first [256 MiB]
    size_t memory_limit;    // bytes of device memory the pool may hold [no limit]
    double launch_limit_ms; // a longer launch is split, on a device that may drive a display [100]
    bool no_env;            // ignore the WEFT_... variables [no]
    bool profile;           // time every kernel [no]
    bool eager;             // scopes run each call at once [no]
    // After each recorded call, its floating results are looked at on the device: the first call
    // that made a NaN or an infinity of inputs without any fails with WEFT_NONFINITE and its name;
    // so does an update that leaves one in a parameter. Each look waits for the device. [no]
    bool check_nan;
    // Called with one line without a newline, from any thread that uses the device. [none]
    void (*log)(void *priv, enum weft_log_level level, const char *line);
    void *log_priv;
    // Device memory from the host program: returns a cl_mem of at least `bytes` bytes, of the
    // device's context (opencl.h), or NULL. Called from any thread that uses the device, never
    // twice at once. Both or neither. [clCreateBuffer]
    void *(*mem_alloc)(void *priv, void *cl_context, size_t bytes);
    void (*mem_free)(void *priv, void *mem);
    void *mem_priv;
    enum weft_clblast clblast; // [WEFT_CLBLAST_ON_GPUS]
    const char *tuning;        // the file of what was tuned here (tune.h); "" for none
                               // [$XDG_DATA_HOME/weft/tuning-..., or in ~/.local/share/weft]
    enum weft_f32_products f32_products; // [WEFT_F32_EXACT]
    double tune_seconds;                 // spent, when they are met, on products that were not [0]
};
#define weft_device_params(...)    \
    (&(struct weft_device_params){ \
        .size = sizeof(struct weft_device_params), .version = WEFT_VERSION, __VA_ARGS__})

enum weft_device_type {
    WEFT_DEVICE_GPU = 1, // with memory of its own
    WEFT_DEVICE_INTEGRATED_GPU,
    WEFT_DEVICE_ACCELERATOR,
    WEFT_DEVICE_CPU,
};

// What is known about a device. Read-only. Later versions add fields at the end.
struct weft_device_info {
    int index; // place in the list, from 0
    enum weft_device_type type;
    char name[128], vendor[64], platform[128], driver[64];
    char version[96]; // as the device says it: "OpenCL 3.0 ..."
    char uuid[37];    // "" where the driver doesn't tell
    char also[128];   // other platforms that show the same device, comma-separated; mostly ""
    char note[160];   // why it is not chosen by itself; "" where it may be
    int compute_units;
    int clock_mhz;
    size_t max_group;      // work-items in a work-group
    uint64_t memory;       // bytes
    uint64_t max_alloc;    // bytes, of one tensor
    uint64_t local_memory; // bytes
    bool local_is_global;  // local memory is ordinary memory: nothing is gained by staging in it
    bool shares_memory;    // with the host
    bool has_compiler;
    bool display; // may drive a display: long launches are split
};

struct weft_device_skip {
    char platform[128]; // or the file that names it
    char reason[240];
};

// What is there, and what weft would take. Read-only.
typedef struct weft_device_list {
    int count;
    const struct weft_device_info *device; // in the order of the platforms, [count]
    int chosen;                            // index of the device that the params ask for; -1: none
    char why[240];                         // why that one, or why none and what to install
    int skip_count;
    const struct weft_device_skip *skip; // platforms and devices that do not work, [skip_count]
} weft_device_list;

// Lists every device of every platform. Of the params, match, no_env and log count. A machine
// without OpenCL gives an empty list whose `why` says what is missing. NULL on WEFT_NOMEM only.
WEFT_API weft_device_list *weft_device_list_create(const struct weft_device_params *p,
                                                   struct weft_error *err);
WEFT_API void weft_device_list_destroy(weft_device_list **list);

// Opens the device that p->match names: its index in the list, its UUID, a type ("gpu", "cpu",
// "accelerator"), or a part of its name, vendor or platform, in any case of letters ("pocl" is
// PoCL, though none of them says so). Of several that match, and without a match text, the fastest
// is taken: a GPU with its own memory, then an integrated one, an accelerator, a CPU; among equals
// the most compute units x clock. WEFT_UNSUPPORTED when nothing is found; the text says why. A
// driver that fails is skipped, with its reason in the log.
WEFT_API weft_device *weft_device_create(const struct weft_device_params *p,
                                         struct weft_error *err);

// Waits for the device and frees it. Scopes, params, optimizers and kept tensors made on it should
// be gone by then: if some are not, that is logged as an error and the device lives on until the
// last of them is destroyed.
WEFT_API void weft_device_destroy(weft_device **dev);

// Borrowed from the device. Its index is -1 where the device came from the host program.
WEFT_API const struct weft_device_info *weft_device_info(const weft_device *dev);

// Found by building and running a small kernel whose answer is checked, at the first question, and
// remembered in the cache by device and driver version.
enum weft_capability {
    WEFT_CAP_F64,              // double arithmetic
    WEFT_CAP_F16,              // half arithmetic (half storage works everywhere)
    WEFT_CAP_SUBGROUP_SHUFFLE, // work-items of a subgroup read each other's registers
    WEFT_CAP_INT_DOT,          // dot product of four 8-bit integers
};
enum { WEFT_CAP_COUNT = WEFT_CAP_INT_DOT + 1 };
WEFT_API bool weft_device_has(weft_device *dev, enum weft_capability cap);

// The file of what was tuned for this device; it need not be there. "" for none, NULL for NULL.
// Borrowed from the device.
WEFT_API const char *weft_device_tuning(const weft_device *dev);

// Faults of this device or its driver that weft works around: the n-th, from 0, as one line with
// its reason; NULL past the last.
WEFT_API const char *weft_device_quirk(const weft_device *dev, int n);

// Waits until everything enqueued so far has run.
WEFT_API bool weft_device_wait(weft_device *dev, struct weft_error *err);

// Counted since the device was made.
struct weft_device_stats {
    size_t size;          // set by the caller: sizeof(struct weft_device_stats)
    uint64_t builds;      // programs compiled from source
    uint64_t loads;       // programs taken from the cache on disk
    uint64_t launches;    // kernels enqueued
    uint64_t splits;      // of these, pieces of a launch that was split
    uint64_t copies;      // transfers between host and device, and copies on it
    uint64_t waits;       // times the host waited for the device, not for a free staging buffer
    uint64_t allocations; // buffers taken from the driver
    uint64_t bytes_used;  // device memory in tensors, now
    uint64_t bytes_peak;  // the most that bytes_used ever was
    uint64_t bytes_held;  // device memory taken from the driver, now, without the staging buffers
                          // of uploads, which take 32 MiB at most
    double build_ms;      // spent in compiling
    // The host's time, of all threads together; 0 without params.profile.
    double plan_ms;   // choosing what of the recorded calls runs, and what runs together
    double launch_ms; // asking for memory and kernels (so build_ms is in it), and enqueuing; with
                      // params.check_nan, the waits for each look too
    double wait_ms;   // waiting for the device
};
WEFT_API void weft_device_stats(weft_device *dev, struct weft_device_stats *out);

// What the device can do at most, measured by small kernels: what to hold other times against.
struct weft_device_peak {
    size_t size;        // set by the caller: sizeof(struct weft_device_peak)
    double gb_s;        // copying 128 MiB to another buffer, by a kernel or by the driver,
                        // whichever is faster: 10^9 bytes read and written in a second
    double gflop_s;     // independent multiply-adds in F32: 10^9 operations, two each, in a second
    double launch_us;   // the driver's own time on the host for a kernel that does nothing
    double gflop_s_f64; // as gflop_s, in F64; 0 where the device has none
    double read_gb_s;   // reading 128 MiB once: 10^9 bytes in a second
    double cached_gb_s; // reading the same 4 MiB again and again
    double round_trip_us; // from enqueuing a kernel that does nothing until the host knows its end
};
// The best of several runs each; takes two to five seconds, and wants the device for itself.
// WEFT_PARAM for NULL.
WEFT_API bool weft_device_peak(weft_device *dev, struct weft_device_peak *out,
                               struct weft_error *err);

// Gives unused pool memory back to the driver.
WEFT_API void weft_device_trim(weft_device *dev);

// One row for each kernel, the largest total first. Only with params.profile.
struct weft_profile_row {
    char kernel[64]; // "matmul_cpu_tile"
    char op[64];     // the op that asked for it
    uint64_t launches;
    double total_ms, min_ms, max_ms;
};
// Waits for the device, fills up to `max` rows and returns how many there are; rows may be NULL.
// -1 on error, and when the device doesn't profile.
WEFT_API int weft_device_profile(weft_device *dev, struct weft_profile_row *rows, int max,
                                 struct weft_error *err);
// Writes what was profiled as Chrome trace JSON, which https://ui.perfetto.dev opens. The last
// 2^20 launches are kept.
WEFT_API bool weft_device_trace(weft_device *dev, const char *path, struct weft_error *err);

// The cache of compiled kernels that the params (or the environment) name. Needs no device.
struct weft_cache_info {
    size_t size;    // set by the caller
    char dir[1024]; // "" when switched off
    int files;
    uint64_t bytes, limit;
};
WEFT_API bool weft_cache_info(const struct weft_device_params *p, struct weft_cache_info *out,
                              struct weft_error *err);
// Removes the files of the cache, and no others.
WEFT_API bool weft_cache_clear(const struct weft_device_params *p, struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
