// The text of a tuning file: JSON that people read and compare, one entry a line.
#include "base/json.h"
#include "dev/tuning.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORMAT_VERSION = 1 };
static const int64_t max_number = INT64_C(1) << 53;

#define TEXTS(X) X(platform) X(device) X(vendor) X(type) X(driver) X(version)
#define SIZES(X) X(m) X(n) X(k) X(count)

static bool get_text(const wf_json *object, const char *key, char *to, size_t room)
{
    const char *text = wf_json_get_text(wf_json_member(object, key));
    return text && wf_copy_text(to, room, text);
}

static bool get_number(const wf_json *object, const char *key, int64_t *to)
{
    return wf_json_get_int(wf_json_member(object, key), to) && *to >= 0 && *to <= max_number;
}

static bool bad_entry(char why[160], const char *what)
{
    snprintf(why, 160, "%s", what);
    return false;
}

struct knobs {
    struct wf_tuning_entry *e;
    int count;
};

static bool read_knob(void *priv, const char *name, const wf_json *v)
{
    struct knobs *k = priv;
    int64_t value;
    if (k->count == WF_TUNING_KNOBS || !*name || !wf_json_get_int(v, &value) || value < 0 ||
        value > INT32_MAX)
        return false;
    k->e->knob[k->count].value = (int)value;
    return wf_copy_text(k->e->knob[k->count++].name, sizeof k->e->knob->name, name);
}

// copy_text() writes no zeros behind the end of a text, but the entry begins as zeros.
static bool read_entry(const wf_json *v, struct wf_tuning_entry *e, char why[160])
{
    struct wf_tuning_problem *p = &e->problem;
    *e = (struct wf_tuning_entry){0};
    if (!get_text(v, "op", p->op, sizeof p->op) ||
        !get_text(v, "dtype", p->dtype, sizeof p->dtype) ||
        !get_text(v, "form", p->form, sizeof p->form) ||
        !get_text(v, "variant", e->variant, sizeof e->variant))
        return bad_entry(why, "one of op, dtype, form and variant is no text, or too long");
#define X(name)                          \
    if (!get_number(v, #name, &p->name)) \
        return bad_entry(why, #name " is no number from 0");
    SIZES(X)
#undef X
    if (!get_number(v, "ns", &e->ns) || !get_number(v, "rule_ns", &e->rule_ns))
        return bad_entry(why, "ns or rule_ns is no number from 0");
    const wf_json *partial = wf_json_member(v, "partial");
    if (partial && !wf_json_get_bool(partial, &e->partial))
        return bad_entry(why, "partial is neither true nor false");
    struct knobs knobs = {.e = e};
    return wf_json_each(wf_json_member(v, "knobs"), read_knob, &knobs) ||
           bad_entry(why, "knobs are no object of up to 12 whole numbers");
}

static bool same_problem(const struct wf_tuning_problem *a, const struct wf_tuning_problem *b)
{
    return !memcmp(a, b, sizeof *a);
}

bool wf_tuning_file_put(struct wf_tuning_file *f, const struct wf_tuning_entry *e)
{
    size_t i = 0;
    while (i < f->count && !same_problem(&f->entry[i].problem, &e->problem))
        i++;
    if (i == f->count) {
        struct wf_tuning_entry *entry = realloc(f->entry, (i + 1) * sizeof *entry);
        if (!entry)
            return false;
        f->entry = entry;
        f->count++;
    }
    f->entry[i] = *e;
    return true;
}

static bool read_entries(struct wf_tuning_file *f, const wf_json *all, struct weft_error *err)
{
    for (size_t i = 0; i < wf_json_length(all); i++) {
        struct wf_tuning_entry e;
        char why[160];
        if (!read_entry(wf_json_at(all, i), &e, why)) {
            if (!f->bad++)
                snprintf(f->why, sizeof f->why, "number %zu: %.120s", i + 1, why);
        } else if (!wf_tuning_file_put(f, &e)) {
            return wf_fail_nomem(err, "tuning");
        }
    }
    return true;
}

static bool read_about(struct wf_tuning_about *a, const wf_json *v)
{
    int64_t version, kernels;
    bool ok = get_number(v, "weft_tuning", &version) && version == FORMAT_VERSION &&
              get_number(v, "kernels", &kernels) && kernels <= INT32_MAX;
    if (ok)
        a->kernels = (int)kernels;
#define X(name) ok = ok && get_text(v, #name, a->name, sizeof a->name);
    TEXTS(X)
#undef X
    return ok;
}

bool wf_tuning_parse(struct wf_tuning_file *f, const char *name, const char *text, size_t n,
                     struct weft_error *err)
{
    *f = (struct wf_tuning_file){0};
    wf_json *v = wf_json_parse(name, text, n, err);
    if (!v)
        return false;
    const wf_json *all = wf_json_member(v, "entries");
    bool ok = (read_about(&f->about, v) && wf_json_is_array(all)) ||
              wf_fail(err, WEFT_FORMAT,
                      "%s: is no tuning file: weft_tuning %d, kernels, platform, device, vendor, "
                      "type, driver, version and entries were wanted",
                      name, FORMAT_VERSION);
    ok = ok && read_entries(f, all, err);
    wf_json_free(v);
    return ok;
}

void wf_tuning_file_finish(struct wf_tuning_file *f)
{
    free(f->entry);
    *f = (struct wf_tuning_file){0};
}

static void write_text(struct wf_text *t, const char *key, const char *text)
{
    wf_json *v = wf_json_text(text);
    char *quoted = v ? wf_json_print(v) : NULL;
    wf_text_add(t, "\"%s\": %s", key, quoted ? quoted : "\"\"");
    t->failed = t->failed || !quoted;
    free(quoted);
    wf_json_free(v);
}

static void write_entry(struct wf_text *t, const struct wf_tuning_entry *e)
{
    const struct wf_tuning_problem *p = &e->problem;
    wf_text_add(t, "{");
    write_text(t, "op", p->op);
    wf_text_add(t, ", ");
    write_text(t, "dtype", p->dtype);
    wf_text_add(t, ", ");
    write_text(t, "form", p->form);
#define X(name) wf_text_add(t, ", \"%s\": %" PRId64, #name, p->name);
    SIZES(X)
#undef X
    wf_text_add(t, ", ");
    write_text(t, "variant", e->variant);
    wf_text_add(t, ", \"knobs\": {");
    for (int i = 0; i < WF_TUNING_KNOBS && *e->knob[i].name; i++)
        wf_text_add(t, "%s\"%s\": %d", i ? ", " : "", e->knob[i].name, e->knob[i].value);
    wf_text_add(t, "}, \"ns\": %" PRId64 ", \"rule_ns\": %" PRId64 "%s}", e->ns, e->rule_ns,
                e->partial ? ", \"partial\": true" : "");
}

void wf_tuning_write(struct wf_text *t, const struct wf_tuning_file *f)
{
    wf_text_add(t, "{\"weft_tuning\": %d, \"kernels\": %d,\n", FORMAT_VERSION, f->about.kernels);
#define X(name)                          \
    write_text(t, #name, f->about.name); \
    wf_text_add(t, ",\n");
    TEXTS(X)
#undef X
    wf_text_add(t, "\"entries\": [");
    for (size_t i = 0; i < f->count; i++) {
        wf_text_add(t, i ? ",\n" : "\n");
        write_entry(t, &f->entry[i]);
    }
    wf_text_add(t, "\n]}\n");
}
