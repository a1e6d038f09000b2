// Every OpenCL call of saving and loading a training, and of clipping, fails: as fault_test.c.
#include "core/scope.h"
#include "fault_fixture.h"

// The whole training of a model, in a file.
static struct weft_training_params training_of(const struct model *m)
{
    return (struct weft_training_params){.size = sizeof(struct weft_training_params),
                                         .params = m->net,
                                         .optim = m->adam,
                                         .scope = m->s};
}

static bool save_training(const struct model *m)
{
    struct weft_training_params t = training_of(m);
    file_error = (struct weft_error){0};
    set_writes(true);
    bool ok = weft_training_save(in_tempdir("m.safetensors"), &t, &file_error);
    set_writes(false);
    return ok;
}

static void check_training(const struct model *m, bool done)
{
    struct weft_training_params t = training_of(m);
    struct weft_error err = {0};
    char now[sizeof old_file];
    size_t bytes = get_file(in_tempdir("m.safetensors"), now, sizeof now);
    if (done)
        ck_assert_msg(weft_training_load(in_tempdir("m.safetensors"), &t, NULL, &err), "%s",
                      err.text);
    else
        ck_assert(bytes == old_bytes && !memcmp(now, old_file, bytes));
    if (!done)
        assert_names_it(&file_error);
    ck_assert(has_values(m, 3));
    setup_file(); // again, where it was replaced
}

START_TEST(every_call_of_saving_a_training)
{
    setup_file();
    each_fault(_i, save_training, check_training);
    ck_assert_int_eq(count_files(tempdir), 2);
    remove(in_tempdir("m.safetensors"));
}
END_TEST

static bool load_training(const struct model *m)
{
    struct weft_training_params t = training_of(m);
    file_error = (struct weft_error){0};
    return weft_training_load(in_tempdir("first.safetensors"), &t, NULL, &file_error);
}

// What the objects hold is that of one file or of the other, to the byte.
static void check_loaded_training(const struct model *m, bool done)
{
    struct weft_training_params t = training_of(m);
    char now[sizeof old_file], want_now[sizeof old_file];
    if (!done)
        assert_names_it(&file_error);
    ck_assert(weft_training_save(in_tempdir("m.safetensors"), &t, NULL));
    size_t bytes = get_file(in_tempdir("m.safetensors"), now, sizeof now);
    ck_assert_uint_eq(bytes, get_file(in_tempdir(done ? "first.safetensors" : "third.safetensors"),
                                      want_now, sizeof want_now));
    ck_assert_mem_eq(now, want_now, bytes);
    if (done)
        ck_assert(weft_training_load(in_tempdir("third.safetensors"), &t, NULL, NULL));
}

START_TEST(every_call_of_loading_a_training)
{
    weft_device *dev = open_whole();
    struct model m;
    model_make(&m, dev);
    for (int i = 1; i <= 3; i++) {
        struct weft_training_params t = training_of(&m);
        model_step(&m);
        ck_assert(weft_training_save(in_tempdir(i == 1 ? "first.safetensors" : "third.safetensors"),
                                     &t, NULL));
    }
    model_free(&m);
    close_device(&dev);
    each_fault(_i, load_training, check_loaded_training);
    remove(in_tempdir("m.safetensors"));
    remove(in_tempdir("first.safetensors"));
    remove(in_tempdir("third.safetensors"));
}
END_TEST

static float clipped[MODEL_CLASSES];

static bool clip(const struct model *m)
{
    weft_tensor *loss = weft_sum(m->s, weft_square(m->s, model_logits(m)), NULL);
    return weft_zero_grad(m->s, m->net) && weft_backward(m->s, loss, m->net) &&
           weft_clip_grad_norm(m->s, m->net, 0.25, NULL) && weft_flush(m->s) &&
           weft_params_get_grad(m->net, "fc2.bias", clipped, sizeof clipped, &m->s->err);
}

static void check_clipped(const struct model *m, bool done)
{
    static float wanted[MODEL_CLASSES];
    if (!done) {
        assert_names_it(weft_scope_error(m->s));
        weft_scope_clear(m->s);
        ck_assert_msg(clip(m), "%s", weft_scope_error(m->s)->text);
    }
    if (!wanted[0])
        memcpy(wanted, clipped, sizeof wanted);
    ck_assert_mem_eq(clipped, wanted, sizeof wanted);
}

START_TEST(every_call_of_clipping)
{
    each_fault(_i, clip, check_clipped);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training_fault");
    TCase *t = tcase_create("calls");
    tcase_add_unchecked_fixture(t, setup_want, tempdir_remove);
    tcase_set_timeout(t, 300);
    suite_add_tcase(suite, t);
    tcase_add_loop_test(t, every_call_of_saving_a_training, 0, MODES);
    tcase_add_loop_test(t, every_call_of_loading_a_training, 0, MODES);
    tcase_add_loop_test(t, every_call_of_clipping, 0, MODES);
    return run_suite(suite);
}
