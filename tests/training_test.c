// A training that is saved and goes on in new objects ends with the bits of one that never stopped.
#include "core/scope.h"
#include "nn/params.h"
#include "run.h"
#include "tempdir.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

static weft_device *dev;
static struct weft_error err;
static char path[256]; // of the file

static void setup_all(void)
{
    err = (struct weft_error){0};
    tempdir_make();
    strcpy(path, in_tempdir("t.safetensors"));
    dev = weft_device_create(NULL, &err);
    ck_assert_msg(dev, "%s", err.text);
}

static void teardown_all(void)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    ck_assert_uint_eq(st.bytes_used, 0);
    weft_device_destroy(&dev);
    tempdir_remove();
}

// A network with dropout, its optimizer and its schedule.
struct training {
    weft_scope *s;
    weft_params *net;
    weft_optim *o;
    weft_schedule *schedule;
};
enum { BATCH = 9, IN = 11, HIDDEN = 13, OPTIMS = 10, SCHEDULES = 4 };
enum { VALUES = HIDDEN * (IN + 1) + HIDDEN + 1 };

static weft_optim *make_optim(weft_params *p, int i)
{
    switch (i) {
    case 0:
        return weft_sgd_create(p, NULL, &err);
    case 1:
        return weft_sgd_create(p, weft_sgd_params(.momentum = 0.9, .nesterov = true), &err);
    case 2:
        return weft_adagrad_create(
            p, weft_adagrad_params(.lr_decay = 0.1, .initial_accumulator_value = 0.1), &err);
    case 3:
        return weft_adadelta_create(p, NULL, &err);
    case 4:
        return weft_rmsprop_create(p, NULL, &err);
    case 5:
        return weft_rmsprop_create(p, weft_rmsprop_params(.momentum = 0.9, .centered = true), &err);
    case 6:
        return weft_adam_create(p, weft_adam_params(.lr = 0.1), &err);
    case 7:
        return weft_adam_create(p, weft_adam_params(.lr = 0.1, .amsgrad = true), &err);
    case 8:
        return weft_adamw_create(p, weft_adamw_params(.lr = 0.1), &err);
    default:
        return weft_sgd_create(p, weft_sgd_params(.momentum = 0.5, .dampening = 0.3), &err);
    }
}

static weft_schedule *make_schedule(weft_optim *o, int i)
{
    switch (i) {
    case 0:
        return weft_plateau_lr_create(o, weft_plateau_lr_params(.factor = 0.7, .patience = -1),
                                      &err);
    case 1:
        return weft_one_cycle_lr_create(o, weft_one_cycle_lr_params(.steps = 12, .max_lr = 0.1),
                                        &err);
    case 2:
        return weft_sequential_lr_create(
            weft_linear_lr_create(o, NULL, &err), 5,
            weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = 9), &err), &err);
    default:
        return NULL;
    }
}

static void make(struct training *t, int optim, int schedule, uint64_t seed)
{
    t->s = weft_scope_create(dev, weft_scope_params(.train = true, .seed = seed), &err);
    t->net = weft_params_create(dev, 3, &err);
    t->o = make_optim(t->net, optim);
    ck_assert(weft_optim_group(t->o, "*.bias", weft_optim_group_params(.lr_scale = 0.5), &err));
    t->schedule = make_schedule(t->o, schedule);
    ck_assert_msg(!err.status, "%s", err.text);
}

static void finish(struct training *t)
{
    weft_schedule_destroy(&t->schedule);
    weft_optim_destroy(&t->o);
    weft_params_destroy(&t->net);
    weft_scope_destroy(&t->s);
}

static weft_tensor *loss_of(const struct training *t, int at)
{
    weft_scope *s = t->s;
    float v[BATCH * IN];
    for (int i = 0; i < BATCH * IN; i++)
        v[i] = (float)((i * 7 + at * 13) % 31) / 16 - 1;
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, (const int64_t[]){BATCH, IN}, v);
    x = weft_tanh(s, weft_linear(s, t->net, "fc1", x, weft_linear_params(.out = HIDDEN)));
    x = weft_linear(s, t->net, "fc2", weft_dropout(s, x, 0.3), weft_linear_params(.out = 1));
    return weft_mean(s, weft_square(s, x), NULL);
}

