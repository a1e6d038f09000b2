// Params to and from files: strict, in part, renamed, converted; files of other models, full disks.
#include "run.h"
#include "scope_fixture.h"
#include "tempdir.h"
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static const struct weft_init zero = {WEFT_INIT_CONSTANT, 0, 0};
static const struct weft_init spread = {WEFT_INIT_UNIFORM, -1, 1};
static struct weft_error err;
static weft_params *other;
static char told[400]; // what a load reported

static void setup_files(void)
{
    setup();
    tempdir_make();
    err = (struct weft_error){0};
    other = weft_params_create(dev, 99, NULL);
    told[0] = 0;
}

static void teardown_files(void)
{
    weft_params_destroy(&other);
    tempdir_remove();
    teardown();
}

static void assert_err(enum weft_status status, const char *part)
{
    ck_assert_msg(err.status == status && strstr(err.text, part), "got %d \"%s\", want \"%s\"",
                  err.status, err.text, part);
    err = (struct weft_error){0};
}

static void make(weft_params *p, const char *name, int64_t n)
{
    ck_assert_ptr_nonnull(weft_param(s, p, name, spread, 1, &n));
}

static float first(const weft_params *p, const char *name)
{
    float v[64];
    int i = weft_params_index(p, name);
    struct weft_param_info info = {.size = sizeof info};
    ck_assert_msg(weft_params_info(p, i, &info), "%s", name);
    ck_assert(weft_params_get(p, name, v, (size_t)info.shape[0] * sizeof *v, NULL));
    return v[0];
}

static void report(void *priv, enum weft_load_problem problem, const char *name)
{
    static const char *const kind[] = {"?", "missing", "unexpected", "shape", "dtype"};
    ck_assert(priv == told);
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s %s, ", kind[problem], name);
}

// Saves net's encoder and decoder.
static const char *two_parts(void)
{
    const char *path = in_tempdir("net.safetensors");
    make(net, "encoder.a", 2), make(net, "encoder.b", 3), make(net, "decoder.a", 4);
    ck_assert_msg(weft_params_save(net, path, NULL, &err), "%s", err.text);
    return path;
}

START_TEST(empty_params_take_the_whole_file)
{
    const char *path = two_parts();
    ck_assert_msg(weft_params_load(other, path, NULL, &err), "%s", err.text);
    ck_assert_int_eq(weft_params_count(other), 3);
    ck_assert_float_eq(first(other, "decoder.a"), first(net, "decoder.a"));
    ck_assert_float_eq(first(other, "encoder.b"), first(net, "encoder.b"));
}
END_TEST

START_TEST(an_open_file_in_memory_is_loaded)
{
    static char bytes[4096];
    size_t n = get_file(two_parts(), bytes, sizeof bytes);
    weft_safetensors *f = weft_safetensors_open_memory(bytes, n, &err);
    ck_assert_msg(weft_params_load_from(other, f, NULL, &err), "%s", err.text);
    ck_assert_float_eq(first(other, "decoder.a"), first(net, "decoder.a"));
    make(other, "more", 1);
    ck_assert(!weft_params_load_from(other, f, NULL, &err));
    ck_assert_str_eq(err.text, "safetensors in memory: has no tensor \"more\"");
    weft_safetensors_close(&f);
    ck_assert(!weft_params_load_from(other, NULL, NULL, NULL));
}
END_TEST

START_TEST(another_model_is_refused_by_name)
{
    const char *path = two_parts();
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "layer%d", i);
        make(other, name, 2);
    }
    make(other, "encoder.a", 2);
    float before = first(other, "encoder.a");
    ck_assert(!weft_params_load(other, path,
                                weft_params_load_params(.report = report, .priv = told), &err));
    assert_err(WEFT_FORMAT, "has no tensor \"layer0\", \"layer1\", \"layer2\" and 3 more; the "
                            "params have no \"encoder.b\", \"decoder.a\"");
    ck_assert_str_eq(told, "unexpected encoder.b, unexpected decoder.a, missing layer0, missing "
                           "layer1, missing layer2, missing layer3, missing layer4, missing "
                           "layer5, ");
    ck_assert_float_eq(first(other, "encoder.a"), before);
    ck_assert_int_eq(weft_params_count(other), 7);
    weft_params_destroy(&other);
    other = weft_params_create(dev, 1, NULL);
    make(other, "encoder.a", 2), make(other, "encoder.b", 7), make(other, "decoder.a", 4);
    ck_assert(!weft_params_load(other, path, NULL, &err));
    assert_err(WEFT_SHAPE, "net.safetensors: encoder.b is [3]; [7] was wanted");
}
END_TEST

