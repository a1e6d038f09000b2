// JSON: the only place that speaks to the JSON library. Numbers without a fraction are exact 64-bit
// integers. Texts are UTF-8.
#ifndef WF_BASE_JSON_H
#define WF_BASE_JSON_H
#include "base/error.h"

typedef struct json_t wf_json;

// Strict: no duplicate keys, nothing after the value. `name` is the file, for the error text.
// Owned by the caller.
wf_json *wf_json_parse(const char *name, const char *text, size_t n, struct weft_error *err);
void wf_json_free(wf_json *v);

// Each returns false (NULL) if v is NULL or of another kind. What they return is borrowed from v.
bool wf_json_get_int(const wf_json *v, int64_t *out);
bool wf_json_get_real(const wf_json *v, double *out); // of any number
bool wf_json_get_bool(const wf_json *v, bool *out);
const char *wf_json_get_text(const wf_json *v);
wf_json *wf_json_member(const wf_json *object, const char *key);
bool wf_json_is_object(const wf_json *v);
bool wf_json_is_array(const wf_json *v);
size_t wf_json_length(const wf_json *array);
wf_json *wf_json_at(const wf_json *array, size_t i);
// Calls each() for the members in the order of the text until it returns false; true if all were.
bool wf_json_each(const wf_json *object,
                  bool (*each)(void *priv, const char *key, const wf_json *v), void *priv);

// Making values: NULL when out of memory, and for a text that is not UTF-8. wf_json_set and
// wf_json_append take the value; false if it is NULL or memory ran out.
wf_json *wf_json_object(void);
wf_json *wf_json_array(void);
wf_json *wf_json_int(int64_t v);
wf_json *wf_json_real(double v);
wf_json *wf_json_bool(bool v);
wf_json *wf_json_text(const char *v);
bool wf_json_set(wf_json *object, const char *key, wf_json *v);
bool wf_json_append(wf_json *array, wf_json *v);
// The text on one line, owned by the caller (free); NULL when out of memory.
char *wf_json_print(const wf_json *v);

#endif