static void step(const struct training *t, int at)
{
    weft_tensor *loss = loss_of(t, at);
    weft_backward(t->s, loss, t->net);
    weft_clip_grad_norm(t->s, t->net, 0.5, NULL);
    weft_optim_step(t->o, t->s);
    double v = weft_item(t->s, loss);
    ck_assert_msg(weft_scope_reset(t->s), "%s", weft_scope_error(t->s)->text);
    if (t->schedule && !weft_schedule_step(t->schedule, NULL))
        ck_assert(weft_schedule_step_metric(t->schedule, v, &err));
}

static struct weft_training_params all_of(const struct training *t, int64_t position)
{
    return (struct weft_training_params){.size = sizeof(struct weft_training_params),
                                         .params = t->net,
                                         .optim = t->o,
                                         .schedule = t->schedule,
                                         .scope = t->s,
                                         .position = position};
}

static void save(const struct training *t, int64_t position)
{
    struct weft_training_params p = all_of(t, position);
    ck_assert_msg(weft_training_save(path, &p, &err), "%s", err.text);
}

static int64_t load(const struct training *t)
{
    struct weft_training_params p = all_of(t, 0);
    int64_t position = -1;
    ck_assert_msg(weft_training_load(path, &p, &position, &err), "%s", err.text);
    return position;
}

static void values(const weft_params *p, float v[VALUES])
{
    static const char *const name[] = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"};
    static const size_t count[] = {HIDDEN * IN, HIDDEN, HIDDEN, 1};
    for (int i = 0; i < 4; v += count[i++])
        ck_assert_msg(weft_params_get(p, name[i], v, count[i] * sizeof *v, &err), "%s", err.text);
}

static void assert_same(const struct training *a, const struct training *b)
{
    float x[VALUES], y[VALUES];
    values(a->net, x);
    values(b->net, y);
    ck_assert_mem_eq(x, y, sizeof x);
    ck_assert(weft_optim_lr(a->o) == weft_optim_lr(b->o));
}

START_TEST(a_resumed_training_has_the_same_bits)
{
    struct training whole, part, rest;
    int schedule = _i % SCHEDULES, optim = _i / SCHEDULES;
    make(&whole, optim, schedule, 5);
    make(&part, optim, schedule, 5);
    make(&rest, optim, schedule, 99); // the file's seed counts
    for (int i = 0; i < 12; i++)
        step(&whole, i);
    for (int i = 0; i < 5; i++)
        step(&part, i);
    save(&part, 5);
    ck_assert_int_eq(load(&rest), 5);
    assert_same(&part, &rest);
    for (int i = 5; i < 12; i++)
        step(&rest, i);
    assert_same(&whole, &rest);
    finish(&whole);
    finish(&part);
    finish(&rest);
}
END_TEST

// Before the first step, and with a parameter that has made none.
START_TEST(a_training_of_no_steps)
{
    struct training whole, part, rest;
    make(&whole, 6, 0, 5);
    make(&part, 6, 0, 5);
    make(&rest, 6, 0, 5);
    for (int i = 0; i < 3; i++)
        step(&whole, i);
    loss_of(&part, 0);
    weft_scope_clear(part.s);
    save(&part, 0);
    load(&rest);
    rest.s->draws = 0; // of the loss that was not used
    for (int i = 0; i < 3; i++)
        step(&rest, i);
    assert_same(&whole, &rest);
    finish(&whole);
    finish(&part);
    finish(&rest);
}
END_TEST

