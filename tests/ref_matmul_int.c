// References: products of bytes.
#include "ref_rows.h"

CALL2(matmul_int)

// Sums of whole numbers: exact in double.
static void ref_matmul_int(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    array_matmul(x, y);
}

#define DTYPES(dtype_a, dtype_b, text)                                 \
    {                                                                  \
        WEFT_DTYPE, "the operands are " text "; I8 or U8 were wanted", \
            {.in = {{2, {2, 3}}, {2, {3, 2}}}}, .dtype = {             \
                dtype_a,                                               \
                dtype_b                                                \
            }                                                          \
    }

const struct op_ref op_refs_matmul_int[] = {
    {REF(matmul_int, 2, false, 0, NULL, {.in = {{2, {3, 5}}, {2, {5, 4}}}, .hi = 1},
         {.in = {{2, {1, 1}}, {2, {1, 1}}}, .hi = 1},
         {.in = {{2, {31, 33}}, {2, {33, 10}}}, .hi = 1},
         {.in = {{2, {64, 65}}, {2, {65, 63}}}, .hi = 1},
         {.in = {{2, {9, 300}}, {2, {300, 128}}}, .hi = 1},
         {.in = {{2, {17, 257}}, {2, {257, 97}}}, .hi = 1},
         {.in = {{4, {2, 1, 5, 8}}, {3, {3, 8, 17}}}, .hi = 1},
         {.in = {{3, {2, 33, 8}}, {2, {8, 48}}}, .hi = 1},
         {.in = {{2, {20, 1030}}, {2, {1030, 20}}}, .hi = 1},
         {.in = {{1, {33}}, {2, {33, 20}}}, .hi = 1},
         {.in = {{3, {2, 31, 33}}, {1, {33}}}, .hi = 1},
         {.in = {{2, {3, 0}}, {2, {0, 4}}}, .hi = 1}, {.in = {{2, {0, 3}}, {2, {3, 4}}}, .hi = 1}),
     .kind = {BYTE, UBYTE},
     .bad =
         BAD(DTYPES(WEFT_F32, WEFT_I8, "F32 and I8"), DTYPES(WEFT_U8, WEFT_BOOL, "U8 and BOOL"),
             DTYPES(WEFT_I32, WEFT_I32, "I32 and I32"),
             SHAPE_("a is [2,3], b is [2,3]: 3 columns of a meet 2 rows of b",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}),
             SHAPE_("a is [2,3,3], b is [3,3,3]: leading dimensions that broadcast were wanted",
                    .in = {{3, {2, 3, 3}}, {3, {3, 3, 3}}}),
             SHAPE_("a is [2,3], b is []; no scalar was wanted", .in = {{2, {2, 3}}, {0}}),
             NOMEM_("the result [2048,2048] I32 needs", .in = {{2, {2048, 1}}, {2, {1, 2048}}}))},
    {0},
};
