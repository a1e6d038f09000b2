// Bad input to an operation: what must be refused, by its row of the table and the row's list of
// bad cases. Each function ends the test where it was not refused, or not as it should be.
#ifndef WEFT_TESTS_OP_BAD_H
#define WEFT_TESTS_OP_BAD_H
#include "ref.h"

// Inputs that are NULL, of before a reset, of another scope, or of `other`, another device.
void bad_handles(weft_device *dev, weft_device *other, const struct op_ref *r);
// Dtypes: those that the row takes are taken, all others and two different ones refused.
void bad_dtypes(weft_device *dev, const struct op_ref *r);
// Shapes that do not fit each other.
void bad_shapes(weft_device *dev, const struct op_ref *r);
// The row's bad cases, on a device that has BAD_LIMIT.
void bad_cases(weft_device *dev, const struct op_ref *r);
// Calls on no scope, and on one in error.
void bad_scopes(weft_device *dev, const struct op_ref *r);

#endif