START_TEST(gradients_that_wait_are_saved)
{
    struct training whole, rest;
    make(&whole, 1, 3, 5);
    make(&rest, 1, 3, 5);
    step(&whole, 0);
    step(&rest, 9);
    weft_backward(rest.s, loss_of(&rest, 8), rest.net); // is replaced
    ck_assert(weft_scope_reset(rest.s));
    weft_backward(whole.s, loss_of(&whole, 1), whole.net); // saving runs it
    save(&whole, 1);
    ck_assert(weft_scope_reset(whole.s));
    load(&rest);
    step(&whole, 2);
    step(&rest, 2);
    assert_same(&whole, &rest);
    save(&whole, 3);
    weft_backward(rest.s, loss_of(&rest, 8), rest.net);
    ck_assert(weft_scope_reset(rest.s));
    load(&rest); // clears it
    whole.s->draws = rest.s->draws;
    step(&whole, 4);
    step(&rest, 4);
    assert_same(&whole, &rest);
    finish(&whole);
    finish(&rest);
}
END_TEST

START_TEST(records_of_before_are_stale)
{
    struct training t;
    make(&t, 6, 3, 5);
    step(&t, 0);
    save(&t, 1);
    weft_backward(t.s, loss_of(&t, 1), t.net);
    weft_optim_step(t.o, t.s);
    load(&t);
    ck_assert(!weft_flush(t.s));
    ck_assert_int_eq(weft_scope_error(t.s)->status, WEFT_STALE);
    weft_scope_clear(t.s);
    step(&t, 1);
    finish(&t);
}
END_TEST

START_TEST(parameters_alone_can_be_loaded)
{
    struct training t;
    make(&t, 6, 2, 5);
    step(&t, 0);
    weft_backward(t.s, loss_of(&t, 1), t.net);
    struct weft_training_params p = all_of(&t, 7);
    const struct weft_file_text text[] = {{"classes", "cat dog"}, {"model", "\xc3\xa9"}};
    p.text = text;
    p.ntext = 2;
    ck_assert_msg(weft_training_save(path, &p, &err), "%s", err.text);
    weft_params *net = weft_params_create(dev, 1, &err);
    ck_assert_msg(weft_params_load(net, path, NULL, &err), "%s", err.text);
    ck_assert_int_eq(weft_params_count(net), 4);
    float a[VALUES], b[VALUES];
    values(t.net, a);
    values(net, b);
    ck_assert_mem_eq(a, b, sizeof a);
    weft_params_destroy(&net);
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_str_eq(weft_safetensors_metadata(f, "classes"), "cat dog");
    ck_assert_str_eq(weft_safetensors_metadata(f, "model"), "\xc3\xa9");
    ck_assert_str_eq(weft_safetensors_metadata_key(f, 2), "model");
    ck_assert_ptr_null(weft_safetensors_metadata_key(f, 3));
    ck_assert_ptr_null(weft_safetensors_metadata(f, "nonesuch"));
    ck_assert_ptr_nonnull(weft_safetensors_find(f, "optimizer.fc1.weight.exp_avg_sq"));
    ck_assert_ptr_nonnull(weft_safetensors_find(f, "gradient.fc2.bias"));
    weft_safetensors_close(&f);
    finish(&t);
}
END_TEST

// Loading fails with this, and what was there goes on as if nothing had been tried.
static void assert_refused(const char *from, int optim, int schedule, const char *part)
{
    struct training t, same;
    make(&t, optim, schedule, 5);
    make(&same, optim, schedule, 5);
    for (int i = 0; i < 2; i++) {
        step(&t, i);
        step(&same, i);
    }
    struct weft_training_params p = all_of(&t, 0);
    int64_t position = 77;
    ck_assert(!weft_training_load(from, &p, &position, &err));
    ck_assert_msg(strstr(err.text, part) && !strchr(err.text, '\n'), "\"%s\", want \"...%s\"",
                  err.text, part);
    err = (struct weft_error){0};
    ck_assert_int_eq(position, 77);
    step(&t, 2);
    step(&same, 2);
    assert_same(&t, &same);
    finish(&t);
    finish(&same);
}

