// Parameters from safetensors files.
//
// First every tensor of the file gets its place in the store, and every tensor of the store is
// looked up in the file; what does not fit is told, counted, and its first few names kept for the
// error. Only then is anything made.
#include "file/safetensors.h"
#include "nn/checkpoint_convert.h"
#include "nn/params.h"
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 3, KINDS = WEFT_LOAD_DTYPE + 1 };

// A tensor of the file that the store wants.
struct item {
    const struct weft_file_tensor *t;
    char *name;                   // under which the store keeps it
    struct wf_param *q;           // NULL: to be made
    enum weft_load_problem unfit; // 0: it is loaded
    UT_hash_handle hh;            // by name
};

struct load {
    weft_params *p;
    const char *path;
    struct weft_params_load_params o;
    const weft_safetensors *file;
    bool known; // the store has tensors with the prefix: they say which are wanted
    struct item *items;
    int fit, problems[KINDS];
    struct wf_text shown[KINDS]; // the first names
    struct weft_error *err;
};

static void tell(struct load *l, enum weft_load_problem kind, const char *name)
{
    if (l->problems[kind]++ < SHOWN)
        wf_text_add(&l->shown[kind], "%s\"%.60s\"", l->shown[kind].length ? ", " : "", name);
    if (l->o.report)
        l->o.report(l->o.priv, kind, name);
}

static bool same_shape(const struct weft_file_tensor *t, int ndim, const int64_t *shape)
{
    return t->ndim == ndim && !memcmp(t->shape, shape, (size_t)ndim * sizeof *shape);
}

// Names that are tied, or were renamed to one, may be in the file together if they agree.
static bool agree(const struct load *l, const struct weft_file_tensor *a,
                  const struct weft_file_tensor *b)
{
    size_t bytes = (size_t)wf_shape_count(a->ndim, a->shape) * weft_dtype_size(a->dtype);
    return (a->dtype == b->dtype && same_shape(a, b->ndim, b->shape) &&
            !memcmp(a->data, b->data, bytes)) ||
           wf_fail(l->err, WEFT_FORMAT, "%s: %.60s and %.60s are one parameter here and differ",
                   l->path, a->name, b->name);
}

static struct item *add_item(struct load *l, const struct weft_file_tensor *t, const char *name)
{
    unsigned count = HASH_COUNT(l->items);
    struct item *i = calloc(1, sizeof *i);
    if (i && (i->name = wf_strdup(name)))
        HASH_ADD_KEYPTR(hh, l->items, i->name, strlen(i->name), i);
    if (HASH_COUNT(l->items) > count) {
        i->t = t;
        return i;
    }
    if (i)
        free(i->name);
    free(i);
    wf_fail_nomem(l->err, l->path);
    return NULL;
}

// One tensor of the file.
static bool place(struct load *l, const struct weft_file_tensor *t)
{
    if (wf_params_skips(t->name))
        return true;
    const char *name = l->o.rename ? l->o.rename(l->o.priv, t->name) : t->name;
    if (!name || !wf_begins(name, l->o.prefix))
        return true;
    if (!wf_params_name_ok(l->path, name, l->err))
        return false;
    const char *root = wf_params_root(l->p, name);
    struct wf_param *q = wf_params_find(l->p, root);
    struct item *i = NULL;
    if (!q && l->known) {
        tell(l, WEFT_LOAD_UNEXPECTED, name);
        return true;
    }
    HASH_FIND_STR(l->items, root, i);
    if (i)
        return agree(l, i->t, t);
    if (!(i = add_item(l, t, root)))
        return false;
    i->q = q;
    if (q && !same_shape(t, q->ndim, q->shape))
        i->unfit = WEFT_LOAD_SHAPE;
    else if (!wf_fits_f32(t))
        i->unfit = WEFT_LOAD_DTYPE;
    if (i->unfit)
        tell(l, i->unfit, name);
    l->fit += !i->unfit;
    return true;
}

// Finds a place for everything, and what has none.
static bool compare(struct load *l)
{
    const struct weft_file_tensor *t;
    for (int i = 0; i < l->p->count; i++)
        l->known = l->known || wf_params_matches(l->p, l->p->param[i], l->o.prefix);
    for (int i = 0; (t = weft_safetensors_at(l->file, i)); i++) {
        if (!place(l, t))
            return false;
    }
    for (int i = 0; i < l->p->count; i++) {
        const struct wf_param *q = l->p->param[i];
        const char *name = wf_params_matches(l->p, q, l->o.prefix);
        struct item *found = NULL;
        HASH_FIND_STR(l->items, q->name, found);
        if (name && !found)
            tell(l, WEFT_LOAD_MISSING, name);
    }
    return true;
}

static bool fail_unfit(const struct load *l)
{
    const struct item *i = l->items;
    enum weft_load_problem kind = l->problems[WEFT_LOAD_SHAPE] ? WEFT_LOAD_SHAPE : WEFT_LOAD_DTYPE;
    while (i->unfit != kind)
        i = i->hh.next;
    if (kind == WEFT_LOAD_SHAPE)
        return wf_fail(l->err, WEFT_SHAPE, "%s: %.80s is %s; %s was wanted", l->path, i->name,
                       WF_SHAPE(i->t->ndim, i->t->shape), WF_SHAPE(i->q->ndim, i->q->shape));
    return wf_fail(l->err, WEFT_DTYPE, "%s: %.80s is %s with numbers that no F32 equals", l->path,
                   i->name, weft_dtype_name(i->t->dtype));
}

