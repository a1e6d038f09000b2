// weft: deep learning and classic machine learning on any OpenCL device.
//
//   device   an OpenCL device, with its kernels, memory pool and profiler
//   params   the named tensors a model learns; what a checkpoint holds
//   scope    one stretch of work: owns the tensors made in it, records calls
//            and runs them when a value is asked for, and remembers the first
//            thing that went wrong
//   tensor   an n-dimensional array on a device; its value never changes
//
// A layer is a function of (scope, params, name, x). So is a model.
//
// "Owned by" means freed with; "borrowed", needed only during the call; "takes", the callee owns it
// from now on, even if the call fails. A pointer without one of these words is borrowed. Shapes are
// written outermost first. Every _destroy() takes the address of a pointer, accepts &NULL and
// leaves NULL behind. Thread-safety is written beside each type.
//
// <weft/opencl.h>, for programs with an OpenCL context of their own, is included separately. So are
// <weft/csv.h> and <weft/npz.h>, which are another library, libweft-data.
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H
#include <weft/custom.h>
#include <weft/data.h>
#include <weft/device.h>
#include <weft/error.h>
#include <weft/file.h>
#include <weft/nn.h>
#include <weft/op.h>
#include <weft/optim.h>
#include <weft/resume.h>
#include <weft/schedule.h>
#include <weft/tensor.h>
#include <weft/tune.h>
#endif