START_TEST(files_of_other_trainings_are_refused)
{
    struct training t;
    make(&t, 6, 0, 5);
    step(&t, 0);
    save(&t, 1);
    assert_refused(path, 8, 0, "its optimizer is \"adam\"; \"adamw\" was wanted");
    assert_refused(path, 6, 1, "its schedule is \"plateau\"; \"one_cycle\" was wanted");
    assert_refused(path, 7, 0, "has no tensor \"optimizer.fc1.weight.max_exp_avg_sq\"");
    assert_refused(in_tempdir("nonesuch"), 6, 0, "nonesuch");
    ck_assert(weft_params_save(t.net, path, NULL, &err));
    assert_refused(path, 6, 0, "holds no training");
    // Of another model.
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_param(t.s, net, "fc1.weight", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 1,
               (const int64_t[]){4});
    ck_assert(weft_training_save(path, weft_training_params(.params = net), &err));
    struct weft_training_params p = {.size = sizeof p, .params = t.net};
    ck_assert(!weft_training_load(path, &p, NULL, &err));
    ck_assert_msg(strstr(err.text, "fc1.weight is [4]; [13,11] was wanted"), "%s", err.text);
    weft_params_destroy(&net);
    finish(&t);
}
END_TEST

// Copies the file with one change of each kind and loads that.
static void assert_edit_refused(const char *from, const char *to, const char *part)
{
    static char text[1 << 16];
    size_t n = get_file(path, text, sizeof text);
    ck_assert_uint_eq(strlen(from), strlen(to));
    char *at = NULL;
    for (size_t i = 0; i + strlen(from) <= n && !at; i++)
        at = memcmp(text + i, from, strlen(from)) ? NULL : text + i;
    ck_assert_msg(at, "%s", from);
    memcpy(at, to, strlen(to));
    const char *edited = in_tempdir("edited");
    put_file(edited, text, n);
    assert_refused(edited, 6, 0, part);
}

START_TEST(files_that_lie_are_refused)
{
    struct training t;
    make(&t, 6, 0, 5);
    step(&t, 0);
    weft_backward(t.s, loss_of(&t, 1), t.net);
    save(&t, 1);
    static char text[1 << 16];
    size_t n = get_file(path, text, sizeof text);
    for (int i = 1; i < 8; i++) {
        put_file(in_tempdir("short"), text, n * (size_t)i / 8);
        assert_refused(in_tempdir("short"), 6, 0, "short: ");
    }
    assert_edit_refused("\\\"version\\\":1", "\\\"version\\\":2", "version 2; 1 was wanted");
    assert_edit_refused("\\\"position\\\":1", "\\\"position\\\":x", "is no JSON");
    assert_edit_refused("\\\"lr\\\":0.", "\\\"lr\\\":-0", "is no JSON");
    assert_edit_refused("\\\"base_lr\\\"", "\\\"bare_lr\\\"", "has no step size");
    assert_edit_refused("\\\"draws\\\"", "\\\"drawn\\\"", "has no random state");
    assert_edit_refused("\\\"cooling\\\":0", "\\\"cooling\\\":x", "is no JSON");
    assert_edit_refused("\\\"cooling\\\"", "\\\"heating\\\"", "lacks a number");
    assert_edit_refused("optimizer.fc1.bias.step", "optimizer.fc1.bias.stop",
                        "has 12 tensors of an optimizer; 9 was wanted");
    assert_edit_refused("optimizer.fc1.bias.step", "optimizer.fc9.bias.step",
                        "\"optimizer.fc9.bias.step\" is of no parameter");
    assert_edit_refused("optimizer.fc1.bias.exp_avg\"", "optimizer.fc1.bias.exp_bvg\"",
                        "has no tensor \"optimizer.fc1.bias.exp_avg\"");
    assert_edit_refused("gradient.fc1.bias", "gradient.fc8.bias", "is of no parameter");
    assert_edit_refused("\"optimizer.fc1.bias.exp_avg\":{\"dtype\":\"F32\",\"shape\":[13]",
                        "\"optimizer.fc1.bias.exp_avg\":{\"dtype\":\"I32\",\"shape\":[13]",
                        "is [13] I32; [13] F32 was wanted");
    finish(&t);
}
END_TEST