// " and 4 more", for those of a kind that are not shown.
static const char *others(const struct load *l, enum weft_load_problem kind, char text[32])
{
    int more = l->problems[kind] - SHOWN;
    text[0] = 0;
    if (more > 0)
        snprintf(text, 32, " and %d more", more);
    return text;
}

static bool fail_names(const struct load *l)
{
    const struct wf_text *missing = &l->shown[WEFT_LOAD_MISSING],
                         *unexpected = &l->shown[WEFT_LOAD_UNEXPECTED];
    char a[32], b[32];
    bool both = missing->length && unexpected->length;
    return wf_fail(l->err, WEFT_FORMAT, "%s: %s%s%s%s%s%s%s", l->path,
                   missing->length ? "has no tensor " : "", wf_text_get(missing),
                   others(l, WEFT_LOAD_MISSING, a), both ? "; " : "",
                   unexpected->length ? "the params have no " : "", wf_text_get(unexpected),
                   others(l, WEFT_LOAD_UNEXPECTED, b));
}

// Is what was found an error?
static bool accept(const struct load *l)
{
    if (!l->o.partial && (l->problems[WEFT_LOAD_SHAPE] || l->problems[WEFT_LOAD_DTYPE]))
        return fail_unfit(l);
    if (!l->o.partial && (l->problems[WEFT_LOAD_MISSING] || l->problems[WEFT_LOAD_UNEXPECTED]))
        return fail_names(l);
    if (l->fit || (!*l->o.prefix && !l->o.partial))
        return true;
    return wf_fail(l->err, WEFT_FORMAT, "%s: none of its %d tensors fits a parameter%s%s", l->path,
                   weft_safetensors_count(l->file), *l->o.prefix ? " that begins with " : "",
                   l->o.prefix);
}

// New storage with the value of a tensor.
static struct wf_storage *upload(weft_device *dev, const struct weft_file_tensor *t,
                                 struct weft_error *err)
{
    struct weft_error e = {0};
    int64_t n = wf_shape_count(t->ndim, t->shape);
    size_t bytes = (size_t)n * sizeof(float);
    float *copy = t->dtype == WEFT_F32 ? NULL : malloc(bytes + 1);
    bool ok = copy || t->dtype == WEFT_F32 || wf_fail_nomem(&e, t->name);
    if (copy)
        wf_to_f32(t, n, copy);
    struct wf_storage *s = ok ? wf_storage_new(dev, bytes, &e) : NULL;
    ok = s && wf_upload(dev, s->mem, 0, copy ? copy : t->data, bytes, &e);
    free(copy);
    if (ok)
        return s;
    wf_storage_unref(s);
    wf_fail_in(err, "load", &e);
    return NULL;
}

// All or nothing: the values are on the device, and new parameters made, before one is exchanged.
static bool put(struct load *l)
{
    struct wf_exchange x;
    bool ok = wf_exchange_init(&x, "load", l->p, l->fit, l->err);
    for (const struct item *i = l->items; ok && i; i = i->hh.next) {
        const struct weft_file_tensor *t = i->t;
        if (i->unfit)
            continue;
        struct wf_storage *value = upload(l->p->dev, t, l->err);
        if (!value || i->q) {
            ok = wf_exchange_add(&x, i->q, value);
            continue;
        }
        struct wf_param *q = wf_params_add(l->p, i->name, t->ndim, t->shape, value, l->err);
        ok = q != NULL;
        if (q)
            q->unsettled = true;
    }
    return wf_exchange_finish(&x, ok);
}

static void finish(struct load *l)
{
    struct item *i, *next;
    HASH_ITER(hh, l->items, i, next) {
        HASH_DEL(l->items, i);
        free(i->name);
        free(i);
    }
    for (int k = 0; k < KINDS; k++)
        wf_text_finish(&l->shown[k]);
}

bool weft_params_load_from(weft_params *p, const weft_safetensors *f,
                           const struct weft_params_load_params *params, struct weft_error *err)
{
    struct load l = {.p = p, .file = f, .err = err};
    WF_PARAMS(l.o, params);
    if (!p || !f)
        return wf_fail(err, WEFT_PARAM, "load: %s NULL", p ? "the file is" : "the params are");
    l.path = wf_safetensors_path(f);
    if (!l.o.prefix)
        l.o.prefix = "";
    bool ok = compare(&l) && accept(&l) && put(&l);
    finish(&l);
    return ok;
}

bool weft_params_load(weft_params *p, const char *path,
                      const struct weft_params_load_params *params, struct weft_error *err)
{
    if (!p || !path)
        return wf_fail(err, WEFT_PARAM, "load: %s NULL", p ? "the path is" : "the params are");
    weft_safetensors *f = weft_safetensors_open(path, err);
    bool ok = f && weft_params_load_from(p, f, params, err);
    weft_safetensors_close(&f);
    return ok;
}
