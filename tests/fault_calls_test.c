// Every OpenCL call, or every allocation of host memory, of what fault_test.c leaves out fails: dry
// runs, labels and checkpoints, kept tensors, the optimizers, schedules, loaders, eager scopes,
// profiles, buffers of the host program's. After each the same works as without it.
#include "fault_fixture.h"
#include "nn/params.h"
#include <weft/opencl.h>

// A piece of work that tells what came of it in `got`; false with an error, in the scope or in
// file_error.
typedef bool piece(const struct model *m);
static piece *running;
static double got[8], wanted[8];
static bool known;

static bool run_piece(const struct model *m)
{
    file_error = (struct weft_error){0};
    memset(got, 0, sizeof got);
    bool ok = running(m);
    m->s->eager = false;
    return ok;
}

static void check_piece(const struct model *m, bool done)
{
    if (!done) {
        const struct weft_error *e = weft_scope_error(m->s);
        assert_names_it(e->status ? e : &file_error);
    }
    weft_scope_clear(m->s);
    if (!done)
        ck_assert_msg(run_piece(m), "%s%s", weft_scope_error(m->s)->text, file_error.text);
    if (!known)
        memcpy(wanted, got, sizeof got);
    known = true;
    ck_assert_mem_eq(got, wanted, sizeof got);
}

static weft_tensor *loss_of(const struct model *m)
{
    return weft_sum(m->s, weft_square(m->s, model_logits(m)), NULL);
}

static void take_line(void *priv, const char *text)
{
    *(double *)priv += (double)strlen(text);
}

static bool dry_run(const struct model *m)
{
    struct weft_plan_info info = {.size = sizeof info};
    weft_tensor *loss = loss_of(m);
    bool ok = weft_backward(m->s, loss, m->net) && weft_optim_step(m->adam, m->s) &&
              weft_plan(m->s, loss, &info) &&
              weft_scope_dump(m->s, WEFT_DUMP_TEXT, take_line, &got[0]) &&
              weft_scope_dump(m->s, WEFT_DUMP_DOT, take_line, &got[1]);
    // What is in use already depends on what ran before.
    got[2] = info.records;
    got[3] = info.launches;
    return ok;
}

static weft_tensor *hidden(weft_scope *s, void *priv, const weft_tensor *x)
{
    (void)priv;
    return weft_tanh(s, weft_add(s, weft_exp(s, x), weft_sigmoid(s, x)));
}

static bool checkpointed(const struct model *m)
{
    float grad[MODEL_CLASSES] = {0};
    weft_zero_grad(m->s, m->net); // a pass that failed may have left some
    weft_label_push(m->s, "encoder");
    weft_label_push(m->s, "first");
    weft_tensor *y = weft_checkpoint(m->s, hidden, NULL, model_logits(m));
    weft_label_pop(m->s);
    weft_label_pop(m->s);
    bool ok = weft_backward(m->s, weft_sum(m->s, y, NULL), m->net) && weft_flush(m->s) &&
              weft_params_get_grad(m->net, "fc2.bias", grad, sizeof grad, &file_error);
    for (int i = 0; i < MODEL_CLASSES; i++)
        got[i] = (double)grad[i];
    return ok;
}

static bool kept(const struct model *m)
{
    float v[MODEL_BATCH * MODEL_CLASSES];
    weft_tensor *turned = weft_transpose(m->s, model_logits(m), 0, 1);
    weft_tensor *own = weft_keep(m->s, turned);
    weft_tensor *sum = weft_sum(m->s, own, NULL);
    bool ok = weft_read(m->s, turned, v, sizeof v);
    got[0] = weft_item(m->s, sum);
    got[1] = ok ? (double)v[1] : 0;
    weft_tensor_destroy(&own);
    return weft_scope_error(m->s)->status == WEFT_OK;
}

static bool eager(const struct model *m)
{
    m->s->eager = true;
    weft_tensor *loss = loss_of(m);
    bool ok = weft_backward(m->s, loss, m->net) && weft_zero_grad(m->s, m->net);
    got[0] = weft_item(m->s, loss);
    return ok && weft_scope_error(m->s)->status == WEFT_OK;
}

static weft_optim *optimizer(const struct model *m, int rule)
{
    struct weft_error *e = &file_error;
    return rule == 0   ? weft_sgd_create(m->net, weft_sgd_params(.momentum = 0.5), e)
           : rule == 1 ? weft_adagrad_create(m->net, NULL, e)
           : rule == 2 ? weft_adadelta_create(m->net, NULL, e)
           : rule == 3 ? weft_rmsprop_create(m->net, weft_rmsprop_params(.centered = true), e)
           : rule == 4 ? weft_adam_create(m->net, weft_adam_params(.amsgrad = true), e)
                       : weft_adamw_create(m->net, NULL, e);
}

// Its step changes nothing: the size of it is 0.
static bool step_with(const struct model *m, int rule)
{
    weft_optim *o = optimizer(m, rule);
    bool ok = o && weft_optim_group(o, "*.bias", weft_optim_group_params(.no_weight_decay = true),
                                    &file_error);
    weft_optim_set_lr(o, 0);
    ok = ok && weft_backward(m->s, loss_of(m), m->net) && weft_optim_step(o, m->s) &&
         weft_scope_reset(m->s);
    weft_optim_destroy(&o);
    return ok;
}

static bool optimizers(const struct model *m)
{
    for (int rule = 0; rule < 6; rule++) {
        if (!step_with(m, rule))
            return false;
        got[rule] = 1;
    }
    return true;
}