// The file with a copy of tensor `name` as `copy` beside it.
static const char *with_copy(const char *name, const char *copy)
{
    enum { ROOM = 64 };
    struct weft_file_tensor all[ROOM];
    weft_safetensors *f = weft_safetensors_open(path, &err);
    int n = weft_safetensors_count(f);
    ck_assert(n > 0 && n < ROOM);
    for (int i = 0; i < n; i++)
        all[i] = *weft_safetensors_at(f, i);
    all[n] = *weft_safetensors_find(f, name);
    all[n].name = copy;
    const char *key = "weft.training", *more = in_tempdir("more");
    struct weft_file_text text = {key, weft_safetensors_metadata(f, key)};
    ck_assert(weft_safetensors_write(
        more, all, n + 1, weft_safetensors_params(.metadata = &text, .nmetadata = 1), &err));
    weft_safetensors_close(&f);
    return more;
}

// What belongs to a training may not belong to another such thing, nor twice to a parameter.
START_TEST(files_with_more_than_a_training_are_refused)
{
    struct training t;
    make(&t, 6, 0, 5);
    step(&t, 0);
    weft_backward(t.s, loss_of(&t, 1), t.net);
    save(&t, 1);
    assert_refused(with_copy("gradient.fc1.bias", "gradient.gradient.fc1.bias"), 6, 0,
                   "\"gradient.gradient.fc1.bias\" is of no parameter");
    assert_refused(with_copy("optimizer.fc1.bias.step", "optimizer.gradient.fc1.bias.step"), 6, 0,
                   "\"optimizer.gradient.fc1.bias.step\" is of no parameter");
    finish(&t);
}
END_TEST

START_TEST(tied_weights_have_one_state)
{
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    weft_optim *o = weft_adam_create(net, NULL, &err);
    struct weft_init one = {WEFT_INIT_CONSTANT, 1, 0};
    weft_param(s, net, "a", one, 1, (const int64_t[]){4});
    weft_param(s, net, "b", one, 1, (const int64_t[]){4});
    weft_tensor *y = weft_add(s, weft_param(s, net, "a", one, 1, (const int64_t[]){4}),
                              weft_param(s, net, "b", one, 1, (const int64_t[]){4}));
    weft_backward(s, weft_sum(s, y, NULL), net);
    ck_assert(weft_optim_step(o, s));
    ck_assert(weft_training_save(path, weft_training_params(.params = net, .optim = o, .scope = s),
                                 &err));
    weft_params *tied = weft_params_create(dev, 1, &err);
    weft_optim *other = weft_adam_create(tied, NULL, &err);
    ck_assert(weft_params_tie(tied, "b", "a", &err));
    ck_assert(!weft_training_load(path, weft_training_params(.params = tied, .optim = other), NULL,
                                  &err));
    ck_assert_msg(strstr(err.text, ".step\" is of a parameter that has one already"), "%s",
                  err.text);
    ck_assert_int_eq(weft_params_count(tied), 0);
    weft_optim_destroy(&other);
    weft_params_destroy(&tied);
    weft_optim_destroy(&o);
    weft_scope_destroy(&s);
    weft_params_destroy(&net);
}
END_TEST

