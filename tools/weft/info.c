// weft info: what is in a file. Its first bytes say of which kind it is.
#include "checkpoint.h"
#include "console.h"
#include "failure.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <weft/npz.h>

struct info_args {
    bool json;
};

static const struct option_row rows[] = {
    {"json", NULL, "the result as JSON", OPTION_FLAG, offsetof(struct info_args, json)},
};

static const struct usage usage = {
    .verb = "info",
    .operands = "FILE",
    .any_operand = true,
    .need_operand = true,
    .about =
        "Says what is in a file: its tensors with dtype, shape and size, and of a checkpoint\n"
        "the model and where training has come to. Reads safetensors, npy, npz, and IDX, plain\n"
        "or compressed (.gz).",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

// An open file: its tensors, in whichever way its kind has them.
struct content {
    const char *path, *format;
    uint64_t bytes;
    int count;
    weft_safetensors *safetensors;
    weft_npy *npy;
    weft_npz *npz;
    weft_data *idx;
    struct weft_file_tensor idx_tensor;
};

static bool open_safetensors(struct content *c, struct weft_error *err)
{
    c->safetensors = weft_safetensors_open(c->path, err);
    c->count = weft_safetensors_count(c->safetensors);
    return c->safetensors;
}

static bool open_npy(struct content *c, struct weft_error *err)
{
    c->npy = weft_npy_open(c->path, err);
    c->count = 1;
    return c->npy;
}

static bool open_npz(struct content *c, struct weft_error *err)
{
    c->npz = weft_npz_open(c->path, err);
    c->count = weft_npz_count(c->npz);
    return c->npz;
}

// The first dimension is the rows, which a data set does not have in the shape of one.
static bool open_idx(struct content *c, struct weft_error *err)
{
    c->idx = weft_data_idx_file(c->path, err);
    if (!c->idx)
        return false;
    const struct weft_row *x = weft_data_x(c->idx);
    struct weft_file_tensor *t = &c->idx_tensor;
    *t = (struct weft_file_tensor){.name = "", .dtype = x->dtype, .ndim = x->ndim + 1};
    t->shape[0] = weft_data_count(c->idx);
    memcpy(t->shape + 1, x->shape, (size_t)x->ndim * sizeof *x->shape);
    if (x->ndim == 3) { // images have a channel, which the file has not
        t->ndim = 3;
        memcpy(t->shape + 1, x->shape + 1, 2 * sizeof *x->shape);
    }
    c->count = 1;
    return true;
}

static const struct kind {
    const char *name, *magic;
    int length; // of the magic
    bool (*open)(struct content *c, struct weft_error *err);
} kinds[] = {
    {"npy", "\x93NUMPY", 6, open_npy},
    {"npz", "PK", 2, open_npz},
    {"IDX", "\0\0", 2, open_idx}, // no header of safetensors has 0 or 2^16 n bytes, but see below
    {"IDX, compressed", "\x1f\x8b", 2, open_idx},
    {"safetensors", "", 0, open_safetensors},
};

// A safetensors file has a brace after its first eight bytes, whatever those are.
static const struct kind *find_kind(const char *path, struct weft_error *err)
{
    char head[9] = "";
    FILE *f = fopen(path, "rb");
    if (!f || (!fread(head, 1, sizeof head, f) && ferror(f))) {
        failure_errno(err, path);
        if (f)
            fclose(f);
        return NULL;
    }
    fclose(f);
    const struct kind *k = kinds;
    while (k->length && (head[8] == '{' || memcmp(head, k->magic, (size_t)k->length) != 0))
        k++;
    if (k->length || head[8] == '{')
        return k;
    failure(err, WEFT_FORMAT, "%s: is no safetensors, npy, npz or IDX file", path);
    return NULL;
}

static bool open_content(struct content *c, const char *path, struct weft_error *err)
{
    struct stat st;
    *c = (struct content){.path = path};
    const struct kind *k = find_kind(path, err);
    if (!k || !k->open(c, err))
        return false;
    if (stat(path, &st))
        return failure_errno(err, path);
    c->format = k->name;
    c->bytes = (uint64_t)st.st_size;
    return true;
}

static void close_content(struct content *c)
{
    weft_safetensors_close(&c->safetensors);
    weft_npy_close(&c->npy);
    weft_npz_close(&c->npz);
    weft_data_destroy(&c->idx);
}

static const struct weft_file_tensor *tensor_at(const struct content *c, int i)
{
    if (c->safetensors)
        return weft_safetensors_at(c->safetensors, i);
    if (c->npz)
        return weft_npz_at(c->npz, i);
    return c->npy ? weft_npy_tensor(c->npy) : &c->idx_tensor;
}

static uint64_t elements(const struct weft_file_tensor *t)
{
    uint64_t n = 1;
    for (int i = 0; i < t->ndim; i++)
        n *= (uint64_t)t->shape[i];
    return n;
}

struct totals {
    uint64_t elements, bytes;
};

static struct totals sum_up(const struct content *c)
{
    struct totals sum = {0};
    for (int i = 0; i < c->count; i++) {
        const struct weft_file_tensor *t = tensor_at(c, i);
        sum.elements += elements(t);
        sum.bytes += elements(t) * weft_dtype_size(t->dtype);
    }
    return sum;
}

// In a file of one tensor that has none.
static const char *name_of(const struct weft_file_tensor *t)
{
    return *t->name ? t->name : "-";
}

static void print_tensor(const struct weft_file_tensor *t, int width)
{
    char shape[160], size[32];
    printf("  ");
    print_column(name_of(t), width);
    printf("  %-4s [%s]  %s\n", weft_dtype_name(t->dtype), shape_text(t->ndim, t->shape, shape),
           human_bytes(elements(t) * weft_dtype_size(t->dtype), size));
}

static void print_metadata(const struct content *c)
{
    const char *key;
    for (int i = 0; (key = weft_safetensors_metadata_key(c->safetensors, i)); i++) {
        const char *value = weft_safetensors_metadata(c->safetensors, key);
        printf(i ? "  " : "metadata\n  ");
        print_safe(key);
        fputs(" = ", stdout);
        print_safe(value);
        putchar('\n');
    }
}

static void print_text(const struct content *c)
{
    char size[32];
    struct totals sum = sum_up(c);
    int width = 0;
    print_safe(c->path);
    printf(": %s, %s\n", c->format, human_bytes(c->bytes, size));
    if (c->safetensors)
        checkpoint_describe(c->safetensors);
    printf("%d tensor%s, %" PRIu64 " element%s, %s\n", c->count, plural((uint64_t)c->count),
           sum.elements, plural(sum.elements), human_bytes(sum.bytes, size));
    for (int i = 0; i < c->count; i++) {
        int n = (int)strlen(name_of(tensor_at(c, i)));
        width = n > width && n <= 48 ? n : width;
    }
    for (int i = 0; i < c->count; i++)
        print_tensor(tensor_at(c, i), width);
    if (c->safetensors)
        print_metadata(c);
}

static void json_tensor(struct json *j, const struct weft_file_tensor *t)
{
    json_begin(j, NULL, '{');
    json_text(j, "name", t->name);
    json_text(j, "dtype", weft_dtype_name(t->dtype));
    json_begin(j, "shape", '[');
    for (int i = 0; i < t->ndim; i++)
        json_count(j, NULL, (uint64_t)t->shape[i]);
    json_end(j, ']');
    json_count(j, "elements", elements(t));
    json_count(j, "bytes", elements(t) * weft_dtype_size(t->dtype));
    json_end(j, '}');
}

static void json_metadata(struct json *j, const struct content *c)
{
    const char *key;
    json_begin(j, "metadata", '{');
    for (int i = 0; (key = weft_safetensors_metadata_key(c->safetensors, i)); i++)
        json_text(j, key, weft_safetensors_metadata(c->safetensors, key));
    json_end(j, '}');
}

static void print_json(const struct content *c)
{
    struct json j = {0};
    struct totals sum = sum_up(c);
    json_begin(&j, NULL, '{');
    json_text(&j, "file", c->path);
    json_text(&j, "format", c->format);
    json_count(&j, "file_bytes", c->bytes);
    json_count(&j, "elements", sum.elements);
    json_count(&j, "bytes", sum.bytes);
    json_begin(&j, "tensors", '[');
    for (int i = 0; i < c->count; i++)
        json_tensor(&j, tensor_at(c, i));
    json_end(&j, ']');
    if (c->safetensors) {
        json_metadata(&j, c);
        checkpoint_describe_json(&j, c->safetensors);
    }
    json_end(&j, '}');
}

int verb_info(int argc, char **argv)
{
    struct info_args args = {0};
    int code;
    const char *path = options_parse_file(&usage, argc, argv, &args, &code);
    if (!path)
        return code;
    struct weft_error err = {0};
    struct content c;
    if (open_content(&c, path, &err)) {
        (args.json ? print_json : print_text)(&c);
        code = EXIT_DONE;
    } else {
        code = console_fail("%s", err.text);
    }
    close_content(&c);
    return code;
}