START_TEST(what_fits_is_loaded_in_part)
{
    const char *path = two_parts();
    make(other, "encoder.a", 2), make(other, "encoder.b", 7), make(other, "head", 1);
    float b = first(other, "encoder.b");
    ck_assert_msg(
        weft_params_load(other, path,
                         weft_params_load_params(.partial = true, .report = report, .priv = told),
                         &err),
        "%s", err.text);
    ck_assert_str_eq(told, "shape encoder.b, unexpected decoder.a, missing head, ");
    ck_assert_float_eq(first(other, "encoder.a"), first(net, "encoder.a"));
    ck_assert_float_eq(first(other, "encoder.b"), b);
    ck_assert_int_eq(weft_params_count(other), 3);
    // Nothing at all is an error.
    weft_params_destroy(&other);
    other = weft_params_create(dev, 1, NULL);
    make(other, "x", 2);
    ck_assert(!weft_params_load(other, path, weft_params_load_params(.partial = true), &err));
    assert_err(WEFT_FORMAT, "none of its 3 tensors fits a parameter");
}
END_TEST

START_TEST(a_prefix_chooses_tensors)
{
    const char *path = two_parts(), *part = in_tempdir("part.safetensors");
    make(other, "encoder.a", 2), make(other, "encoder.b", 3), make(other, "head", 5);
    ck_assert_msg(
        weft_params_load(other, path, weft_params_load_params(.prefix = "encoder."), &err), "%s",
        err.text);
    ck_assert_float_eq(first(other, "encoder.b"), first(net, "encoder.b"));
    ck_assert_int_eq(weft_params_count(other), 3);
    ck_assert(weft_params_load(other, path, weft_params_load_params(.prefix = "decoder."), &err));
    ck_assert_int_eq(weft_params_count(other), 4); // there was none, so it was made
    ck_assert(!weft_params_load(other, path, weft_params_load_params(.prefix = "codec"), &err));
    assert_err(WEFT_FORMAT, "none of its 3 tensors fits a parameter that begins with codec");
    ck_assert(weft_params_save(net, part, weft_params_save_params(.prefix = "decoder."), &err));
    weft_safetensors *f = weft_safetensors_open(part, &err);
    ck_assert_int_eq(weft_safetensors_count(f), 1);
    ck_assert_str_eq(weft_safetensors_at(f, 0)->name, "decoder.a");
    weft_safetensors_close(&f);
    ck_assert(!weft_params_save(net, part, weft_params_save_params(.prefix = "head"), &err));
    assert_err(WEFT_PARAM, "save: no parameter's name begins with \"head\"");
}
END_TEST

// PyTorch's names without "module.", and without the count that weft does not keep.
static const char *rename_torch(void *priv, const char *name)
{
    ck_assert(priv == told);
    return strstr(name, "num_batches") ? NULL : name + strlen("module.");
}

