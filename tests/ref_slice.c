// References: parts of tensors, and tensors of parts.
#include "ref_rows.h"
#include <string.h>

// Splits an index of a shape into one for each dimension, and back.
static void index_of(const struct array *a, int64_t i, int64_t *index)
{
    for (int d = a->ndim - 1; d >= 0; d--) {
        index[d] = i % a->shape[d];
        i /= a->shape[d];
    }
}

static int64_t place_of(const struct array *a, const int64_t *index)
{
    int64_t at = 0;
    for (int d = 0; d < a->ndim; d++)
        at = at * a->shape[d] + index[d];
    return at;
}

static int axis_of(const struct array *x, const struct op_case *c)
{
    return (c->axes[0] + x->ndim) % x->ndim;
}

// The axis in axes[0]; start, stop and step, of weft_slice() 1, in shape.
static weft_tensor *call_slice(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_slice(s, x[0], c->axes[0], c->shape[0], c->shape[1]);
}

static weft_tensor *call_slice_step(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_slice_step(s, x[0], c->axes[0],
                           (struct weft_range){c->shape[0], c->shape[1], c->shape[2]});
}

// Python's rule, by trying every place.
static void ref_slice(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    int64_t n = x->shape[axis], step = c->shape[2], taken[80], count = 0;
    int64_t start = c->shape[0] < 0 ? c->shape[0] + n : c->shape[0];
    int64_t stop = c->shape[1] < 0 ? c->shape[1] + n : c->shape[1];
    if (step < 0 && start >= n)
        start = n - 1;
    if (step > 0 && start < 0)
        start = 0;
    for (int64_t i = start; i >= 0 && i < n && (step > 0 ? i < stop : i > stop); i += step)
        taken[count++] = i;
    int64_t shape[WEFT_MAX_DIMS], index[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = count;
    array_make(y, x->ndim, shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        index_of(y, i, index);
        index[axis] = taken[index[axis]];
        y->v[i] = x->v[place_of(x, index)];
    }
}

static weft_tensor *call_flip(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_flip(s, x[0], c->naxes, c->axes);
}

static weft_tensor *flip_without_axes(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_flip(s, x[0], c->naxes, NULL);
}

static void ref_flip(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t index[WEFT_MAX_DIMS];
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        index_of(y, i, index);
        for (int k = 0; k < c->naxes; k++) {
            int d = (c->axes[k] + x->ndim) % x->ndim;
            index[d] = x->shape[d] - 1 - index[d];
        }
        y->v[i] = x->v[place_of(x, index)];
    }
}

static weft_tensor *call_roll(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_roll(s, x[0], c->axes[0], c->shape[0]);
}

static void ref_roll(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    int64_t index[WEFT_MAX_DIMS], n = x->shape[axis];
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(x); i++) {
        index_of(x, i, index);
        index[axis] = ((index[axis] + c->shape[0]) % n + n) % n;
        y->v[place_of(y, index)] = x->v[i];
    }
}

static weft_tensor *call_concat(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    const weft_tensor *part[] = {x[0], x[1], x[2]};
    return weft_concat(s, 3, part, c->axes[0]);
}

// So many of the first input.
static weft_tensor *concat_none(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_concat(s, c->naxes, (const weft_tensor *[]){x[0]}, 0);
}

static weft_tensor *concat_of_null(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)x;
    return weft_concat(s, c->naxes, NULL, 0);
}

static void ref_concat(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    int64_t shape[WEFT_MAX_DIMS], index[WEFT_MAX_DIMS], start = 0;
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = x[0].shape[axis] + x[1].shape[axis] + x[2].shape[axis];
    array_make(y, x->ndim, shape);
    for (int k = 0; k < 3; k++) {
        for (int64_t i = 0; i < array_count(&x[k]); i++) {
            index_of(&x[k], i, index);
            index[axis] += start;
            y->v[place_of(y, index)] = x[k].v[i];
        }
        start += x[k].shape[axis];
    }
}

static weft_tensor *call_stack(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    const weft_tensor *part[] = {x[0], x[1]};
    return weft_stack(s, 2, part, c->axes[0]);
}

static weft_tensor *stack_none(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_stack(s, c->naxes, (const weft_tensor *[]){x[0]}, 0);
}

