// Layers beyond what nn_test does with linear ones: their initialisers, embedding, dropout,
// flatten.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

START_TEST(linear_takes_initialisers)
{
    float w[6], b[2], y[2];
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){1, 3}, 1);
    weft_tensor *out = weft_linear(s, net, "fc", x,
                                   weft_linear_params(.out = 2, .weight = {WEFT_INIT_ORTHOGONAL},
                                                      .bias = {WEFT_INIT_CONSTANT, 5}));
    ck_assert(weft_read(s, out, y, sizeof y));
    ck_assert(weft_params_get(net, "fc.weight", w, sizeof w, NULL));
    ck_assert(weft_params_get(net, "fc.bias", b, sizeof b, NULL));
    ck_assert(b[0] == 5 && b[1] == 5);
    ck_assert_float_eq_tol(w[0] * w[3] + w[1] * w[4] + w[2] * w[5], 0, 1e-6f);
    ck_assert_float_eq_tol(y[1], w[3] + w[4] + w[5] + 5, 1e-6f);
    ck_assert_ptr_null(weft_linear(
        s, net, "no", x, weft_linear_params(.out = 2, .weight = {WEFT_INIT_NORMAL, 0, -2})));
    assert_error(WEFT_PARAM, "no.weight: a deviation of -2");
}
END_TEST

enum { ROWS = 50, WIDTH = 40, PADDING = 3 };

static weft_tensor *embed(const struct weft_embedding_params *o)
{
    const int64_t index[4] = {1, PADDING, 1, 49};
    return weft_embedding_layer(s, net, "e",
                                weft_from_host(s, WEFT_I64, 2, (int64_t[]){2, 2}, index), o);
}

START_TEST(embeddings_are_rows_of_normal_numbers)
{
    static float w[ROWS][WIDTH], y[4][WIDTH];
    weft_tensor *out = embed(weft_embedding_params(.rows = ROWS, .width = WIDTH));
    ck_assert(out && out->ndim == 3 && out->shape[0] == 2 && out->shape[2] == WIDTH);
    ck_assert(weft_read(s, out, y, sizeof y));
    ck_assert(weft_params_get(net, "e.weight", w, sizeof w, NULL));
    ck_assert_mem_eq(y[0], w[1], sizeof *y);
    ck_assert_mem_eq(y[1], w[PADDING], sizeof *y);
    ck_assert_mem_eq(y[3], w[49], sizeof *y);
    double sum = 0, squares = 0;
    for (int i = 0; i < ROWS * WIDTH; i++) {
        double v = (double)w[i / WIDTH][i % WIDTH];
        sum += v / (ROWS * WIDTH);
        squares += v * v / (ROWS * WIDTH);
    }
    ck_assert_double_eq_tol(sum, 0, 5 / sqrt(ROWS * WIDTH));
    ck_assert_double_eq_tol(squares, 1, 5 * sqrt(2) / sqrt(ROWS * WIDTH));
}
END_TEST

