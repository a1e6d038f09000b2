// Errors, versions, and the conventions that every other header follows.
//
// Calls that create something or touch files fill `struct weft_error *err`, their last argument. It
// may be NULL. An error already in it is kept, whatever the call does: the first one matters most.
// Calls on a scope leave their first error there instead (tensor.h).
//
// A text is one line, "what: what was given, what was wanted". No call prints, exits or aborts.
#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined _WIN32
#define WEFT_API __declspec(dllimport)
#elif defined __GNUC__
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// The version of these headers: major * 10000 + minor * 100 + patch.
#define WEFT_VERSION 100

// The version of the library in use, as WEFT_VERSION and as text ("0.1.0").
// Thread-safety: safe.
WEFT_API int weft_version(void);
WEFT_API const char *weft_version_text(void);

#define WEFT_STATUS_MAP(X)                                                  \
    X(OK, "no error")                                                       \
    X(NOMEM, "out of host or device memory")                                \
    X(SHAPE, "shapes do not fit this operation")                            \
    X(DTYPE, "element types do not fit this operation")                     \
    X(PARAM, "an argument is out of range or no longer valid")              \
    X(STALE, "a value depends on parameters that have changed since")       \
    X(CANCELLED, "cancelled from another thread")                           \
    X(DEVICE, "the OpenCL runtime reported a failure")                      \
    X(BUILD, "a kernel did not compile")                                    \
    X(IO, "a file could not be read or written")                            \
    X(FORMAT, "a file is not what it claims to be")                         \
    X(UNSUPPORTED, "the device or the model needs what weft does not have") \
    X(NONFINITE, "an operation made a NaN or an infinity of finite numbers")

enum weft_status {
#define X(name, text) WEFT_##name,
    WEFT_STATUS_MAP(X)
#undef X
};

struct weft_error {
    enum weft_status status;
    char text[240]; // one line: "conv2d: x is [8,3,5,5], w wants 4 channels"
};

// What a status means in general, such as "out of host or device memory"; "unknown status" for a
// number that is none. Thread-safety: safe.
WEFT_API const char *weft_status_text(enum weft_status status);

// Makes a params struct on the spot: weft_adam_params(.lr = 1e-3f). A params pointer may be NULL,
// and a field left zero has the default written in [ ] beside it. A params struct need only live
// until the call returns. In C++, fill a named struct and set .size to its sizeof.
#define WEFT_PARAMS(type, ...) (&(struct type){.size = sizeof(struct type), __VA_ARGS__})

#ifdef __cplusplus
}
#endif
#endif