static void ref_stack(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = (c->axes[0] + x->ndim + 1) % (x->ndim + 1);
    int64_t shape[WEFT_MAX_DIMS], index[WEFT_MAX_DIMS];
    for (int d = 0; d <= x->ndim; d++)
        shape[d] = d < axis ? x->shape[d] : d == axis ? 2 : x->shape[d - 1];
    array_make(y, x->ndim + 1, shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        index_of(y, i, index);
        int64_t k = index[axis];
        for (int d = axis; d < x->ndim; d++)
            index[d] = index[d + 1];
        y->v[i] = x[k].v[place_of(&x[k], index)];
    }
}

// The first of two parts, and the second twice.
static weft_tensor *call_split(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *part[2];
    if (!weft_split(s, x[0], c->axes[0], (struct weft_sizes){2, c->shape}, part))
        return NULL;
    return weft_concat(s, 3, (const weft_tensor *[]){part[1], part[0], part[1]}, c->axes[0]);
}

static weft_tensor *split_into(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *part[2] = {NULL};
    const int64_t *size = c->keep ? c->shape : NULL;
    bool ok = weft_split(s, x[0], 0, (struct weft_sizes){c->naxes, size}, c->keep ? NULL : part);
    return ok ? x[0] : part[0];
}

static void ref_split(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    int64_t shape[WEFT_MAX_DIMS], index[WEFT_MAX_DIMS], n = x->shape[axis];
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = n + c->shape[1];
    array_make(y, x->ndim, shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        index_of(y, i, index);
        index[axis] = (index[axis] + c->shape[0]) % n;
        y->v[i] = x->v[place_of(x, index)];
    }
}

enum { MAX_CHUNKS = 8 };

// At most shape[0] parts, the last one first.
static weft_tensor *call_chunk(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *part[MAX_CHUNKS];
    const weft_tensor *back[MAX_CHUNKS];
    int made = weft_chunk(s, x[0], c->axes[0], (int)c->shape[0], part);
    for (int i = 0; i < made; i++)
        back[i] = part[made - 1 - i];
    return made ? weft_concat(s, made, back, c->axes[0]) : NULL;
}

static weft_tensor *chunk_to_nowhere(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_chunk(s, x[0], c->axes[0], (int)c->shape[0], NULL) ? x[0] : NULL;
}

static void ref_chunk(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    int64_t index[WEFT_MAX_DIMS], n = x->shape[axis], size = (n + c->shape[0] - 1) / c->shape[0];
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(x); i++) {
        index_of(x, i, index);
        int64_t start = index[axis] / size * size, stop = start + size < n ? start + size : n;
        index[axis] += n - stop - start;
        y->v[place_of(y, index)] = x->v[i];
    }
}

// Before and after, for each of the last ndim dimensions, in axes; the value in b, the mode in a.
static weft_tensor *call_pad(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    int64_t before[] = {c->axes[0], c->axes[2]}, after[] = {c->axes[1], c->axes[3]};
    return weft_pad(s, x[0],
                    weft_pad_params(.ndim = c->ndim, .before = before, .after = after,
                                    .mode = (enum weft_pad_mode)(int)c->a, .value = c->b));
}

static weft_tensor *pad_endlessly(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    int64_t most = INT64_MAX;
    (void)c;
    return weft_pad(s, x[0], weft_pad_params(.ndim = 1, .before = &most, .after = &most));
}

// Where the padding at i of 0 .. n-1 comes from; -1: the value.
static int64_t pad_source(int mode, int64_t i, int64_t n)
{
    bool inside = i >= 0 && i < n;
    return inside                       ? i
           : mode == WEFT_PAD_CONSTANT  ? -1
           : mode == WEFT_PAD_REFLECT   ? (i < 0 ? -i : 2 * (n - 1) - i)
           : mode == WEFT_PAD_REPLICATE ? (i < 0 ? 0 : n - 1)
                                        : (i + n) % n;
}