START_TEST(other_names_and_dtypes_are_converted)
{
    char path[512];
    snprintf(path, sizeof path, "%s/torch_like.safetensors", TESTS_DATA);
    ck_assert_msg(weft_params_load(net, path,
                                   weft_params_load_params(.rename = rename_torch, .priv = told),
                                   &err),
                  "%s", err.text);
    float w[6], b[2], m[2];
    ck_assert(weft_params_get(net, "fc.weight", w, sizeof w, &err));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(w[i], (float)(i + 1));
    ck_assert(weft_params_get(net, "fc.bias", b, sizeof b, &err));
    ck_assert(b[0] == 0.5f && b[1] == -0.25f);
    ck_assert(weft_params_get(net, "bn.running_mean", m, sizeof m, &err));
    ck_assert(m[0] == 0.1f && isinf(m[1]));
    // The first use says that it is a buffer.
    ck_assert_ptr_nonnull(weft_buffer(s, net, "bn.running_mean", zero, 1, (int64_t[]){2}));
    struct weft_param_info i = {.size = sizeof i};
    ck_assert(weft_params_info(net, weft_params_index(net, "bn.running_mean"), &i) && i.buffer);
    ck_assert_ptr_null(weft_param(s, net, "bn.running_mean", zero, 1, (int64_t[]){2}));
    assert_error(WEFT_PARAM, "is a buffer");
    ck_assert_ptr_nonnull(weft_param(s, net, "fc.bias", zero, 1, (int64_t[]){2}));
    ck_assert_ptr_null(weft_buffer(s, net, "fc.bias", zero, 1, (int64_t[]){2}));
    assert_error(WEFT_PARAM, "is a parameter");
    ck_assert(weft_params_load(other, path, NULL, &err)); // 12345 is an F32 too
    ck_assert(weft_params_get(other, "module.bn.num_batches_tracked", m, 4, &err));
    ck_assert_float_eq(m[0], 12345);
}
END_TEST

START_TEST(every_dtype_is_converted_or_refused)
{
    char path[512];
    snprintf(path, sizeof path, "%s/all.safetensors", TESTS_DATA);
    ck_assert(!weft_params_load(net, path, NULL, &err));
    assert_err(WEFT_DTYPE, "i64 is I64 with numbers that no F32 equals");
    ck_assert_int_eq(weft_params_count(net), 0);
    ck_assert_msg(weft_params_load(net, path,
                                   weft_params_load_params(.partial = true, .report = report,
                                                           .priv = told, .prefix = ""),
                                   &err),
                  "%s", err.text);
    ck_assert_str_eq(told, "dtype i64, dtype i32, ");
    float v[7];
    ck_assert(weft_params_get(net, "f16", v, sizeof v, &err));
    const float f16[] = {0, 0x1p-24f, 1.5f, -2, 65504, INFINITY, NAN};
    ck_assert(!memcmp(v, f16, 6 * sizeof *v) && isnan(v[6]));
    ck_assert(weft_params_get(net, "bf16", v, sizeof v, &err));
    ck_assert(v[1] == 0x1p-133f && v[2] == 1.5f && v[4] == 0x1.fep127f && isinf(v[5]) &&
              isnan(v[6]));
    ck_assert(weft_params_get(net, "i8", v, 12, &err) && v[0] == -128 && v[2] == 127);
    ck_assert(weft_params_get(net, "u8", v, 12, &err) && v[2] == 255);
    ck_assert(weft_params_get(net, "bool", v, 8, &err) && v[0] == 0 && v[1] == 1);
    ck_assert(weft_params_get(net, "f64", v, 24, &err) && signbit(v[1]) && isnan(v[5]));
    ck_assert(weft_params_get(net, "scalar", v, 4, &err) && v[0] == 0.1f);
    ck_assert(weft_params_get(net, "empty", NULL, 0, &err));
}
END_TEST

START_TEST(tied_weights_are_saved_once_and_load_from_either_name)
{
    const char *path = in_tempdir("tied.safetensors");
    weft_params_tie(net, "out.w", "in.w", NULL);
    make(net, "out.w", 3);
    ck_assert(weft_params_save(net, path, NULL, &err));
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_int_eq(weft_safetensors_count(f), 1);
    ck_assert_str_eq(weft_safetensors_at(f, 0)->name, "in.w");
    weft_safetensors_close(&f);
    ck_assert(weft_params_save(net, path, weft_params_save_params(.prefix = "out."), &err));
    float v[3] = {1, 2, 3}, w[3] = {4, 5, 6};
    weft_params_tie(other, "out.w", "in.w", NULL);
    ck_assert_msg(weft_params_load(other, path, NULL, &err), "%s", err.text); // as out.w
    ck_assert_str_eq(weft_params_name(other, 0), "in.w");
    ck_assert_float_eq(first(other, "in.w"), first(net, "in.w"));
    struct weft_file_tensor t[] = {{"in.w", WEFT_F32, 1, {3}, v}, {"out.w", WEFT_F32, 1, {3}, v}};
    ck_assert(weft_safetensors_write(path, t, 2, NULL, &err));
    ck_assert_msg(weft_params_load(net, path, NULL, &err), "%s", err.text);
    ck_assert_float_eq(first(net, "out.w"), 1);
    t[1].data = w;
    ck_assert(weft_safetensors_write(path, t, 2, NULL, &err));
    ck_assert(!weft_params_load(net, path, NULL, &err));
    assert_err(WEFT_FORMAT, "in.w and out.w are one parameter here and differ");
    ck_assert_float_eq(first(net, "out.w"), 1);
}
END_TEST

