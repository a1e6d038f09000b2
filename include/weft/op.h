// Operations. This is what holds for all of them; each family has its header.
//
// Every call is recorded in the scope and returns a tensor that the scope owns, or NULL after an
// error (tensor.h). Inputs are borrowed.
//
// Broadcasting is NumPy's: shapes are compared from the last dimension; a dimension of 1 or a
// missing one is repeated. Axes may be negative, counted from the end. NaN propagates. A tensor
// without elements is allowed everywhere unless said otherwise.
//
// Errors, for all: WEFT_SHAPE, WEFT_DTYPE or WEFT_PARAM when the call is recorded; WEFT_NOMEM then,
// if the result is larger than the device's largest allocation; WEFT_NOMEM, WEFT_BUILD or
// WEFT_DEVICE when it runs. The text begins with the label and the name of the op.
#ifndef WEFT_OP_H
#define WEFT_OP_H
#include <weft/elementwise.h>
#include <weft/fill.h>
#include <weft/index.h>
#include <weft/loss.h>
#include <weft/matmul.h>
#include <weft/random.h>
#include <weft/reduce.h>
#include <weft/shape.h>
#include <weft/sort.h>
#endif