static void ref_pad(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t shape[WEFT_MAX_DIMS], index[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    for (int d = 0; d < c->ndim; d++)
        shape[x->ndim - c->ndim + d] += c->axes[2 * d] + c->axes[2 * d + 1];
    array_make(y, x->ndim, shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        bool value = false;
        index_of(y, i, index);
        for (int d = 0; d < c->ndim; d++) {
            int at = x->ndim - c->ndim + d, before = c->axes[2 * d], after = c->axes[2 * d + 1];
            bool whole = c->a == WEFT_PAD_REFLECT || c->a == WEFT_PAD_REPLICATE;
            int64_t cut = before < 0 && !whole ? -before : 0;
            int64_t n = x->shape[at] - cut + (after < 0 && !whole ? after : 0);
            int64_t from = pad_source((int)c->a, index[at] - before - cut, n);
            value = value || from < 0;
            index[at] = from + cut;
        }
        y->v[i] = value ? c->b : x->v[place_of(x, index)];
    }
}

static weft_tensor *call_tril(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_tril(s, x[0], c->shape[0]);
}

static weft_tensor *call_triu(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_triu(s, x[0], c->shape[0]);
}

static void triangle(const struct array *x, struct array *y, int64_t diagonal, int side)
{
    int64_t index[WEFT_MAX_DIMS];
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(x); i++) {
        index_of(x, i, index);
        int64_t above = index[x->ndim - 1] - index[x->ndim - 2] - diagonal;
        y->v[i] = side * above >= 0 ? x->v[i] : 0;
    }
}

static void ref_tril(const struct array *x, struct array *y, const struct op_case *c)
{
    triangle(x, y, c->shape[0], -1);
}

static void ref_triu(const struct array *x, struct array *y, const struct op_case *c)
{
    triangle(x, y, c->shape[0], 1);
}

#define TRIANGLES                                                                       \
    {.in = {{2, {33, 33}}}, .hi = 1}, {.in = {{2, {31, 65}}}, .shape = {3}, .hi = 1},   \
        {.in = {{3, {2, 64, 7}}}, .shape = {-2}, .hi = 1},                              \
        {.in = {{4, {2, 3, 5, 4}}}, .shape = {1}, .hi = 1},                             \
        {.in = {{2, {4, 6}}}, .shape = {-100}, .hi = 1},                                \
        {.in = {{2, {4, 6}}}, .shape = {100}, .hi = 1}, {.in = {{2, {1, 1}}}, .hi = 1}, \
        {.in = {{2, {0, 5}}}, .hi = 1},                                                 \
    {                                                                                   \
        .in = {{2, {5, 0}}}, .hi = 1                                                    \
    }