START_TEST(nan_and_buffers_survive)
{
    const char *path = in_tempdir("nan.safetensors");
    float v[2] = {NAN, -INFINITY}, w[2];
    weft_buffer(s, net, "m", zero, 1, (int64_t[]){2});
    ck_assert(weft_params_set(net, "m", v, sizeof v, &err));
    ck_assert(weft_params_save(net, path, NULL, &err));
    ck_assert(weft_params_load(other, path, NULL, &err));
    ck_assert(weft_params_get(other, "m", w, sizeof w, &err));
    ck_assert_mem_eq(v, w, sizeof v);
}
END_TEST

static const char *rename_all(void *priv, const char *name)
{
    (void)name;
    return priv;
}

START_TEST(bad_calls_are_named)
{
    const char *path = two_parts();
    ck_assert(!weft_params_load(NULL, path, NULL, &err));
    assert_err(WEFT_PARAM, "load: the params are NULL");
    ck_assert(!weft_params_save(net, NULL, NULL, &err));
    assert_err(WEFT_PARAM, "save: the path is NULL");
    ck_assert(!weft_params_save(net, "/dev/full", NULL, &err));
    assert_err(WEFT_IO, "/dev/full: is not a file");
    ck_assert(!weft_params_save(net, tempdir, NULL, &err));
    assert_err(WEFT_IO, "is not a file");
    static const char *const names[][2] = {{"", "the name is empty"},
                                           {"\xff", "not UTF-8"},
                                           {"same", "are one parameter here and differ"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct weft_params_load_params o = {
            .size = sizeof o, .rename = rename_all, .priv = (void *)names[i][0]};
        ck_assert(!weft_params_load(other, path, &o, &err));
        ck_assert_msg(strstr(err.text, names[i][1]), "%s", err.text);
        err = (struct weft_error){0};
    }
    put_file(in_tempdir("text"), "hello, world", 12);
    ck_assert(!weft_params_load(other, in_tempdir("text"), NULL, &err));
    assert_err(WEFT_FORMAT, "text");
    ck_assert_int_eq(weft_params_count(other), 0);
}
END_TEST

// No file may grow beyond 64 bytes, as on a disk that is full from there on.
START_TEST(a_full_disk_leaves_the_old_file)
{
    char before[4096], after[4096];
    const char *path = two_parts();
    size_t n = get_file(path, before, sizeof before);
    ck_assert(weft_params_set(net, "decoder.a", (float[]){1, 2, 3, 4}, 16, &err));
    struct rlimit old;
    ck_assert(!getrlimit(RLIMIT_FSIZE, &old));
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){64, old.rlim_max});
    bool saved = weft_params_save(net, path, NULL, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    ck_assert(!saved);
    assert_err(WEFT_IO, "net.safetensors: cannot be written");
    ck_assert_uint_eq(get_file(path, after, sizeof after), n);
    ck_assert_mem_eq(before, after, n);
    ck_assert_int_eq(count_files(tempdir), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("load");
    TCase *t = tcase_create("load");
    tcase_add_checked_fixture(t, setup_files, teardown_files);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, empty_params_take_the_whole_file);
    tcase_add_test(t, an_open_file_in_memory_is_loaded);
    tcase_add_test(t, another_model_is_refused_by_name);
    tcase_add_test(t, what_fits_is_loaded_in_part);
    tcase_add_test(t, a_prefix_chooses_tensors);
    tcase_add_test(t, other_names_and_dtypes_are_converted);
    tcase_add_test(t, every_dtype_is_converted_or_refused);
    tcase_add_test(t, tied_weights_are_saved_once_and_load_from_either_name);
    tcase_add_test(t, nan_and_buffers_survive);
    tcase_add_test(t, bad_calls_are_named);
    tcase_add_test(t, a_full_disk_leaves_the_old_file);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