START_TEST(the_padding_row_stays_zero)
{
    static float w[ROWS][WIDTH], g[ROWS][WIDTH];
    const struct weft_embedding_params *o =
        weft_embedding_params(.rows = ROWS, .width = WIDTH, .padded = true, .padding = PADDING);
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    weft_tensor *loss = weft_sum(s, embed(o), NULL);
    ck_assert(weft_backward(s, loss, net) && weft_flush(s));
    ck_assert(weft_params_get(net, "e.weight", w, sizeof w, NULL));
    ck_assert(weft_params_get_grad(net, "e.weight", g, sizeof g, NULL));
    for (int k = 0; k < WIDTH; k++) {
        ck_assert(w[PADDING][k] == 0 && w[1][k] != 0 && w[PADDING + 1][k] != 0);
        ck_assert(g[PADDING][k] == 0 && g[1][k] == 2 && g[49][k] == 1 && g[0][k] == 0);
    }
    ck_assert(weft_optim_step(sgd, s) && weft_scope_reset(s));
    ck_assert(weft_params_get(net, "e.weight", w, sizeof w, NULL));
    for (int k = 0; k < WIDTH; k++)
        ck_assert(w[PADDING][k] == 0);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(an_embedding_shares_its_weight_with_the_output)
{
    static float w[ROWS][WIDTH], y[2][2][ROWS];
    ck_assert(weft_params_tie(net, "head.weight", "e.weight", NULL));
    weft_tensor *x = embed(weft_embedding_params(.rows = ROWS, .width = WIDTH));
    x = weft_linear(s, net, "head", x, weft_linear_params(.out = ROWS, .no_bias = true));
    ck_assert(x && weft_params_count(net) == 1 && weft_read(s, x, y, sizeof y));
    ck_assert(weft_params_get(net, "e.weight", w, sizeof w, NULL));
    float want = 0;
    for (int k = 0; k < WIDTH; k++)
        want += w[1][k] * w[1][k];
    ck_assert_float_eq_tol(y[0][0][1], want, 1e-3f);
}
END_TEST

START_TEST(wrong_embeddings_are_refused)
{
    ck_assert_ptr_null(embed(NULL));
    assert_error(WEFT_PARAM, "embedding: .rows 0, .width 0");
    ck_assert_ptr_null(embed(weft_embedding_params(.rows = ROWS, .width = -1)));
    assert_error(WEFT_PARAM, ".width -1");
    ck_assert_ptr_null(embed(
        weft_embedding_params(.rows = ROWS, .width = WIDTH, .padded = true, .padding = ROWS)));
    assert_error(WEFT_PARAM, ".padding 50");
    ck_assert_ptr_null(embed(weft_embedding_params(.rows = INT64_MAX, .width = WIDTH)));
    assert_error(WEFT_SHAPE, "e.weight");
    weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 1);
    ck_assert_ptr_null(
        weft_embedding_layer(s, net, "e", x, weft_embedding_params(.rows = ROWS, .width = WIDTH)));
    assert_error(WEFT_DTYPE, "embedding: the index is F32");
    weft_tensor *i = weft_full(s, WEFT_I64, 1, (int64_t[]){2}, 1);
    ck_assert_ptr_null(
        weft_embedding_layer(s, net, NULL, i, weft_embedding_params(.rows = ROWS, .width = WIDTH)));
    assert_error(WEFT_PARAM, "weight: the layer's name is NULL");
    char name[300];
    memset(name, 'n', sizeof name);
    name[299] = 0;
    x = weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 1);
    ck_assert_ptr_null(weft_linear(s, net, name, x, weft_linear_params(.out = 1)));
    assert_error(WEFT_PARAM, "weight: the layer's name is too long");
}
END_TEST

// Only in a scope that trains.
START_TEST(dropout_follows_the_scope)
{
    static float v[1000];
    weft_scope *eval = weft_scope_create(dev, NULL, NULL);
    weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){1000}, 1);
    ck_assert(weft_read(s, weft_dropout(s, x, 0.25), v, sizeof v));
    int dropped = 0;
    for (int i = 0; i < 1000; i++) {
        ck_assert(v[i] == 0 || fabsf(v[i] - 4.0f / 3) < 1e-6f);
        dropped += v[i] == 0;
    }
    ck_assert(dropped > 180 && dropped < 320); // 250, five deviations of 13.7
    x = weft_full(eval, WEFT_F32, 1, (int64_t[]){1000}, 1);
    ck_assert(weft_read(eval, weft_dropout(eval, x, 0.25), v, sizeof v));
    for (int i = 0; i < 1000; i++)
        ck_assert_float_eq(v[i], 1);
    weft_scope_destroy(&eval);
}
END_TEST

START_TEST(flatten_keeps_the_batch)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 4, (int64_t[]){2, 3, 4, 5}, 1);
    weft_tensor *y = weft_linear(s, net, "fc", weft_flatten(s, x, 1), weft_linear_params(.out = 7));
    ck_assert(y && y->ndim == 2 && y->shape[0] == 2 && y->shape[1] == 7);
    struct weft_param_info i = {.size = sizeof i};
    ck_assert(weft_params_info(net, 0, &i) && i.shape[1] == 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *t = tcase_create("layers");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, linear_takes_initialisers);
    tcase_add_test(t, embeddings_are_rows_of_normal_numbers);
    tcase_add_test(t, the_padding_row_stays_zero);
    tcase_add_test(t, an_embedding_shares_its_weight_with_the_output);
    tcase_add_test(t, wrong_embeddings_are_refused);
    tcase_add_test(t, dropout_follows_the_scope);
    tcase_add_test(t, flatten_keeps_the_batch);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