// Whatever byte of the header is another: it loads or it says why not, in one line.
START_TEST(any_flipped_byte_is_survived)
{
    struct training t;
    make(&t, 6, 0, 5);
    step(&t, 0);
    save(&t, 1);
    static char text[1 << 16];
    size_t n = get_file(path, text, sizeof text);
    size_t header = 8 + (unsigned char)text[0] + 256u * (unsigned char)text[1];
    for (size_t i = (size_t)_i; i < header; i += 11) {
        struct training into;
        text[i] ^= (char)(1 << i % 7);
        put_file(path, text, n);
        text[i] ^= (char)(1 << i % 7);
        make(&into, 6, 0, 5);
        struct weft_training_params p = all_of(&into, 0);
        if (!weft_training_load(path, &p, NULL, &err)) {
            ck_assert(err.status && *err.text && !strchr(err.text, '\n'));
            ck_assert_int_eq(weft_params_count(into.net), 0);
        }
        err = (struct weft_error){0};
        finish(&into);
    }
    finish(&t);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    struct training t, other;
    make(&t, 6, 0, 5);
    make(&other, 6, 0, 5);
    step(&t, 0);
    struct weft_training_params p = all_of(&t, 1);
#define NOT_SAVED(part)                                    \
    ck_assert(!weft_training_save(path, &p, &err));        \
    ck_assert_msg(strstr(err.text, part), "%s", err.text); \
    err = (struct weft_error){0};                          \
    p = all_of(&t, 1)
    p.params = NULL;
    NOT_SAVED("training_save: the params are NULL");
    p.optim = other.o;
    NOT_SAVED("training_save: the optimizer is of other params");
    p.optim = NULL;
    NOT_SAVED("training_save: the schedule is of an optimizer, which is not given");
    p.position = -1;
    NOT_SAVED("training_save: the position is negative");
    p.ntext = 1;
    NOT_SAVED("training_save: the texts are missing");
    const struct weft_file_text bad[] = {{"weft.training", "{}"}, {"x", "\xff"}, {"y", NULL}};
    p.text = bad;
    p.ntext = 1;
    NOT_SAVED("\"weft.\" is weft's own");
    p.text = bad + 1;
    p.ntext = 1;
    NOT_SAVED("metadata 'x': the value is not UTF-8");
    p.text = bad + 2;
    p.ntext = 1;
    NOT_SAVED("metadata 'y': the value is NULL");
    t.net->torn = true;
    NOT_SAVED("not possible: an optimizer step failed half-way");
    t.net->torn = false;
    weft_neg(t.s, NULL);
    NOT_SAVED("not saved: neg: a tensor is NULL");
    weft_scope_clear(t.s);
    weft_optim_set_lr(t.o, INFINITY);
    NOT_SAVED("not saved: the optimizer's lr is inf");
    ck_assert(!weft_training_load(NULL, &p, NULL, &err));
    ck_assert_str_eq(err.text, "training_load: the path is NULL");
    ck_assert_int_eq(count_files(tempdir), 0);
    finish(&t);
    finish(&other);
}
END_TEST

// A parameter of such a name would be passed over when it is loaded.
START_TEST(names_of_a_training_are_no_parameters)
{
    struct training t;
    make(&t, 6, 0, 5);
    const struct weft_init one = {WEFT_INIT_CONSTANT, 1, 0};
    ck_assert(!weft_param(t.s, t.net, "optimizer.weight", one, 0, NULL));
    ck_assert(strstr(weft_scope_error(t.s)->text, "does not begin with optimizer. or gradient."));
    finish(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training");
    TCase *t = tcase_create("training");
    tcase_add_checked_fixture(t, setup_all, teardown_all);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_resumed_training_has_the_same_bits, 0, OPTIMS * SCHEDULES);
    tcase_add_test(t, a_training_of_no_steps);
    tcase_add_test(t, gradients_that_wait_are_saved);
    tcase_add_test(t, records_of_before_are_stale);
    tcase_add_test(t, parameters_alone_can_be_loaded);
    tcase_add_test(t, files_of_other_trainings_are_refused);
    tcase_add_test(t, files_that_lie_are_refused);
    tcase_add_test(t, files_with_more_than_a_training_are_refused);
    tcase_add_test(t, tied_weights_have_one_state);
    tcase_add_loop_test(t, any_flipped_byte_is_survived, 0, 4);
    tcase_add_test(t, wrong_calls_are_refused);
    tcase_add_test(t, names_of_a_training_are_no_parameters);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
