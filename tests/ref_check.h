// Checks an operation on a device against its reference, for the tests and for `weft check`.
//
// Like the references it knows the public headers only, and it returns what it found as a text.
#ifndef WEFT_TESTS_REF_CHECK_H
#define WEFT_TESTS_REF_CHECK_H
#include "ref.h"

struct ref_check {
    weft_device *dev;
    uint64_t random; // what the next inputs are made from
    double worst;    // the largest error so far as a part of what is allowed; 1 is the limit
    char text[400];  // the first thing that was wrong; "" if nothing was
};

// How many cases the table has for r.
int ref_case_count(const struct op_ref *r);
// The value of case c; `strided`: with inputs whose last two dimensions lie the other way round.
bool ref_check_value(struct ref_check *k, const struct op_ref *r, int c, enum weft_dtype dtype,
                     bool strided);
// The gradients of case c in F32, compared with differences of the reference, never of the kernel.
bool ref_check_grad(struct ref_check *k, const struct op_ref *r, int c, bool strided);

// In [0, 1).
double ref_uniform(struct ref_check *k);
// The inputs of a case, made: numbers that F32 holds exactly, so that both sides compute from the
// same ones.
void ref_make_inputs(struct ref_check *k, const struct op_ref *r, const struct op_case *c,
                     struct array *x);
void ref_free_arrays(struct array *x, int n);
// The dtype of input i where `dtype` is checked.
enum weft_dtype ref_input_dtype(const struct op_ref *r, int i, enum weft_dtype dtype);
// The array on the device.
weft_tensor *ref_to_device(weft_scope *s, const struct array *x, enum weft_dtype dtype,
                           bool strided);
// The values of t in double (free); NULL after an error, which is in the scope. F32, F64, I64,
// I32, BOOL.
double *ref_from_device(weft_scope *s, const weft_tensor *t);
// |got - want| <= absolute + relative |want|, and NaN for NaN.
bool ref_compare(struct ref_check *k, const char *what, const double *got, const struct array *want,
                 double absolute, double relative);

#endif
