// JSON on jansson. Its one process-wide setting, the allocator, is left alone.
#include "base/json.h"
#include <jansson.h>
#include <stdlib.h>

// jansson says nothing where a value finds no memory. It does not survive a token that finds none
// to grow (2.14 asserts), which nothing here can help.
wf_json *wf_json_parse(const char *name, const char *text, size_t n, struct weft_error *err)
{
    json_error_t e;
    json_t *v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (!v && (!*e.text || json_error_code(&e) == json_error_out_of_memory))
        wf_fail_nomem(err, name);
    else if (!v)
        wf_fail(err, WEFT_FORMAT, "%s: is no JSON: line %d, column %d: %s", name, e.line, e.column,
                e.text);
    return v;
}

void wf_json_free(wf_json *v)
{
    json_decref(v);
}

bool wf_json_get_int(const wf_json *v, int64_t *out)
{
    if (!json_is_integer(v))
        return false;
    *out = json_integer_value(v);
    return true;
}

bool wf_json_get_real(const wf_json *v, double *out)
{
    if (!json_is_number(v))
        return false;
    *out = json_number_value(v);
    return true;
}

bool wf_json_get_bool(const wf_json *v, bool *out)
{
    if (!json_is_boolean(v))
        return false;
    *out = json_is_true(v);
    return true;
}

const char *wf_json_get_text(const wf_json *v)
{
    return json_string_value(v);
}

wf_json *wf_json_member(const wf_json *object, const char *key)
{
    return json_object_get(object, key);
}

bool wf_json_is_object(const wf_json *v)
{
    return json_is_object(v);
}

bool wf_json_is_array(const wf_json *v)
{
    return json_is_array(v);
}

size_t wf_json_length(const wf_json *array)
{
    return json_array_size(array);
}

wf_json *wf_json_at(const wf_json *array, size_t i)
{
    return json_array_get(array, i);
}

bool wf_json_each(const wf_json *object,
                  bool (*each)(void *priv, const char *key, const wf_json *v), void *priv)
{
    json_t *o = (json_t *)object; // jansson's iterators are not const
    if (!json_is_object(o))
        return false;
    for (void *i = json_object_iter(o); i; i = json_object_iter_next(o, i)) {
        if (!each(priv, json_object_iter_key(i), json_object_iter_value(i)))
            return false;
    }
    return true;
}

wf_json *wf_json_object(void)
{
    return json_object();
}

wf_json *wf_json_array(void)
{
    return json_array();
}

wf_json *wf_json_int(int64_t v)
{
    return json_integer(v);
}

wf_json *wf_json_real(double v)
{
    return json_real(v);
}

wf_json *wf_json_bool(bool v)
{
    return json_boolean(v);
}

wf_json *wf_json_text(const char *v)
{
    return json_string(v);
}

bool wf_json_set(wf_json *object, const char *key, wf_json *v)
{
    return !json_object_set_new(object, key, v);
}

bool wf_json_append(wf_json *array, wf_json *v)
{
    return !json_array_append_new(array, v);
}

char *wf_json_print(const wf_json *v)
{
    // Not json_dumps(): the host program may have given jansson an allocator of its own, and then
    // free() would not fit.
    size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY;
    size_t n = json_dumpb(v, NULL, 0, flags);
    char *text = n ? malloc(n + 1) : NULL;
    if (!text || json_dumpb(v, text, n, flags) != n) {
        free(text);
        return NULL;
    }
    text[n] = 0;
    return text;
}