const struct op_ref op_refs_slice[] = {
    {ONE(slice, 0, {.in = {{1, {33}}}, .shape = {0, 32, 1}, .hi = 1},
         {.in = {{2, {31, 65}}}, .axes = {1}, .shape = {1, 64, 1}, .hi = 1},
         {.in = {{2, {31, 65}}}, .axes = {-2}, .shape = {-30, -1, 1}, .hi = 1},
         {.in = {{2, {3, 4}}}, .axes = {1}, .shape = {3, 1, 1}, .hi = 1},
         {.in = {{2, {0, 4}}}, .axes = {0}, .shape = {0, 5, 1}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}))},
    {.name = "slice",
     .function = "slice_step",
     .nin = 1,
     .smooth = true,
     .call = call_slice_step,
     .ref = ref_slice,
     .cases = {{.in = {{3, {4, 6, 5}}}, .axes = {1}, .shape = {1, 6, 2}, .hi = 1},
               {.in = {{3, {4, 6, 5}}}, .axes = {2}, .shape = {-100, 100, 3}, .hi = 1},
               {.in = {{3, {4, 6, 5}}}, .axes = {1}, .shape = {4, 0, -1}, .hi = 1},
               {.in = {{2, {5, 63}}}, .axes = {1}, .shape = {100, -100, -3}, .hi = 1},
               {.in = {{2, {63, 2}}}, .axes = {0}, .shape = {-2, 5, -7}, .hi = 1},
               {.in = {{2, {3, 4}}}, .axes = {1}, .shape = {1, 3, -1}, .hi = 1},
               {.in = {{2, {3, 4}}}, .axes = {0}, .shape = {1, 2, 50}, .hi = 1},
               {.in = {{2, {31, 65}}}, .axes = {1}, .shape = {1, 64, 1}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}, .shape = {0, 1, 1}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
                PARAM_("the step is 0; another number was wanted", .in = {{2, {3, 5}}},
                       .shape = {0, 1, 0}))},
    {ONE(flip, 0, {.in = {{1, {65}}}, .naxes = 1, .axes = {0}, .hi = 1},
         {.in = {{3, {31, 3, 33}}}, .naxes = 1, .axes = {-1}, .hi = 1},
         {.in = {{3, {4, 6, 5}}}, .naxes = 2, .axes = {0, 2}, .hi = 1},
         {.in = {{3, {4, 6, 5}}}, .naxes = 3, .axes = {1, 0, -1}, .hi = 1},
         {.in = {{2, {1, 64}}}, .naxes = 1, .axes = {0}, .hi = 1},
         {.in = {{2, {4, 6}}}, .naxes = 0, .hi = 1}, {.in = {{0}}, .naxes = 0, .hi = 1},
         {.in = {{2, {4, 0}}}, .naxes = 2, .axes = {0, 1}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 1 is listed twice", .in = {{2, {3, 5}}}, .naxes = 2, .axes = {1, -1}),
                PARAM_("naxes is -1; 0 to 2 were wanted", .in = {{2, {3, 5}}}, .naxes = -1),
                PARAM_("naxes is 3; 0 to 2 were wanted", .in = {{2, {3, 5}}}, .naxes = 3),
                {WEFT_PARAM,
                 "axes is NULL, naxes is 1",
                 {.in = {{2, {3, 5}}}, .naxes = 1},
                 .call = flip_without_axes,
                 .aborts = true})},
    {REF(concat, 3, true, 0, NULL, {.in = {{1, {33}}, {1, {1}}, {1, {64}}}, .hi = 1},
         {.in = {{2, {31, 5}}, {2, {31, 1}}, {2, {31, 65}}}, .axes = {1}, .hi = 1},
         {.in = {{3, {2, 3, 4}}, {3, {2, 1, 4}}, {3, {2, 6, 4}}}, .axes = {-2}, .hi = 1},
         {.in = {{3, {2, 3, 4}}, {3, {1, 3, 4}}, {3, {5, 3, 4}}}, .axes = {0}, .hi = 1},
         {.in = {{2, {3, 0}}, {2, {3, 4}}, {2, {3, 0}}}, .axes = {1}, .hi = 1},
         {.in = {{2, {0, 4}}, {2, {0, 4}}, {2, {0, 1}}}, .axes = {1}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}, {0}, {0}}),
                SHAPE_("[3,4] and [4,3] along axis 0; the rest must be the same",
                       .in = {{2, {3, 4}}, {2, {4, 3}}, {2, {3, 4}}}),
                SHAPE_("[3,4] and [4] along axis 0; the rest must be the same",
                       .in = {{2, {3, 4}}, {2, {3, 4}}, {1, {4}}}),
                NOMEM_("the result [600000] F32 needs",
                       .in = {{1, {200000}}, {1, {200000}}, {1, {200000}}}),
                {WEFT_PARAM,
                 "none; at least one tensor was wanted",
                 {.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}},
                 .call = concat_none},
                {WEFT_PARAM,
                 "none; at least one tensor was wanted",
                 {.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}, .naxes = -1},
                 .call = concat_none},
                {WEFT_PARAM,
                 "NULL; at least one tensor was wanted",
                 {.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}, .naxes = 2},
                 .call = concat_of_null})},
    {.name = "concat",
     .function = "stack",
     .alike = true,
     .nin = 2,
     .smooth = true,
     .call = call_stack,
     .ref = ref_stack,
     .cases = {{.in = {{2, {31, 5}}, {2, {31, 5}}}, .axes = {0}, .hi = 1},
               {.in = {{2, {31, 5}}, {2, {31, 5}}}, .axes = {1}, .hi = 1},
               {.in = {{2, {31, 5}}, {2, {31, 5}}}, .axes = {-1}, .hi = 1},
               {.in = {{0}, {0}}, .axes = {0}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad =
         BAD(PARAM_("axis 3 of 3 dimensions; -3 to 2 were wanted", .in = {{2, {3, 5}}, {2, {3, 5}}},
                    .axes = {3}),
             PARAM_("axis -4 of 3 dimensions; -3 to 2 were wanted",
                    .in = {{2, {3, 5}}, {2, {3, 5}}}, .axes = {-4}),
             SHAPE_("the inputs are [3,4] and [4,3]; one shape was wanted",
                    .in = {{2, {3, 4}}, {2, {4, 3}}}),
             SHAPE_("the inputs are [3] and [1]; one shape was wanted", .in = {{1, {3}}, {1, {1}}}),
             SHAPE_("9 dimensions; 0 to 8 are possible",
                    .in = {{8, {1, 1, 1, 1, 1, 1, 1, 1}}, {8, {1, 1, 1, 1, 1, 1, 1, 1}}}),
             NOMEM_("the result [2,200000] F32 needs", .in = {{1, {200000}}, {1, {200000}}}),
             {WEFT_PARAM,
              "none; at least one tensor was wanted",
              {.in = {{2, {3, 5}}, {2, {3, 5}}}},
              .call = stack_none})},
    {.name = "slice",
     .function = "split",
     .nin = 1,
     .smooth = true,
     .call = call_split,
     .ref = ref_split,
     .cases = {{.in = {{2, {6, 33}}}, .axes = {1}, .shape = {1, 32}, .hi = 1},
               {.in = {{3, {2, 6, 3}}}, .axes = {-2}, .shape = {2, 4}, .hi = 1},
               {.in = {{2, {4, 3}}}, .axes = {0}, .shape = {4, 0}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}, .shape = {1, 2}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
                SHAPE_("the 2 sizes add up to 3; the 5 of axis 1 were wanted", .in = {{2, {3, 5}}},
                       .axes = {1}, .shape = {1, 2}),
                SHAPE_("sizes[0] is -1; 0 to 5 were wanted", .in = {{2, {3, 5}}}, .axes = {1},
                       .shape = {-1, 6}),
                SHAPE_("sizes[1] is 9223372036854775807; 0 to 5 were wanted", .in = {{2, {3, 5}}},
                       .axes = {1}, .shape = {1, INT64_MAX}),
                {WEFT_PARAM,
                 "-1 parts; 0 or more were wanted",
                 {.in = {{2, {3, 5}}}, .naxes = -1, .keep = true},
                 .call = split_into,
                 .aborts = true},
                {WEFT_PARAM,
                 "2 parts; the sizes are NULL",
                 {.in = {{2, {3, 5}}}, .naxes = 2},
                 .call = split_into,
                 .aborts = true},
                {WEFT_PARAM,
                 "2 parts; out is NULL",
                 {.in = {{2, {3, 5}}}, .naxes = 2, .keep = true, .shape = {1, 2}},
                 .call = split_into,
                 .aborts = true})},
    {.name = "slice",
     .function = "chunk",
     .nin = 1,
     .smooth = true,
     .call = call_chunk,
     .ref = ref_chunk,
     .cases = {{.in = {{2, {6, 33}}}, .axes = {1}, .shape = {4}, .hi = 1},
               {.in = {{3, {2, 5, 3}}}, .axes = {-2}, .shape = {4}, .hi = 1},
               {.in = {{2, {3, 2}}}, .axes = {0}, .shape = {8}, .hi = 1},
               {.in = {{1, {64}}}, .axes = {0}, .shape = {1}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad =
         BAD(BAD_AXIS(.in = {{2, {3, 5}}}, .shape = {2}),
             PARAM_("axis 0 of a scalar, which has none", .in = {{0}}, .shape = {2}),
             {WEFT_PARAM, "0 parts; 1 or more were wanted", {.in = {{2, {3, 5}}}}, .aborts = true},
             {WEFT_PARAM,
              "-1 parts; 1 or more were wanted",
              {.in = {{2, {3, 5}}}, .shape = {-1}},
              .aborts = true},
             {WEFT_PARAM,
              "2 parts; out is NULL",
              {.in = {{2, {3, 5}}}, .shape = {2}},
              .call = chunk_to_nowhere,
              .aborts = true})},
    {.name = "concat",
     .function = "roll",
     .nin = 1,
     .smooth = true,
     .call = call_roll,
     .ref = ref_roll,
     .cases = {{.in = {{2, {5, 7}}}, .axes = {1}, .shape = {2}, .hi = 1},
               {.in = {{2, {5, 7}}}, .axes = {-2}, .shape = {-8}, .hi = 1},
               {.in = {{1, {4}}}, .shape = {8}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}, .shape = {1}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}))},
    {ONE(pad, 2, {.in = {{1, {33}}}, .ndim = 1, .axes = {1, 30}, .b = -1.5, .hi = 1},
         {.in = {{3, {2, 3, 31}}}, .ndim = 2, .axes = {0, 2, 3, 1}, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-2, 1, 4, -1}, .b = 2, .hi = 1},
         {.in = {{2, {0, 5}}}, .ndim = 2, .axes = {1, 1, 0, 0}, .b = 3, .hi = 1},
         {.in = {{1, {33}}}, .ndim = 1, .axes = {32, 5}, .a = WEFT_PAD_REFLECT, .hi = 1},
         {.in = {{3, {2, 4, 5}}}, .ndim = 2, .axes = {3, 2, 1, 4}, .a = WEFT_PAD_REFLECT, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-2, 1, 2, -1}, .a = WEFT_PAD_REFLECT, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-5, 5, 4, -7}, .a = WEFT_PAD_REFLECT, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-6, 9, 3, -5}, .a = WEFT_PAD_REPLICATE, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-9, 9, 3, -8}, .a = WEFT_PAD_REPLICATE, .hi = 1},
         {.in = {{2, {1, 5}}}, .ndim = 2, .axes = {70, 3, 1, 0}, .a = WEFT_PAD_REPLICATE, .hi = 1},
         {.in = {{3, {2, 4, 5}}},
          .ndim = 2,
          .axes = {3, 6, 1, 9},
          .a = WEFT_PAD_REPLICATE,
          .hi = 1},
         {.in = {{3, {2, 4, 5}}}, .ndim = 2, .axes = {3, 4, 5, 0}, .a = WEFT_PAD_CIRCULAR, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 2, .axes = {-2, 3, 2, -1}, .a = WEFT_PAD_CIRCULAR, .hi = 1},
         {.in = {{2, {65, 3}}}, .ndim = 2, .axes = {1, 1, 1, 1}, .a = WEFT_PAD_CIRCULAR, .hi = 1},
         {.in = {{2, {6, 5}}}, .ndim = 0, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(
         PARAM_("the last 3 of 2 dimensions; 0 to 2 were wanted", .in = {{2, {3, 4}}}, .ndim = 3),
         PARAM_("the last -1 of 2 dimensions; 0 to 2 were wanted", .in = {{2, {3, 4}}}, .ndim = -1),
         PARAM_("mode 9; one of enum weft_pad_mode was wanted", .in = {{2, {3, 4}}}, .a = 9),
         PARAM_("4 before and 0 after the 4 of axis 1; reflect takes at most 3",
                .in = {{2, {3, 4}}}, .ndim = 1, .axes = {4}, .a = WEFT_PAD_REFLECT),
         PARAM_("0 before and 5 after the 4 of axis 1; circular takes at most 4",
                .in = {{2, {3, 4}}}, .ndim = 1, .axes = {0, 5}, .a = WEFT_PAD_CIRCULAR),
         PARAM_("0 before and 1 after the 0 of axis 1; replicate takes at most 0",
                .in = {{2, {3, 0}}}, .ndim = 1, .axes = {0, 1}, .a = WEFT_PAD_REPLICATE),
         SHAPE_("-3 before and -2 after the 4 of axis 1; no more can be taken than there is",
                .in = {{2, {3, 4}}}, .ndim = 1, .axes = {-3, -2}),
         SHAPE_("-8 before and 3 after the 4 of axis 1; no more can be taken than there is",
                .in = {{2, {3, 4}}}, .ndim = 1, .axes = {-8, 3}, .a = WEFT_PAD_REFLECT),
         {WEFT_PARAM,
          "9223372036854775807 before and 9223372036854775807 after the 4 of axis 1; constant "
          "takes at most",
          {.in = {{2, {3, 4}}}},
          .call = pad_endlessly},
         NOMEM_("the result [1003,1004] F32 needs", .in = {{2, {3, 4}}}, .ndim = 2,
                .axes = {500, 500, 500, 500}))},
    {ONE(tril, 0, TRIANGLES), .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("x is [12]; a matrix was wanted", .in = {{1, {12}}}),
                SHAPE_("x is []; a matrix was wanted", .in = {{0}}))},
    {ONE(triu, 0, TRIANGLES), .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("x is [12]; a matrix was wanted", .in = {{1, {12}}}),
                SHAPE_("x is []; a matrix was wanted", .in = {{0}}))},
    {0},
};