static bool schedules(const struct model *m)
{
    static const int64_t milestones[] = {1, 2};
    struct weft_error *e = &file_error;
    weft_optim *o = weft_sgd_create(m->net, weft_sgd_params(.lr = 1), e);
    weft_schedule *a = weft_multi_step_lr_create(
        o, weft_multi_step_lr_params(.milestones = milestones, .count = 2), e);
    weft_schedule *b = a ? weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = 4), e) : NULL;
    weft_schedule *both = b ? weft_sequential_lr_create(a, 3, b, e) : NULL;
    for (int i = 0; both && i < 5; i++) {
        if (weft_schedule_step(both, e))
            got[i] = weft_optim_lr(o);
    }
    bool ok = both && !e->status;
    if (!both) { // the sequence takes both, also where it cannot be made
        if (!b)
            weft_schedule_destroy(&a);
    }
    weft_schedule_destroy(&both);
    weft_optim_destroy(&o);
    return ok;
}

// A batch that could not be taken comes again.
static bool batches(const struct model *m)
{
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const struct weft_file_tensor xt = {
        .name = "x", .dtype = WEFT_F32, .ndim = 2, .shape = {5, 2}, .data = x};
    weft_loader *l = weft_loader_create(
        weft_data_memory(&xt, NULL, weft_data_memory_params(.copy = true), &file_error),
        weft_loader_params(.batch = 2, .shuffle = true, .seed = 4, .threads = 2), &file_error);
    weft_tensor *batch;
    bool ok = l != NULL;
    for (int i = 0; ok && weft_loader_next(l, m->s, &batch, NULL); i++)
        got[i] = weft_item(m->s, weft_sum(m->s, batch, NULL));
    ok = ok && weft_scope_error(m->s)->status == WEFT_OK;
    got[7] = (double)(l ? weft_loader_position(l) - weft_loader_batches(l) : 0);
    weft_loader_destroy(&l);
    return ok;
}

static bool stores(const struct model *m)
{
    const float row[2] = {3, 4};
    float back[2] = {0};
    weft_params *p = weft_params_create(weft_scope_device(m->s), 2, &file_error);
    bool ok = p && weft_params_tie(p, "a", "b", &file_error);
    if (!ok) {
        weft_params_destroy(&p);
        return false;
    }
    weft_tensor *w = weft_param(m->s, p, "b", (struct weft_init){WEFT_INIT_ORTHOGONAL, 0, 0}, 2,
                                (int64_t[]){2, 2});
    weft_tensor *v =
        weft_param(m->s, p, "v", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 1, (int64_t[]){2});
    got[0] = weft_item(m->s, weft_sum(m->s, weft_abs(m->s, w), NULL));
    got[1] = weft_item(m->s, weft_sum(m->s, v, NULL));
    ok = weft_scope_error(m->s)->status == WEFT_OK &&
         weft_params_set(p, "v", row, sizeof row, &file_error) &&
         weft_params_get(p, "v", back, sizeof back, &file_error);
    got[2] = (double)back[1];
    weft_params_destroy(&p);
    return ok;
}

static bool handed_over(const struct model *m)
{
    struct weft_opencl_view view;
    weft_tensor *x = model_logits(m);
    if (!weft_opencl_export(m->s, x, &view))
        return false;
    weft_scope_device(m->s)->cl.clReleaseEvent(view.event);
    weft_tensor *again = weft_opencl_import(
        m->s, view.mem,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){MODEL_CLASSES},
                                  .offset = view.offset));
    got[0] = weft_item(m->s, weft_sum(m->s, again, NULL));
    return weft_scope_error(m->s)->status == WEFT_OK;
}

static bool profiled(const struct model *m)
{
    struct weft_profile_row row[4];
    weft_device *dev = weft_scope_device(m->s);
    dev->profile.traced = 0; // else each trace is longer than the one before
    got[0] = weft_item(m->s, loss_of(m));
    set_writes(true);
    bool ok = weft_scope_error(m->s)->status == WEFT_OK &&
              weft_device_profile(dev, row, COUNT(row), &file_error) >= 0 &&
              weft_device_trace(dev, in_tempdir("trace.json"), &file_error);
    set_writes(false);
    return ok;
}

static const struct {
    const char *name;
    piece *run;
    bool profile;
} pieces[] = {{"dry_run", dry_run, false},
              {"checkpointed", checkpointed, false},
              {"kept", kept, false},
              {"eager", eager, false},
              {"optimizers", optimizers, false},
              {"batches", batches, false},
              {"stores", stores, false},
              {"handed_over", handed_over, false},
              {"profiled", profiled, true},
              {"schedules", schedules, false}}; // the last: it makes no OpenCL call

START_TEST(every_call_of_a_piece_of_work)
{
    running = pieces[_i / MODES].run;
    with_profile = pieces[_i / MODES].profile;
    known = false;
    each_fault(_i % MODES, run_piece, check_piece);
    with_profile = false;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault_calls");
    TCase *t = tcase_create("calls");
    tcase_add_unchecked_fixture(t, setup_want, tempdir_remove);
    tcase_set_timeout(t, 300);
    suite_add_tcase(suite, t);
    int n = was_host_memory() ? COUNT(pieces) : COUNT(pieces) - 1;
    tcase_add_loop_test(t, every_call_of_a_piece_of_work, 0, n * MODES);
    return run_suite(suite);
}
